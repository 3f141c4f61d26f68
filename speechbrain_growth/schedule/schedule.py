"""Decides when a model grows; knows nothing of tensors.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import yaml

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions import is_date, is_due
from speechbrain_growth.schedule.growth import parse

STATE = "growth_schedule"  # its name among the recoverables
NoneType = type(None)
WORDS = {
    dict: "a mapping",
    list: "a list",
    int: "a whole number",
    NoneType: "null",
}
KINDS = {  # what its state holds
    "sizes": (dict,),
    "decided": (int,),
    "refused": (list,),
    "grown_at_step": (int, NoneType),
    "last": (dict,),
    "seen": (list,),
    "hand": (int, NoneType),
}


@register_checkpoint_hooks
class GrowthSchedule:
    """Which sizes the model has, and which it is to have.

    Growths happen in the order of the list, at most one after an epoch. The
    state is text: the sizes of the weights beside it, the growths decided, and
    what the conditions have seen.

    Arguments
    ---------
    growth : list of dict
        Each entry: one condition (``after_epoch: 10``, ``on_plateau: {metric:
        PER, patience: 2, min_delta: 0.5}`` or ``by_hand: True``), the new
        sizes, and optionally ``lr`` (``keep``, a factor, ``{rewarm: N}``
        steps, or ``{rewarm: N, units: new}``), ``optimizer`` (``carry`` or
        ``reset``), ``symmetry`` (as in ``speechbrain_growth.engine.births.units``),
        ``birth`` (as in ``speechbrain_growth.engine.births.layers``, or ``{identity:
        [names]}``) and ``fold`` (steps until a LayerNorm that grew to any size
        is a stock one).
    tolerance : float
        Relative drift of the probe batch up to which an exact growth is taken.
    on_drift : str
        ``stop`` or ``continue`` without the growth when it drifts further, or
        when a loss or gradient of the epoch after it, or a loss of that
        epoch's validation, is not finite.

    Raises
    ------
    GrowthError
        Naming every mistake in the list.

    Example
    -------
    >>> schedule = GrowthSchedule([{"after_epoch": 1, "rnn_neurons": 96}])
    >>> schedule.start({"rnn_neurons": 64})
    >>> schedule.decide(1, {"PER": 50.0})
    True
    >>> schedule.wanted
    {'rnn_neurons': 96}
    """

    def __init__(self, growth=(), tolerance=1e-4, on_drift="stop"):
        self.growths = parse(growth)
        if on_drift not in ("stop", "continue"):
            raise GrowthError(
                f"on_drift: found {on_drift!r}; stop or continue would do"
            )
        if not isinstance(tolerance, (int, float)) or not tolerance >= 0:
            raise GrowthError(
                f"tolerance: found {tolerance!r}; it must be a number, at "
                "least 0"
            )
        self.tolerance = float(tolerance)
        self.on_drift = on_drift
        self.sizes, self.decided, self.refused = {}, 0, []
        self.seen, self.last, self.grown_at_step = [], {}, None
        self.hand = None
        self.better = {}  # which values of a metric are, as the run's logger says

    def start(self, sizes):
        """Notes the sizes that the weights have.

        Arguments
        ---------
        sizes : dict
            All sizes of the model.
        """
        self.sizes = dict(sizes)

    @property
    def wanted(self):
        """The sizes that the model is to have."""
        wanted = dict(self.sizes)
        for growth in self._happened():
            wanted.update(growth.sizes)
        return wanted

    @property
    def pending(self):
        """Whether a growth was decided that the weights have not seen."""
        return self.decided > 0 and self.wanted != self.sizes

    @property
    def current(self):
        """The growth decided last."""
        return self.growths[self.decided - 1]

    @property
    def due_at_start(self):
        """Whether the first growth is due before the first epoch."""
        if not self.growths or self.decided:
            return False
        first, start = self.growths[0], [{"epoch": 0}]
        dated = is_date(first.condition)
        return dated and is_due(first.condition, first.arguments, start)

    def decide(self, epoch, stats, request=None):
        """Notes an epoch, and whether the next growth is due after it.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        stats : dict
            Metrics of its validation, by name.
        request : int
            Time stamp of a wish to grow now; each counts once.

        Returns
        -------
        bool
            Whether the model grows before the next epoch.
        """
        numbers = {key: float(value) for key, value in stats.items()}
        self.last = {"epoch": int(epoch), **numbers}
        self.seen.append(self.last)
        asked = request is not None and request != self.hand
        self.hand = request if asked else self.hand
        if self.decided == len(self.growths):
            return False
        growth = self.growths[self.decided]
        due = is_due(growth.condition, growth.arguments, self.seen, self.better)
        if asked or due:
            self.decided += 1
            self.seen = []
        return asked or due

    def grown(self, step):
        """Notes that the weights now have the sizes that were wanted.

        Arguments
        ---------
        step : int
            Optimizer steps taken so far.
        """
        self.sizes, self.grown_at_step = self.wanted, int(step)

    def refuse(self, number=None):
        """Notes that a growth does not happen.

        Arguments
        ---------
        number : int
            Its place in the list; that of the growth decided last if None.
        """
        self.refused.append(self.decided - 1 if number is None else number)

    @property
    def on_trial(self):
        """Whether the epoch right after a growth is being trained."""
        if self.grown_at_step is None or self.seen:
            return False
        return self.decided - 1 not in self.refused and not self.pending

    def lr_factor(self, step):
        """What the learning rate is multiplied by at one optimizer step.

        Arguments
        ---------
        step : int
            Optimizer steps taken so far.

        Returns
        -------
        float

        Example
        -------
        >>> entry = {"after_epoch": 1, "width": 8, "lr": {"rewarm": 4}}
        >>> schedule = GrowthSchedule([entry])
        >>> schedule.start({"width": 4})
        >>> schedule.decide(1, {})
        True
        >>> schedule.grown(step=100)
        >>> [schedule.lr_factor(step) for step in (100, 101, 103, 104)]
        [0.25, 0.5, 1.0, 1.0]
        """
        if self.grown_at_step is None:
            return 1.0
        factor, rewarm = 1.0, 0
        for growth in self._happened():
            factor *= growth.lr
            rewarm = growth.rewarm if growth.units == "all" else 0
        ramp = (step - self.grown_at_step + 1) / max(rewarm, 1)
        return factor * min(ramp, 1.0)

    def _happened(self):
        """The growths decided and not refused."""
        return [
            growth
            for number, growth in enumerate(self.growths[: self.decided])
            if number not in self.refused
        ]

    @mark_as_saver
    def save(self, path):
        """Writes the state as text.

        Arguments
        ---------
        path : str
            Where to.
        """
        with open(path, "w", encoding="utf-8") as fout:
            yaml.safe_dump(self.state(), fout, sort_keys=False)

    @mark_as_loader
    def load(self, path, end_of_epoch=True):
        """Reads the state.

        Arguments
        ---------
        path : str
            Where from.
        end_of_epoch : bool
            Not used.
        """
        del end_of_epoch
        self.restore(read_state(path))

    def restore(self, state):
        """Takes up a state.

        Arguments
        ---------
        state : dict
            As ``state`` gave it.
        """
        for key, value in state.items():
            setattr(self, key, value)
        # A run that is evaluated or resumed may have a shorter list.
        self.decided = min(self.decided, len(self.growths))

    def state(self):
        """What a checkpoint holds.

        Returns
        -------
        dict
        """
        return {
            "sizes": self.sizes,
            "decided": self.decided,
            "refused": self.refused,
            "grown_at_step": self.grown_at_step,
            "last": dict(self.last),  # YAML would point to seen
            "seen": self.seen,
            "hand": self.hand,
        }


def read_state(path):
    """Reads the text that a schedule saved.

    Arguments
    ---------
    path : str
        The file in the checkpoint.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If the file is no such text.
    """
    with open(path, encoding="utf-8") as fin:
        try:
            state = yaml.safe_load(fin)
        except (yaml.YAMLError, UnicodeDecodeError):
            state = None
    if not isinstance(state, dict) or set(state) != set(KINDS):
        raise GrowthError(
            f"{os.fspath(path)}: this is not the state of a growth schedule; "
            f"it would hold {', '.join(sorted(KINDS))}"
        )
    problems = [
        f"{os.fspath(path)}: {key} is {state[key]!r}; it must be "
        + " or ".join(WORDS[kind] for kind in kinds)
        for key, kinds in KINDS.items()
        if type(state[key]) not in kinds
    ]
    problems = problems or [
        f"{os.fspath(path)}: the size {key} is {size!r}; it must be a whole "
        "number, or a list of them"
        for key, size in state["sizes"].items()
        for number in (size if isinstance(size, list) else [size])
        if type(number) is not int
    ]
    if problems:
        raise GrowthError(problems)
    return state
