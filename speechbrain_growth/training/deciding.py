"""A Brain that tells the schedule what happened, so that it can decide.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
from typing import Dict

from speechbrain.utils.logger import get_logger
from speechbrain_growth.launch.models import sized_cost
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.meter import METER, Meter
from speechbrain_growth.schedule.afterwards.budget import totals
from speechbrain_growth.schedule.checking import check_conditions
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.wishes import WISH, hear
from speechbrain_growth.training.measures import MEASURES
from speechbrain_growth.training.measures.windows import (
    SHIFTS,
    WINDOWS,
    Windows,
)
from speechbrain_growth.training.trial import TrialBrain

logger = get_logger(__name__)


class DecidingBrain(TrialBrain):
    """Counts what training costs, and lets the schedule decide on growths.

    Recipes call ``decide_growth`` after each validation.

    Arguments
    ---------
    **kwargs : dict
        As for ``TrialBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.meter = Meter(
            lambda sizes: self.new_modules({**sizes, **self.in_force}),
            self.schedule,
            self.device,
        )
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(METER, self.meter)
        better = self.run_logger.directions if self.run_logger else {}
        counter = getattr(self.hparams, "epoch_counter", None)
        limit = getattr(counter, "limit", None)
        ends = totals(self.schedule.budget, limit)
        self.schedule.run = Run(better, ends, self.schedule.reports)
        self.schedule.cost = sized_cost(self.blueprint, self.growth_log)
        self.train_loss = 0.0  # average of the last epoch
        self.train_loader, self.windows = None, Windows()
        if self.checkpointer is not None and self._named(SHIFTS):
            self.checkpointer.add_recoverable(
                WINDOWS, self.windows, optional_load=True
            )

    def new_modules(self, values):
        """Returns modules that nobody else holds, as the YAML builds them.

        Arguments
        ---------
        values : dict
            Values that replace those of the YAML.

        Returns
        -------
        torch.nn.ModuleDict
        """
        return self.blueprint.modules(values)

    def _named(self, names):
        """Whether a growth of the list looks at one of some measurements."""
        growths = self.schedule.growths
        return any({*g.condition.metrics} & {*names} for g in growths)

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``TrialBrain`` does; checks conditions that ask for tasks.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : Dataset or DataLoader
            Training data.
        valid_set : Dataset or DataLoader
            Growths are decided after it.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.

        Raises
        ------
        GrowthError
            If a condition waits for a task that the run does not have.
        """
        run = self.schedule.run
        epochs = run.totals.get("epoch")
        if epochs is not None and not self.test_only:
            tasks = max(map(self.task_of, range(1, epochs + 1)))
            self.schedule.run = run._replace(tasks=tasks)
            ahead = self.schedule.growths[self.schedule.decided :]
            check_conditions(ahead, self.schedule.run)
        super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch; notes what the next condition wants to know."""
        self.train_loss = float(self.avg_train_loss)  # if no step is left
        self.train_loader = train_set
        growth = self.schedule.next
        watched = growth and {*growth.condition.metrics} & {*SHIFTS}
        with contextlib.ExitStack() as stack:
            if watched:
                if not self.step:
                    self.windows.begin()
                last = list(self.modules.values())[-1]
                given = {"steps": _length(train_set), "done": self.step}
                stack.enter_context(self.windows.watching(last, **given))
            super()._fit_train(train_set, epoch, enable)

    def update_average(self, loss, avg_loss):
        """Averages as ``TrialBrain`` does, and keeps that of training.

        Arguments
        ---------
        loss : torch.Tensor
            Of the last step.
        avg_loss : float
            The mean before it.

        Returns
        -------
        float
        """
        average = super().update_average(loss, avg_loss)
        if self.modules.training:
            self.train_loss = float(average)
        return average

    def task_of(self, epoch: int) -> int:
        """Returns the task that an epoch trains; recipes with several say it.

        Arguments
        ---------
        epoch : int
            From 1 on.

        Returns
        -------
        int
        """
        return 1

    def decide_growth(self, epoch: int, stats: Dict[str, float]) -> None:
        """Tells the schedule of a validation; it decides on the next growth.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        stats : dict
            Its metrics; those of ``valid_stats``, if the recipe has one.
        """
        facts = {
            "step": self.optimizer_step,
            "macs": self._macs() if epoch else 0,
            "train_loss": self.train_loss,
            "task": self.task_of(max(epoch, 1)),
            "next_task": self.task_of(epoch + 1),
        }
        names = self._unmeasured(stats)
        facts.update(on_main(self._measured, epoch, names))
        if names:
            self.meter.add_up()  # adds what that cost, on all processes
        state = on_main(self._decide, epoch, self.checked(epoch, stats), facts)
        self.schedule.restore(state)

    def _decide(self, epoch, stats, facts):
        """Decides on the main process; returns the state of the schedule."""
        asked = hear(self.hparams.output_folder, self.schedule.hand)
        if self.schedule.decide(epoch, stats, asked, facts):
            logger.info(f"The model grows before epoch {epoch + 1}.")
        elif asked and self.schedule.next is None:
            logger.warning(f"{WISH}: no growth is left in the schedule.")
        return self.schedule.state()

    def _macs(self):
        """What training cost; raises if that is asked for, and not known."""
        growth, budget = self.schedule.next, self.schedule.budget
        asked = growth and "macs" in growth.condition.needs
        if asked or budget and budget.unit == "macs":
            return self.meter.stats()["macs"]
        return self.meter.add_up()

    def _unmeasured(self, stats):
        """The measurements that the next condition names."""
        growth = self.schedule.next
        named = dict.fromkeys(growth.condition.metrics if growth else ())
        return [n for n in named if n in MEASURES and n not in stats]

    def _measured(self, epoch, names):
        """Measures, on the main process."""
        found = {name: float(MEASURES[name](self)) for name in names}
        for name, value in found.items():
            logger.info(f"After epoch {epoch}, {name} is {value:.4g}.")
        return found


def _length(loader):
    """How many batches a loader gives; None if it does not know."""
    try:
        return len(loader)
    except TypeError:
        return None
