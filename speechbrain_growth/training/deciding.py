"""A Brain that tells the schedule what happened, so that it can decide.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict

from speechbrain.utils.logger import get_logger
from speechbrain_growth.launch.models import sized_cost
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.meter import METER, Meter
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.wishes import WISH, hear
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
        build = self.blueprint.modules
        self.meter = Meter(
            lambda sizes: build({**sizes, **self.in_force}),
            self.schedule,
            self.device,
        )
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(METER, self.meter)
        better = self.run_logger.directions if self.run_logger else {}
        counter = getattr(self.hparams, "epoch_counter", None)
        totals = self.schedule.totals(getattr(counter, "limit", None))
        self.schedule.run = Run(better, totals)
        self.schedule.cost = sized_cost(self.blueprint, self.growth_log)
        self.train_loss = 0.0  # average of the last epoch

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
            Its metrics, from ``valid_stats``.
        """
        facts = {
            "step": self.optimizer_step,
            "macs": self.meter.stats()["macs"] if epoch else 0,
            "train_loss": self.train_loss,
            "task": self.task_of(max(epoch, 1)),
            "next_task": self.task_of(epoch + 1),
        }
        state = on_main(self._decide, epoch, self.checked(stats), facts)
        self.schedule.restore(state)

    def _decide(self, epoch, stats, facts):
        """Decides on the main process; returns the state of the schedule."""
        asked = hear(self.hparams.output_folder, self.schedule.hand)
        if self.schedule.decide(epoch, stats, asked, facts):
            logger.info(f"The model grows before epoch {epoch + 1}.")
        elif asked and self.schedule.next is None:
            logger.warning(f"{WISH}: no growth is left in the schedule.")
        return self.schedule.state()
