"""Reads from how many batches new units begin.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError

BATCHES = 8


def read_batches(value):
    """Sets from how many batches of training data new units begin.

    They are the first of the coming epoch. What a pass and the statistics cost is
    counted in the MACs of the run. Only with ``symmetry`` ``gradmax`` or ``tiny``.

    Values: a whole number above 0.
    Default: ``8``
    """
    if type(value) is not int or value < 1:
        raise GrowthError(
            f"batches is {value!r}; it must be a whole number above 0"
        )
    return {"batches": value}


def check_batches(growth, entry):
    """Raises if batches are named that no new unit is begun from.

    Arguments
    ---------
    growth : Growth
        As it was read.
    entry : dict
        What it was read from.

    Raises
    ------
    GrowthError
        Saying what to use instead.
    """
    if "batches" in entry and not growth.symmetry.fills:
        raise GrowthError(
            f"batches is {growth.batches}, but symmetry {growth.symmetry} reads "
            "none; leave it out, or use symmetry: {gradmax: 0.5}"
        )
