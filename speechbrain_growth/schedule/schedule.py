"""Decides when a model grows; knows nothing of tensors.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Optional, Sequence

from speechbrain_growth.schedule.afterwards.budget import read_budget
from speechbrain_growth.schedule.afterwards.rates import lr_factor
from speechbrain_growth.schedule.amounts import candidate_sizes, next_sizes
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.conditions.measured import MEASURES
from speechbrain_growth.schedule.conditions.registry import FACTS
from speechbrain_growth.schedule.growth import Growth, parse
from speechbrain_growth.schedule.keeping import Kept
from speechbrain_growth.schedule.options import check_options
from speechbrain_growth.schedule.past import refuse_edited_past
from speechbrain_growth.schedule.searches.waiting import Waiting
from speechbrain_growth.schedule.state import Sizes, as_text


class GrowthSchedule(Kept, Waiting):
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
    reports : list of str
        The metrics that the recipe reports, if they are to be known before the
        first epoch: a growth that names another is then refused at once.
    budget : dict
        What the run may spend in one unit: ``macs``, ``cpu_seconds``,
        ``gpu_seconds``, ``wall_seconds`` or ``epochs``. Training ends with the
        step that spends it; a last validation follows. A run that starts from
        an earlier one (``init_from``) also counts what that one spent. Without
        a budget the run ends after its epochs.

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
        reports: Sequence[str] = (),
        budget: Optional[Dict[str, float]] = None,
    ) -> None:
        self.growths = parse(growth)
        self.listed = as_text(growth)
        check_options(tolerance, on_drift, reports)
        self.budget = read_budget(budget)
        self.tolerance = float(tolerance)
        self.on_drift, self.reports = on_drift, tuple(reports)
        self.sizes, self.decided, self.refused = {}, 0, []
        self.seen, self.last, self.grown_at_step = [], {}, None
        self.hand, self.past, self.targets = None, [], []
        self.settings, self.restarted, self.inserted = {}, {}, []
        self.frozen = []
        self.run = Run()  # what conditions know of the run
        self.cost = None  # parameters and MACs of a model of some sizes

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
        """The sizes that the model is to have, as far as they are chosen."""
        wanted = dict(self.sizes)
        for number, target in enumerate(self.targets):
            if number not in self.refused:
                wanted.update(target or {})
        return wanted

    @property
    def wanted_settings(self) -> Dict[str, Any]:
        """Other keys of the YAML that growths change, the last one included."""
        found = dict(self.settings)
        for growth in self._happened():
            found.update(growth.sets)
        return found

    @property
    def pending(self) -> bool:
        """Whether a growth was decided that has not been done yet."""
        changed = self.wanted_settings != self.settings
        changed = changed or self.wanted_frozen != self.frozen
        open_ = bool(self.choices) or self.searching
        return open_ or self.wanted != self.sizes or changed

    @property
    def current(self) -> Growth:
        """The growth that was decided last."""
        return self.growths[self.decided - 1]

    @property
    def due_at_start(self) -> bool:
        """Whether the first growth is due before the first epoch."""
        if not self.growths or self.decided:
            return False
        when, start = self.growths[0].condition, dict.fromkeys(FACTS, 0)
        return when.is_date and when.is_due([start], self.run)

    @property
    def metrics(self) -> Dict[str, float]:
        """The metrics of the last validation."""
        others = (*FACTS, *MEASURES)
        return {k: v for k, v in self.last.items() if k not in others}

    @property
    def next(self) -> Optional[Growth]:
        """The growth whose condition is asked next; None if none is left."""
        for growth in self.growths[self.decided :]:
            if growth.happens(self._target(growth)):
                return growth
        return None

    def decide(
        self,
        epoch: int,
        stats: Dict[str, float],
        request: Optional[int] = None,
        facts: Optional[Dict[str, float]] = None,
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
        facts : dict
            What the conditions may see beside the metrics: some of ``FACTS``.

        Returns
        -------
        bool
            Whether the model grows before the next epoch.
        """
        numbers = {key: float(value) for key, value in stats.items()}
        self.last = {"epoch": int(epoch), **(facts or {}), **numbers}
        self.seen.append(self.last)
        asked = request is not None and request != self.hand
        self.hand = request if asked else self.hand
        growth = self.next
        if growth is None:
            return False
        due = growth.condition.is_due(self.seen, self.run)
        if asked or due:
            for one in self.growths[self.decided :]:
                self.decided += 1
                self.targets.append(self._target(one))
                if one is growth:
                    break
            self.seen, self.past = [], self._entries(self.decided)
        return asked or due

    def _target(self, growth):
        """The sizes that a growth sets now; None if it must be chosen."""
        amount, now = growth.amount, self.wanted
        if amount.firefly is not None:
            return None
        if amount.choose:
            return None if candidate_sizes(amount, now, self.cost) else {}
        return next_sizes(amount, now, growth.left, self.cost)

    def _entries(self, decided):
        """The entries of the growths that were decided."""
        if not decided:
            return []
        return self.listed[: self.growths[decided - 1].number + 1]

    def grown(self, step: int) -> None:
        """Takes note that the weights now have the wanted sizes.

        Arguments
        ---------
        step : int
            Optimizer steps taken so far.
        """
        self.sizes, self.grown_at_step = self.wanted, int(step)
        self.settings, self.frozen = self.wanted_settings, self.wanted_frozen

    def restart(self, step: int, spent: float = 0.0) -> None:
        """Takes note that the scheduler of the learning rate begins anew.

        Arguments
        ---------
        step : int
            Optimizer steps taken so far.
        spent : float
            What is spent of the budget.
        """
        epoch = self.last.get("epoch", 0)
        self.restarted = {"epoch": epoch, "step": step, "spent": spent}

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
        return lr_factor(self._happened(), step - self.grown_at_step)

    def resume(self) -> None:
        """Compares the list with the growths that happened before a resume.

        A growth that was decided but not done yet may be edited; it is decided
        anew if its condition was.

        Raises
        ------
        GrowthError
            If a growth that happened was changed or taken away.
        """
        then = self.growths if self.past is None else self.whole(self.past)
        happened = self.decided - self.pending
        count = len(self.listed) + 1
        if happened <= len(self.growths):
            count = len(self._entries(happened))
        refuse_edited_past(self.past, count, self.listed)
        if self.pending:
            self.decided, self.targets = happened, self.targets[:happened]
            now = self.growths[happened : happened + 1]
            if now and now[0].when == then[happened].when:
                self.targets.append(self._target(now[0]))
                self.decided += 1
        self.past = self._entries(self.decided)

    def _happened(self):
        """The growths that were decided, and neither refused nor left out."""
        return [
            growth
            for number, growth in enumerate(self.growths[: self.decided])
            if number not in self.refused
            and growth.happens(self.targets[number])
        ]
