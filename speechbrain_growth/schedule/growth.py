"""Reads the list of growths as a YAML has it.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.afterwards.freezing import (
    check_old,
    read_freeze,
    read_old,
)
from speechbrain_growth.schedule.afterwards.new_outputs import read_outputs
from speechbrain_growth.schedule.afterwards.rates import read_lr
from speechbrain_growth.schedule.afterwards.settings import read_sets
from speechbrain_growth.schedule.amounts import Amount
from speechbrain_growth.schedule.asking import KEYS, read_amount
from speechbrain_growth.schedule.checks.units import check_units
from speechbrain_growth.schedule.conditions.condition import Condition
from speechbrain_growth.schedule.conditions.reading import read
from speechbrain_growth.schedule.conditions.registry import CONDITIONS
from speechbrain_growth.schedule.filling import (
    BATCHES,
    check_batches,
    read_batches,
    read_birth,
)
from speechbrain_growth.schedule.searches.firefly import check_search

FOLD = 300  # steps; enough for the layers behind a LayerNorm to adapt


class Growth(NamedTuple):
    """One growth of the schedule.

    Arguments
    ---------
    condition : Condition
        When it is due.
    amount : Amount
        How much it adds.
    number : int
        Position of its entry in the list.
    time : int
        Which growth of that entry it is, from 1.
    times : int
        How many growths the entry has.
    lr : float
        Factor of the learning rate from this growth on.
    rewarm : int
        Number of steps over which the learning rate rises to its value again.
    rewarmed : str
        Which units the rise is for: ``all`` or ``new``.
    per : str
        By what the rate of each weight differs: ``axis``, ``norm`` or nothing.
    restart : bool
        Whether the scheduler of the learning rate begins anew.
    sets : dict
        Other keys of the YAML that change, and their new values.
    optimizer : str
        What happens to the optimizer's state: ``carry`` or ``reset``.
    units : str or dict
        How new units begin, as the YAML has it.
    birth : str
        How new layers begin: ``gate``, ``identity`` or ``copy``. None: a layer
        with a gate begins with the gate closed, any other as an identity.
    born : tuple of str
        Names of the new layers, where their types do not tell.
    fold : int
        Number of steps over which a weighted LayerNorm becomes a plain one.
    old : str
        ``frozen`` if the units from before the growth stay as they are.
    freeze : tuple of str
        Names of layers or weights that stay; empty if all are trained again,
        None if nothing of this changes.
    batches : int
        From how many batches new units begin, if they begin from gradients.
    outputs : dict or str
        How new outputs begin: the parent of each by layer, or ``fresh``. None:
        the outputs do not grow.
    """

    condition: Condition
    amount: Amount
    number: int = 0
    time: int = 1
    times: int = 1
    lr: float = 1.0
    rewarm: int = 0
    rewarmed: str = "all"
    per: str = ""
    restart: bool = False
    sets: Dict[str, Any] = {}
    optimizer: str = "carry"
    units: object = "shares"
    birth: Optional[str] = None
    born: Tuple[str, ...] = ()
    fold: int = FOLD
    old: str = ""
    freeze: Optional[Tuple[str, ...]] = None
    batches: int = BATCHES
    outputs: object = None

    @property
    def symmetry(self):
        """How new units begin: a ``Symmetry``."""
        return _symmetry_of(self.units)

    @property
    def when(self):
        """The condition in words, and which time it is."""
        words = str(self.condition)
        if self.times == 1:
            return words
        return f"{words}; {self.time} of {self.times}"

    @property
    def left(self):
        """How many growths its entry still has, this one included."""
        return self.times - self.time + 1

    @property
    def adds_nothing(self):
        """Whether no size grows."""
        return not self.amount.named and self.amount.firefly is None

    @property
    def holds(self):
        """Whether it changes what is frozen."""
        return bool(self.old) or self.freeze is not None

    def happens(self, target):
        """Whether it is done, or is left out as the sizes that it sets add none."""
        return self.adds_nothing or target != {}

    @property
    def place(self):
        """Where it stands in the schedule, for messages."""
        return f"growth[{self.number}] ({self.when})"


def parse(growth):
    """Reads the list of growths.

    Arguments
    ---------
    growth : list of dict
        As in the YAML.

    Returns
    -------
    list of Growth
        An entry that happens several times gives as many.

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
            growths += _read(entry, number)
        except GrowthError as error:
            problems += [f"growth[{number}]: {p}" for p in error.problems]
    if problems:
        raise GrowthError(problems)
    return growths


def _read(entry, number):
    """Reads one entry: as many growths as it stands for."""
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
            + ("; combine several by any_of or all_of" if when else "")
        )
    name, fields = when[0], {}
    left = {key: value for key, value in entry.items() if key != name}
    freezes_old = left.get("freeze") == "old"
    if "old" in left and freezes_old:
        raise GrowthError("freeze: old says the same as old; keep one of them")
    if "old" in left or freezes_old:  # the only way that leaves old units alone
        left.setdefault("symmetry", "fresh")
    for key in [key for key in READERS if key in left]:
        fields.update(READERS[key](left.pop(key)))
    amount, times = Amount(), 1
    if left or not {"sets", "freeze"} & {*fields}:
        amount, times = read_amount(left, [*READERS, *KEYS])
    one = Growth(read(name, entry[name]), amount, number, **fields)
    check_units(one, entry)
    check_old(one)
    check_batches(one, entry)
    check_search(one, entry)
    return [one._replace(time=n + 1, times=times) for n in range(times)]


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
    if not _symmetry_of(value).breaks:
        raise GrowthError(
            f"symmetry is {value!r}: the copies of a unit stay identical for "
            "ever; use shares, or {zero_sum: 0.1}"
        )
    return {"units": value}


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


def _symmetry_of(value):
    """The ``Symmetry`` that a YAML asks for."""
    # Imported here, as it has torch
    from speechbrain_growth.engine.births.symmetry import symmetry_of

    return symmetry_of(value)


# The optional keys of a growth: each function returns fields of Growth
READERS = {
    "lr": read_lr,
    "optimizer": _optimizer,
    "sets": read_sets,
    "symmetry": _symmetry,
    "birth": read_birth,
    "fold": _fold,
    "old": read_old,
    "freeze": read_freeze,
    "batches": read_batches,
    "outputs": read_outputs,
}
