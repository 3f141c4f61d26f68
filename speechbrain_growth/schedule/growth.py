"""Reads the list of growths, and compares it with the model and the run.

Authors
 * The speechbrain_growth authors 2026
"""

import difflib
from typing import NamedTuple, Tuple, Union

from speechbrain_growth.engine.births.units import Symmetry, symmetry_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions import (
    CONDITIONS,
    arguments,
    dates_of,
    directed,
    is_date,
)

FOLD = 300  # steps; some hundred are enough for the layers behind to follow
WAYS_OF_BIRTH = ("gate", "identity", "copy")


class Growth(NamedTuple):
    """One entry of the schedule.

    Arguments
    ---------
    condition : str
        Name of the condition.
    arguments : dict
        Its arguments.
    sizes : dict
        YAML keys and what they become.
    lr : float
        Scales the learning rate from here on.
    rewarm : int
        Steps over which the learning rate climbs to its value again.
    units : str
        Whose: ``all`` or ``new``.
    optimizer : str
        ``carry`` or ``reset``: what becomes of the optimizer's state.
    symmetry : Symmetry
        How new units come to differ from old ones.
    birth : str
        How layers are born: ``gate``, ``identity`` or ``copy``; None: a gate
        where there is one, an identity elsewhere.
    born : tuple of str
        Names of the layers that are born, where types do not tell.
    fold : int
        Steps over which a LayerNorm whose units count differently becomes the
        stock layer.
    """

    condition: str
    arguments: dict
    sizes: dict
    lr: float = 1.0
    rewarm: int = 0
    units: str = "all"
    optimizer: str = "carry"
    symmetry: Symmetry = Symmetry()
    birth: Union[str, None] = None
    born: Tuple[str, ...] = ()
    fold: int = FOLD

    @property
    def when(self):
        """The condition in words."""
        words = [f"{key} {value}" for key, value in self.arguments.items()]
        if len(words) == 1:
            words = [str(value) for value in self.arguments.values()]
        return f"{self.condition} {', '.join(words)}"


def parse(growth):
    """Reads the list of growths.

    Arguments
    ---------
    growth : list of dict
        As in the YAML.

    Returns
    -------
    list of Growth

    Raises
    ------
    GrowthError
        Naming every entry that cannot be read.

    Example
    -------
    >>> parse([{"after_epoch": 10, "rnn_neurons": 256}])[0].when
    'after_epoch 10'
    """
    if not isinstance(growth, (list, tuple)):
        raise GrowthError(
            f"growth: found {growth!r}; it must be a list of growths, [] for "
            "none"
        )
    growths, problems = [], []
    for number, entry in enumerate(growth):
        try:
            growths.append(_parse_entry(entry))
        except GrowthError as error:
            problems += [f"growth[{number}]: {p}" for p in error.problems]
    if problems:
        raise GrowthError(problems)
    return growths


def _parse_entry(entry):
    """Reads one growth."""
    if not isinstance(entry, dict):
        raise GrowthError(
            f"found {entry!r}; it must be a mapping such as "
            "{after_epoch: 10, rnn_neurons: 256}"
        )
    when = [key for key in entry if key in CONDITIONS]
    if len(when) != 1:
        raise GrowthError(
            f"found {' and '.join(when) or 'no condition'}; it must have one "
            f"of {', '.join(CONDITIONS)}"
        )
    after = ("lr", "optimizer", "symmetry", "birth", "fold")
    sizes = {k: v for k, v in entry.items() if k not in (*when, *after)}
    if not sizes:
        raise GrowthError("found no size; name at least one that grows")
    for key, size in sizes.items():
        numbers = _as_list(size)
        if not numbers or any(type(n) is not int or n < 1 for n in numbers):
            raise GrowthError(
                f"{key} is {size!r}; a size must be a whole number above 0, or "
                "a list of them (never a factor)"
            )
    lr, rewarm, units = _parse_lr(entry.get("lr", "keep"))
    optimizer = entry.get("optimizer", "carry")
    if optimizer not in ("carry", "reset"):
        raise GrowthError(
            f"optimizer is {optimizer!r}; it must be carry or reset"
        )
    birth, born = (
        _parse_birth(entry["birth"]) if "birth" in entry else (None, ())
    )
    fold = entry.get("fold", FOLD)
    if type(fold) is not int or fold < 1:
        raise GrowthError(
            f"fold is {fold!r}; it must be a number of steps above 0"
        )
    return Growth(
        when[0],
        arguments(when[0], entry[when[0]]),
        {k: list(v) if _is_list(v) else v for k, v in sizes.items()},
        lr,
        rewarm,
        units,
        optimizer,
        _parse_symmetry(entry.get("symmetry", "shares")),
        birth,
        born,
        fold,
    )


