"""A Brain with a budget, and a scheduler that growths may start anew.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

from speechbrain.nnet.schedulers import update_learning_rate
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.schedule.afterwards.budget import Budget
from speechbrain_growth.training.afterwards.budgets import BudgetScheduler
from speechbrain_growth.training.afterwards.rates import (
    anneal_epoch,
    anneal_step,
    skip_one_comparison,
)
from speechbrain_growth.training.afterwards.torch_scheduler import (
    TorchScheduler,
)
from speechbrain_growth.training.deciding import DecidingBrain

logger = get_logger(__name__)


class AnnealingBrain(DecidingBrain):
    """Ends with its budget, and sets learning rates.

    A recipe calls ``anneal_step`` in ``on_fit_batch_end``, if its optimizer
    took a step, and ``anneal_epoch`` after a validation. They call the
    ``lr_annealing`` of the YAML, whatever it counts.

    Arguments
    ---------
    **kwargs : dict
        As for ``DecidingBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._done = 0  # epochs that are over
        self._batches = None  # of the epoch that is trained, if that is known
        budget, known = self.schedule.budget, self.meter.total
        if budget and budget.unit not in (*known, "epochs"):
            raise GrowthError(
                f"budget: {budget.unit} are not counted on {self.device}; use "
                f"{', '.join(known)} or epochs"
            )
        # Before a checkpoint is loaded: as the run's first epoch has it
        self._unused = copy.deepcopy(self.scheduler)
        restarts = any(growth.restart for growth in self.schedule.growths)
        if restarts and self.scheduler is None:
            raise GrowthError(
                "lr: restart starts the scheduler anew, but the YAML has "
                "no lr_annealing; leave restart out"
            )

    @property
    def scheduler(self):
        """The ``lr_annealing`` of the YAML; None if it has none."""
        return getattr(self.hparams, "lr_annealing", None)

    def init_optimizers(self):
        """Makes the optimizers; torch's schedulers are made for one."""
        super().init_optimizers()
        if isinstance(self.scheduler, TorchScheduler):
            self.scheduler.begin(self.optimizer)

    def anneal_step(self) -> None:
        """Calls a scheduler that counts steps, after a step."""
        steps = self.optimizer_step - self.schedule.restarted.get("step", 0)
        anneal_step(self.scheduler, self.optimizer, steps)

    def anneal_epoch(self, epoch: int, metric: float) -> float:
        """Calls a scheduler that counts epochs, after a validation.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        metric : float
            For a scheduler that waits until a metric stops falling.

        Returns
        -------
        float
            The learning rate of the epoch that is over.
        """
        epochs = epoch - self.schedule.restarted.get("epoch", 0)
        return anneal_epoch(self.scheduler, self.optimizer, epochs, metric)

    def after_growth(self, growth):
        """Prepares the scheduler for the larger model.

        Arguments
        ---------
        growth : Growth
            Has happened.
        """
        if growth.restart:
            self.restart_rates()
        else:
            skip_one_comparison(self.scheduler)

    def restart_rates(self):
        """Sets learning rates, and their scheduler, as they were at first."""
        self.schedule.restart(self.optimizer_step, self.spent())
        for optimizer in self._optimizers():
            for group in optimizer.param_groups:
                first = optimizer.defaults["lr"]
                group["lr"] = group.get("initial_lr", first)
        if isinstance(self.scheduler, TorchScheduler):
            self.scheduler.begin(self.optimizer)
        elif self.scheduler is not None:
            vars(self.scheduler).update(copy.deepcopy(vars(self._unused)))

    def spent(self):
        """Returns what is spent of the budget; of the epochs without one.

        Returns
        -------
        float
        """
        budget = self.schedule.budget
        if budget is not None and budget.unit != "epochs":
            return on_main(float, self.meter.spent(budget.unit))
        part = self.step / self._batches if self._batches else 0.0
        return self._done + part

    def is_spent(self):
        """Returns whether the run has spent its budget.

        Returns
        -------
        bool
        """
        budget = self.schedule.budget
        if budget is None or not self.optimizer_step:  # one step at least
            return False
        return self.spent() >= budget.amount

    def share_budget(self, earlier):
        """Leaves this run what an earlier one has not spent of its budget.

        A learning rate that follows the budget spans what is left.

        Arguments
        ---------
        earlier : str
            Its output folder.

        Raises
        ------
        GrowthError
            If nothing is left, saying how much it has spent.
        """
        budget = self.schedule.budget
        if budget is None:
            return
        if self.spent() >= budget.amount:
            raise GrowthError(
                f"budget: {earlier}, from which this run starts, has spent "
                f"{self.spent():g} of the {budget}; its cost counts, so give more"
            )
        self.schedule.restart(0, self.spent())

    @property
    def _optimizer_step_limit_exceeded(self):
        """SpeechBrain ends the epoch, and then training, if it is True."""
        return super()._optimizer_step_limit_exceeded or self.is_spent()

    def _set_rate(self):
        """Sets the rate of a step, if that depends on the budget."""
        if isinstance(self.scheduler, BudgetScheduler):
            limit = self.hparams.epoch_counter.limit
            budget = self.schedule.budget or Budget("epochs", limit)
            since = self.schedule.restarted.get("spent", 0.0)
            rate = self.scheduler.rate(budget.share(self.spent(), since))
            for optimizer in self._optimizers():
                update_learning_rate(optimizer, rate)

    def _until_spent(self, epoch_counter):
        """The epochs, as long as the budget lasts."""
        epochs = iter(epoch_counter)
        self._done = getattr(epoch_counter, "current", 0)
        while not self.is_spent():
            epoch = next(epochs, None)
            if epoch is None:
                return self._warn_unspent()
            yield epoch
            self._done = epoch

    def _warn_unspent(self):
        """Says that epochs ended before the budget."""
        budget = self.schedule.budget
        if budget is not None:
            left = 1.0 - budget.share(self.spent())
            logger.warning(
                f"The run ended after epoch {self._done}, with {100 * left:.0f} % of "
                f"its budget of {budget} not spent; raise number_of_epochs"
            )

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch, or what the budget leaves of it."""
        try:
            self._batches = len(train_set)
        except TypeError:  # of a stream
            self._batches = None
        super()._fit_train(train_set, epoch, enable)
        self._batches = None
