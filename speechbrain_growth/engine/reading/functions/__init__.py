"""What each function does with the axes of the tensors that it gets.

Importing any file of this folder registers the rules of all of them.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions import (
    along,
    einsum,
    indexing,
    layers,
    parts,
    pointwise,
    reshaping,
    scores,
    shapes,
    sums,
)
