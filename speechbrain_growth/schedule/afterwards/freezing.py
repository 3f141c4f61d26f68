"""Reads whether the units from before a growth are frozen.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.afterwards.new_outputs import splits


def check_old(growth):
    """Raises if old units are to be frozen that the growth would change.

    Arguments
    ---------
    growth : Growth
        Its ``old`` is empty if they are trained on.

    Raises
    ------
    GrowthError
        If it changes what old units send or read, or splits old outputs.
    """
    problems = []
    if growth.old and str(growth.symmetry) != "fresh":
        problems.append(
            f"old is {growth.old}, but symmetry {growth.symmetry} changes what "
            "old units send or read; use fresh, or leave symmetry out"
        )
    if growth.old and splits(growth.outputs):
        problems.append(
            f"old is {growth.old}, but an old output that splits changes; use "
            "outputs: fresh, or null for each parent"
        )
    if problems:
        raise GrowthError(problems)


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
    if not earlier or growth.adds_nothing:
        return []
    frozen = f"growth[{earlier[0].number}] has frozen; use"
    if growth.amount.firefly is not None:
        return [
            f"firefly splits units that {frozen} adds, with symmetry: fresh"
        ]
    found = []
    if str(growth.symmetry) != "fresh":
        found.append(
            f"symmetry {growth.symmetry} would change units that {frozen} "
            "symmetry: fresh"
        )
    if splits(growth.outputs):
        found.append(
            f"outputs: a split would change outputs that {frozen} outputs: "
            "fresh, or null for each parent"
        )
    return found


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
