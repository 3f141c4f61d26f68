"""Reads the list of growths as a YAML has it.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Tuple, Union

from speechbrain_growth.engine.births.layers import WAYS as WAYS_OF_LAYERS
from speechbrain_growth.engine.births.units import symmetry_of
from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.conditions.registry import (
    CONDITIONS,
    arguments,
)
from speechbrain_growth.schedule.numbers import wrong_numbers

FOLD = 300  # steps; enough for the layers behind a LayerNorm to adapt


class Growth(NamedTuple):
    """One growth of the schedule.

    Arguments
    ---------
    condition : str
        Name of the condition.
    arguments : dict
        Its arguments.
    sizes : dict
        YAML keys and the sizes that they get.
    lr : float
        Factor of the learning rate from this growth on.
    rewarm : int
        Number of steps over which the learning rate rises to its value again.
    rewarmed : str
        Which units the rise is for: ``all`` or ``new``.
    optimizer : str
        What happens to the optimizer's state: ``carry`` or ``reset``.
    symmetry : Symmetry
        How new units begin.
    birth : str
        How new layers begin: ``gate``, ``identity`` or ``copy``. None: a layer
        with a gate begins with the gate closed, any other as an identity.
    born : tuple of str
        Names of the new layers, where their types do not tell.
    fold : int
        Number of steps over which a weighted LayerNorm becomes a plain one.
    """

    condition: str
    arguments: dict
    sizes: dict
    lr: float = 1.0
    rewarm: int = 0
    rewarmed: str = "all"
    optimizer: str = "carry"
    symmetry: object = symmetry_of("shares")
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
            growths.append(_read(entry))
        except GrowthError as error:
            problems += [f"growth[{number}]: {p}" for p in error.problems]
    if problems:
        raise GrowthError(problems)
    return growths


def _read(entry):
    """Reads one growth."""
    if not isinstance(entry, dict):
        raise GrowthError(
            f"found {entry!r}; it must be a mapping such as "
            "{after_epoch: 10, rnn_neurons: 256}"
        )
    when = [key for key in entry if key in CONDITIONS]
    if len(when) != 1:
        hints = [] if when else [did_you_mean(key, CONDITIONS) for key in entry]
        hint = next(filter(None, hints), "")
        raise GrowthError(
            f"found {' and '.join(when) or 'no condition'}; {hint and hint + ' '}"
            f"it must have one of {', '.join(CONDITIONS)}"
        )
    name = when[0]
    sizes = {k: v for k, v in entry.items() if k not in (name, *READERS)}
    fields = {"sizes": _sizes(sizes)}
    for key, read in READERS.items():
        if key in entry:
            fields.update(read(entry[key]))
    return Growth(name, arguments(name, entry[name]), **fields)


def _sizes(sizes):
    """Reads the sizes, of which there must be one."""
    if not sizes:
        raise GrowthError("found no size; name at least one that grows")
    sizes = {k: list(v) if _is_list(v) else v for k, v in sizes.items()}
    problems = wrong_numbers(sizes, READERS)
    if problems:
        raise GrowthError(problems)
    return sizes


def _is_list(value):
    """Whether a value of the YAML has several parts."""
    return isinstance(value, (list, tuple))


def _lr(value):
    """Changes the learning rate from this growth on.

    Values: ``keep``; a factor above 0; ``{rewarm: N}``, which starts at 1/N of
    the rate and reaches it after N optimizer steps; ``{rewarm: N, units:
    new}``, which does so for the new units only.
    Default: ``keep``
    """
    if value == "keep":
        return {}
    if type(value) in (int, float) and 0 < value < float("inf"):
        return {"lr": float(value)}
    if isinstance(value, dict) and set(value) - {"units"} == {"rewarm"}:
        steps, units = value["rewarm"], value.get("units", "all")
        if type(steps) is int and steps > 0 and units in ("all", "new"):
            return {"rewarm": steps, "rewarmed": units}
    raise GrowthError(
        f"lr is {value!r}; it must be keep, a factor above 0, "
        "{rewarm: number of steps}, or {rewarm: number of steps, units: new}"
    )


def _optimizer(value):
    """Carries the optimizer's state into the larger model, or drops it.

    Values: ``carry``, ``reset``.
    Default: ``carry``
    """
    if value not in ("carry", "reset"):
        raise GrowthError(f"optimizer is {value!r}; it must be carry or reset")
    return {"optimizer": value}


def _symmetry(value):
    """Sets how new units begin, and so how they come to differ from old ones.

    Values: one of the ways below.
    Default: ``shares``
    """
    symmetry = symmetry_of(value)
    if not symmetry.breaks:
        raise GrowthError(
            f"symmetry is {value!r}: the copies of a unit stay identical for "
            "ever; use shares, or {zero_sum: 0.1}"
        )
    return {"symmetry": symmetry}


def _birth(value):
    """Sets how new layers begin.

    Values: one of the ways below, or ``{WAY: [names]}`` with the dotted names
    of the new layers, where their types do not tell which layers are new.
    Default: ``gate`` for a layer that has a gate, ``identity`` for any other
    """
    way, names = value, ()
    if isinstance(value, dict) and len(value) == 1:
        ((way, names),) = value.items()
        names = tuple(names) if _is_list(names) else (names,)
    named = all(isinstance(name, str) and name for name in names)
    if not isinstance(way, str) or way not in WAYS_OF_LAYERS or not named:
        raise GrowthError(
            f"birth is {value!r}; it must be one of "
            f"{', '.join(WAYS_OF_LAYERS)}, or {{one of them: [names of the "
            "layers that are born]}"
        )
    return {"birth": way, "born": names}


def _fold(value):
    """Sets how long a LayerNorm that grew by a non-integer factor stays weighted.

    Such a LayerNorm weights its units, which keeps the function exact. Over
    this number of optimizer steps it turns back into a plain ``nn.LayerNorm``.

    Values: a number of steps above 0.
    Default: ``300``
    """
    if type(value) is not int or value < 1:
        raise GrowthError(
            f"fold is {value!r}; it must be a number of steps above 0"
        )
    return {"fold": value}


# The optional keys of a growth: each function returns fields of Growth
READERS = {
    "lr": _lr,
    "optimizer": _optimizer,
    "symmetry": _symmetry,
    "birth": _birth,
    "fold": _fold,
}
