"""Reads whether the units from before a growth are frozen.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError


def check_old(old, symmetry):
    """Raises if old units are to be frozen that the growth would change.

    Arguments
    ---------
    old : str
        From ``read_old``; empty if they are trained on.
    symmetry : Symmetry
        How the new units begin.

    Raises
    ------
    GrowthError
        If the symmetry changes what old units send or read.
    """
    if old and str(symmetry) != "fresh":
        raise GrowthError(
            f"old is {old}, but symmetry {symmetry} changes what old units "
            "send or read; use fresh, or leave symmetry out"
        )


def thawing(growth, growths):
    """Says if a growth would change what an earlier one has frozen.

    Arguments
    ---------
    growth : Growth
        One of them.
    growths : list of Growth
        In the order of the schedule.

    Returns
    -------
    list of str
        Empty if it leaves old units alone.
    """
    earlier = [one for one in growths if one.old and one.number < growth.number]
    if not earlier or growth.adds_nothing or str(growth.symmetry) == "fresh":
        return []
    return [
        f"symmetry {growth.symmetry} would change units that growth"
        f"[{earlier[0].number}] has frozen; use symmetry: fresh"
    ]


def read_old(value):
    """Freezes the units that the model has before the growth, for good.

    Only weights that enter a new unit, those of new layers, and what the outputs
    read of new units are trained from then on. The symmetry is ``fresh`` then, as any other changes what the
    old units send.

    Values: ``frozen``.
    Default: all units are trained
    """
    if value != "frozen":
        raise GrowthError(f"old is {value!r}; it must be frozen, or left out")
    return {"old": value}
