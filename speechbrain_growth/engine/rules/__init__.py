"""What each type of layer does with the units that arrive.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.rules import (
    attention,
    axes,
    convolution,
    forward,
    functions,
    recurrent,
    speaker,
    speechbrain,
    units,
)
