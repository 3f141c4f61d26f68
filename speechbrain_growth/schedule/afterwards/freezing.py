"""Reads what a growth freezes: all units from before it, or some by name.

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
    if growth.old and growth.freeze == ():
        problems.append(
            "freeze is none, which releases all, beside old, which freezes; "
            "keep one of them"
        )
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
    before = [one for one in growths if one.number < growth.number]
    freed = [n for n, one in enumerate(before) if one.freeze == ()]
    since = before[freed[-1] :] if freed else before
    since = [] if growth.freeze == () else since
    named = [one for one in since if one.old or one.freeze]
    earlier = [one for one in since if one.old]
    if not named or growth.adds_nothing:
        return []
    frozen = f"growth[{named[0].number}] has frozen; use"
    if growth.amount.firefly is not None:
        return [
            f"firefly splits units that {frozen} adds, with symmetry: fresh"
        ]
    if not earlier:
        return []  # whether it reads them is seen once the model is built
    frozen, found = f"growth[{earlier[0].number}] has frozen; use", []
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


def frozen_after(growths):
    """Returns what growths have frozen, in words.

    Arguments
    ---------
    growths : list of Growth
        Those that happened, in order.

    Returns
    -------
    list of str
        ``none`` for the last that released all, then ``old`` and names.

    Example
    -------
    >>> from speechbrain_growth.schedule.growth import parse
    >>> entries = [
    ...     {"after_epoch": 1, "width": 8, "freeze": "old"},
    ...     {"after_epoch": 2, "freeze": "none"},
    ...     {"after_epoch": 3, "freeze": ["head"]},
    ... ]
    >>> [frozen_after(parse(entries[:n])) for n in (1, 2, 3)]
    [['old'], ['none'], ['none', 'head']]
    """
    found = []
    for growth in growths:
        found = ["none"] if growth.freeze == () else found
        found = found + ["old"] * bool(growth.old) + list(growth.freeze or ())
    return found


def frozen_by(growth):
    """Returns what a growth freezes, as ``carry`` takes it.

    Arguments
    ---------
    growth : Growth
        Any.

    Returns
    -------
    str or list of str
        ``old``, or names; an empty list if it freezes nothing.
    """
    return "old" if growth.old else list(growth.freeze or ())


def freezing_in_words(growth):
    """Says what a growth freezes, for people.

    Arguments
    ---------
    growth : Growth
        Any.

    Returns
    -------
    list of str
        Empty if it leaves this as it is.
    """
    if growth.freeze == ():
        return ["trains all again"]
    names = ["old units"] if growth.old else list(growth.freeze or ())
    return [f"freezes {', '.join(names)}"] * bool(names)


def read_freeze(value):
    """Freezes layers or weights, as they are before the growth.

    ``old`` is all of them, as ``old: frozen``; the symmetry is ``fresh`` then.
    Names are those of the model's modules, with all that is inside: ``*`` stands
    for any letters. What the growth adds to a named layer is trained, but its
    old units read no new ones. Running statistics stay, too. ``none`` trains
    everything again. Freezing and releasing need no size that grows.

    Values: ``old``, a list of names such as ``[model.CNN, "*.norm"]``, or
    ``none``.
    Default: nothing more is frozen
    """
    if value == "old":
        return {"old": "frozen"}
    if value in ("none", [], ()):
        return {"freeze": ()}
    listed = isinstance(value, (list, tuple))
    if not listed or not all(isinstance(n, str) and n for n in value):
        raise GrowthError(
            f"freeze is {value!r}; it must be old, none, or a list of names, "
            "such as [model.CNN]"
        )
    return {"freeze": tuple(value)}


def read_old(value):
    """Freezes the units that the model has before the growth.

    Only weights that enter a new unit, those of new layers, and what the outputs
    read of new units are trained from then on, until ``freeze: none``. Running
    statistics of old units stay, too. The symmetry is ``fresh`` then, as any
    other changes what the old units send.

    Values: ``frozen``.
    Default: all units are trained
    """
    if value != "frozen":
        raise GrowthError(f"old is {value!r}; it must be frozen, or left out")
    return {"old": value}
