"""What each type of layer does with the units that arrive.

Importing any file of this folder registers the rules of all of them.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.rules import (
    attention,
    axes,
    convolution,
    norms,
    positions,
    recurrent,
    speaker,
    speechbrain,
    units,
)
