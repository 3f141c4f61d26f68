"""Reads how new layers begin, and from how many batches new units do.

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


def read_birth(value):
    """Sets how new layers begin.

    Values: one of the ways below, or ``{WAY: [names]}`` with the dotted names
    of the new layers, where their types do not tell which layers are new.
    Default: ``gate`` for a layer that has a gate, ``identity`` for any other
    """
    # Imported here, as a list without it is read without torch
    from speechbrain_growth.engine.births.layers import WAYS

    way, names = value, ()
    if isinstance(value, dict) and len(value) == 1:
        ((way, names),) = value.items()
        listed = isinstance(names, (list, tuple))
        names = tuple(names) if listed else (names,)
    named = all(isinstance(name, str) and name for name in names)
    if not isinstance(way, str) or way not in WAYS or not named:
        raise GrowthError(
            f"birth is {value!r}; it must be one of "
            f"{', '.join(WAYS)}, or {{one of them: [names of the "
            "layers that are born]}"
        )
    return {"birth": way, "born": names}
