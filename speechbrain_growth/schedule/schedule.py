"""Decides when a model grows; knows nothing of tensors.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Optional, Sequence

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.registry import is_date, is_due
from speechbrain_growth.schedule.growth import Growth, parse
from speechbrain_growth.schedule.past import as_text, refuse_edited_past
from speechbrain_growth.schedule.state import (
    KINDS,
    Sizes,
    read_state,
    write_state,
)


@register_checkpoint_hooks
class GrowthSchedule:
    """Decides which sizes the model has, and when it gets larger ones.

    Growths happen in the order of the list, at most one after an epoch. A
    checkpoint holds the state as text: the sizes of the weights beside it, how
    many growths were decided, and the epochs that the conditions look at.

    Arguments
    ---------
    growth : list of dict
        The growths; docs/schedule.md has all keys of an entry.
    tolerance : float
        Largest relative difference of the outputs on the probe batch with
        which a growth that promises to be exact is done.
    on_drift : str
        What follows when the difference is larger, or when a loss or gradient
        of the epoch after the growth, or a loss of that epoch's validation, is
        not finite: ``stop`` ends the run, ``continue`` trains on without the
        growth.

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

    def __init__(
        self,
        growth: Sequence[Dict[str, Any]] = (),
        tolerance: float = 1e-4,
        on_drift: str = "stop",
    ) -> None:
        self.growths = parse(growth)
        self.listed = as_text(growth)
        if on_drift not in ("stop", "continue"):
            raise GrowthError(
                f"on_drift: found {on_drift!r}; use stop or continue"
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
        self.hand, self.past = None, []
        self.better = {}  # lower or higher, by metric, from the run's logger

    def start(self, sizes: Sizes) -> None:
        """Sets the sizes that the weights have as the run begins.

        Arguments
        ---------
        sizes : dict
            All sizes of the model.
        """
        self.sizes = dict(sizes)

    @property
    def wanted(self) -> Sizes:
        """The sizes that the model is to have."""
        return self._wanted(self.growths)

    @property
    def pending(self) -> bool:
        """Whether a growth was decided that has not been done yet."""
        return self.decided > 0 and self.wanted != self.sizes

    @property
    def current(self) -> Growth:
        """The growth that was decided last."""
        return self.growths[self.decided - 1]

    @property
    def due_at_start(self) -> bool:
        """Whether the first growth is due before the first epoch."""
        if not self.growths or self.decided:
            return False
        first, start = self.growths[0], [{"epoch": 0}]
        dated = is_date(first.condition)
        return dated and is_due(first.condition, first.arguments, start)

    def decide(
        self, epoch: int, stats: Dict[str, float], request: Optional[int] = None
    ) -> bool:
        """Takes note of an epoch and decides whether the next growth follows.

        Arguments
        ---------
        epoch : int
            The epoch that has ended.
        stats : dict
            Metrics of its validation, by name.
        request : int
            Number of the wish in ``grow_now``; each counts once.

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
        if self.decided >= len(self.growths):
            return False
        growth = self.growths[self.decided]
        due = is_due(growth.condition, growth.arguments, self.seen, self.better)
        if asked or due:
            self.decided += 1
            self.seen, self.past = [], self.listed[: self.decided]
        return asked or due

    def grown(self, step: int) -> None:
        """Takes note that the weights now have the wanted sizes.

        Arguments
        ---------
        step : int
            Optimizer steps taken so far.
        """
        self.sizes, self.grown_at_step = self.wanted, int(step)

    def refuse(self, number: Optional[int] = None) -> None:
        """Takes note that a growth is not done.

        Arguments
        ---------
        number : int
            Its position in the list; None for the growth decided last.
        """
        self.refused.append(self.decided - 1 if number is None else number)

    @property
    def on_trial(self) -> bool:
        """Whether the epoch right after a growth is being trained."""
        if self.grown_at_step is None or self.seen:
            return False
        return self.decided - 1 not in self.refused and not self.pending

    def lr_factor(self, step: int) -> float:
        """Returns the factor of the learning rate at one optimizer step.

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
        for growth in self._happened(self.growths):
            factor *= growth.lr
            rewarm = growth.rewarm if growth.rewarmed == "all" else 0
        ramp = (step - self.grown_at_step + 1) / max(rewarm, 1)
        return factor * min(ramp, 1.0)

    def resume(self) -> None:
        """Compares the list with the growths that happened before a resume.

        A growth that was decided but not done yet may be edited; it is decided
        anew if its condition was.

        Raises
        ------
        GrowthError
            If a growth that happened was changed or taken away.
        """
        then = self.growths if self.past is None else parse(self.past)
        complete = len(then) >= self.decided > 0
        waits = complete and self._wanted(then) != self.sizes
        happened = self.decided - waits
        refuse_edited_past(self.past, happened, self.listed)
        if waits:
            ahead = self.growths[happened : self.decided]
            if [g.when for g in ahead] != [then[happened].when]:
                self.decided = happened
        self.past = self.listed[: self.decided]

    def _wanted(self, growths):
        """The sizes that the growths which happened lead to."""
        wanted = dict(self.sizes)
        for growth in self._happened(growths):
            wanted.update(growth.sizes)
        return wanted

    def _happened(self, growths):
        """The growths that were decided and not refused."""
        return [
            growth
            for number, growth in enumerate(growths[: self.decided])
            if number not in self.refused
        ]

    @mark_as_saver
    def _save(self, path):
        """Writes the state as text."""
        write_state(self.state(), path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the state; SpeechBrain passes ``end_of_epoch``, not used."""
        self.restore(read_state(path))

    def state(self) -> Dict[str, Any]:
        """Returns what a checkpoint holds of the schedule.

        Returns
        -------
        dict
            Its keys are those of ``KINDS``.
        """
        state = {key: getattr(self, key) for key in KINDS}
        # Also the last of seen; as one object, YAML would write a reference
        return {**state, "last": dict(self.last)}

    def restore(self, state: Dict[str, Any]) -> None:
        """Replaces the state.

        Arguments
        ---------
        state : dict
            From ``state``.
        """
        for key, value in state.items():
            setattr(self, key, value)