def _is_number(value):
    """Whether a value is a number above 0."""
    return type(value) in (int, float) and 0 < value < float("inf")


def _parse_lr(value):
    """Reads ``keep``, a factor, or ``{rewarm: N, units: new}``."""
    if value == "keep":
        return 1.0, 0, "all"
    if _is_number(value):
        return float(value), 0, "all"
    if isinstance(value, dict) and set(value) - {"units"} == {"rewarm"}:
        steps, units = value["rewarm"], value.get("units", "all")
        if type(steps) is int and steps > 0 and units in ("all", "new"):
            return 1.0, steps, units
    raise GrowthError(
        f"lr is {value!r}; it must be keep, a factor above 0, "
        "{rewarm: number of steps}, or {rewarm: number of steps, units: new}"
    )


def _parse_symmetry(value):
    """Reads a way to break the symmetry; one that breaks none is refused."""
    symmetry = symmetry_of(value)
    if not symmetry.breaks:
        raise GrowthError(
            f"symmetry is {value!r}: the copies of a unit stay identical for "
            "ever; use shares, or {zero_sum: 0.1}"
        )
    return symmetry


def _parse_birth(value):
    """Reads ``gate``, or ``{gate: [names of the layers]}``."""
    names = ()
    if isinstance(value, dict) and len(value) == 1:
        ((value, names),) = value.items()
        names = tuple(names) if _is_list(names) else (names,)
    named = all(isinstance(name, str) and name for name in names)
    if value not in WAYS_OF_BIRTH or not named:
        ways = ", ".join(WAYS_OF_BIRTH)
        raise GrowthError(
            f"birth is {value!r}; it must be one of {ways}, or {{one of them: "
            "[names of the layers that are born]}"
        )
    return value, names


def _is_list(value):
    """Whether a size has several numbers."""
    return isinstance(value, (list, tuple))


def _as_list(value):
    """A size as a list of numbers."""
    return list(value) if _is_list(value) else [value]


def _listed(growth):
    """A growth's sizes as lists."""
    return [(key, _as_list(size)) for key, size in growth.sizes.items()]


def check(growths, sizes, epochs, better=None):
    """Compares the growths with the model and the length of the run.

    Arguments
    ---------
    growths : list of Growth
        In the order of the schedule.
    sizes : dict
        All sizes of the model, as the run begins.
    epochs : int
        Number of the run's epochs.
    better : dict
        Metrics of which the run's logger knows whether ``lower`` or ``higher``
        values are better.

    Raises
    ------
    GrowthError
        Naming everything that cannot be.
    """
    problems, now, dates = [], dict(sizes), {}
    for number, growth in enumerate(growths):
        here = f"growth[{number}] ({growth.when})"
        for key, size in growth.sizes.items():
            problems += _size_problems(here, key, size, now)
        problems += [
            f"{here}: {key} is {date}, but the last epoch is {epochs}; a "
            f"growth happens between epochs, after {epochs - 1} at most"
            for key, date in dates_of(
                growth.condition, growth.arguments
            ).items()
            if date >= epochs
        ]
        try:
            directed(growth.condition, growth.arguments, better)
        except GrowthError as error:
            problems += [f"{here}: {problem}" for problem in error.problems]
        if all(_as_list(now.get(k)) == s for k, s in _listed(growth)):
            problems.append(
                f"{here}: the model has these sizes already; name at "
                "least one larger size, or drop the entry"
            )
        if is_date(growth.condition):
            date = max(growth.arguments.values())
            if dates and date <= max(dates):
                problems.append(
                    f"{here}: comes after growth[{dates[max(dates)]}] in "
                    f"the list, whose epoch is {max(dates)}; each date "
                    "must be later than those before it"
                )
            dates[date] = number
        now.update({k: v for k, v in growth.sizes.items() if k in now})
    if problems:
        raise GrowthError(problems)


def _size_problems(here, key, size, now):
    """What is wrong with one size, compared with the model's."""
    if key not in now:
        near = difflib.get_close_matches(str(key), now, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        return [
            f"{here}: the model has no size {key!r}; {hint}its sizes are "
            f"{', '.join(now)}"
        ]
    before, after = _as_list(now[key]), _as_list(size)
    is_list = _is_list(now[key])
    if is_list != _is_list(size) or len(before) > len(after):
        numbers = f"{len(before)} number{'s' * (len(before) > 1)}"
        return [
            f"{here}: {key} is {now[key]} and would become {size}; it must "
            + (
                f"stay a list of {numbers}, or more"
                if is_list
                else "stay 1 number"
            )
        ]
    # Only the trace of both models knows where a longer list is longer
    shrinks = any(a < b for b, a in zip(before, after))
    if len(before) == len(after) and shrinks:
        return [
            f"{here}: {key} is {now[key]} and would shrink to {size}; growth "
            "only adds units"
        ]
    return []
