"""Reads the condition of a growth as a YAML has it.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.conditions.condition import (
    ANSWERS,
    WINDOW,
    Condition,
)
from speechbrain_growth.schedule.conditions.kinds import (
    CONDITIONS_OF,
    METRIC,
    Share,
)
from speechbrain_growth.schedule.conditions.registry import (
    CONDITIONS,
    kinds_of,
    parameters_of,
)


def read(name, value):
    """Reads what a YAML gives under a condition's key.

    Arguments
    ---------
    name : str
        The condition.
    value : object
        A mapping of its arguments, or the value of the first one.

    Returns
    -------
    Condition

    Raises
    ------
    GrowthError
        If an argument is unknown, missing, or of another kind.

    Example
    -------
    >>> read("after_epoch", 10).values
    {'epoch': 10}
    >>> print(read("any_of", [{"after_epoch": 10}, {"on_plateau": "PER"}]))
    any_of after_epoch 10, or on_plateau PER
    """
    takes = parameters_of(name)
    known = [parameter.name for parameter in takes]
    kinds = kinds_of(name)
    if not isinstance(value, dict):
        value = {known[0]: value}
    more = {} if Condition(name, {}).is_date else WINDOW
    more = {**more, **ANSWERS} if METRIC in kinds.values() else more
    known, kinds = [*known, *more], {**kinds, **more}
    required = [p.name for p in takes if p.default is p.empty]
    unknown = [key for key in value if key not in known]
    missing = [key for key in required if key not in value]
    if unknown or missing:
        found = ", ".join(map(str, value)) or "nothing"
        hints = [did_you_mean(key, known) for key in unknown]
        hint = next(filter(None, hints), "")
        raise GrowthError(
            f"{name}: found {found}; {hint and hint + ' '}it takes "
            f"{', '.join(known)}, of which {', '.join(required)} must be given"
        )
    problems = [
        f"{name}: {key} is {given!r}; it must be {kinds[key].words}"
        for key, given in value.items()
        if kinds[key] and not kinds[key].fits(given)
    ]
    if problems:
        raise GrowthError(problems)
    values = {k: kinds[k].read(v) if kinds[k] else v for k, v in value.items()}
    window = {key: values.pop(key) for key in more if key in values}
    _check_window(name, **window)
    for key, kind in kinds.items():
        if kind is CONDITIONS_OF:
            values[key] = [read_one(entry) for entry in values[key]]
    return Condition(name, values, window)


def read_one(entry):
    """Reads a condition inside another: a mapping with its name alone.

    Arguments
    ---------
    entry : dict
        Such as ``{"on_plateau": "PER"}``.

    Returns
    -------
    Condition

    Raises
    ------
    GrowthError
        If it is none.
    """
    names = list(entry) if isinstance(entry, dict) else []
    if len(names) != 1 or names[0] not in CONDITIONS:
        hints = [did_you_mean(str(name), CONDITIONS) for name in names]
        hint = next(filter(None, hints), "")
        raise GrowthError(
            f"found {entry!r}; {hint and hint + ' '}it must be one condition "
            f"such as {{on_plateau: PER}}, of {', '.join(CONDITIONS)}"
        )
    return read(names[0], entry[names[0]])


def _check_window(name, not_before=0, not_after=None, **_):
    """Raises if a window ends before it begins."""
    alike = isinstance(not_before, Share) == isinstance(not_after, Share)
    if not_after is not None and alike and not_before > not_after:
        raise GrowthError(
            f"{name}: not_before is {not_before} and not_after {not_after}; "
            "give a later not_after, or an earlier not_before"
        )
