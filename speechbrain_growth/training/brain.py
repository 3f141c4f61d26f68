"""A Brain whose model grows between epochs.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import math
import time
from typing import Any, Iterable, Optional, Union

from torch.utils.data import DataLoader, Dataset

from speechbrain.utils.checkpoints import Checkpoint
from speechbrain.utils.logger import get_logger
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.engine.optimizers import powers_of
from speechbrain_growth.launch.init_from import best_checkpoint, load_modules
from speechbrain_growth.launch.lock import folder_lock
from speechbrain_growth.launch.models import costs_of
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.growth_log import GrowthLog, growth_in_words
from speechbrain_growth.measure.run_log import run_facts
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.training.afterwards.annealing import AnnealingBrain
from speechbrain_growth.training.afterwards.rates import scaled_lr
from speechbrain_growth.training.afterwards.scaling import rates_of
from speechbrain_growth.training.choosing import ChoosingBrain
from speechbrain_growth.training.measures.firefly import find_units

logger = get_logger(__name__)


class GrowingBrain(AnnealingBrain, ChoosingBrain):
    """Decides after validation, grows before the next epoch.

    A recipe calls ``decide_growth`` once, after validation and before its
    checkpoint is saved. It may return from ``valid_stats`` the metrics of a
    validation, and pass to ``meter.count`` in ``compute_forward`` what the
    first module gets, to log ``meter.stats()``.
    The rest happens by itself: schedule and meter are part of every checkpoint,
    and sizes are restored before weights.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the modules at other sizes.
    schedule : GrowthSchedule
        Decides when.
    growth_log : GrowthLog
        Keeps what each growth did.
    **kwargs : dict
        As for ``speechbrain.Brain``; ``hparams`` must have an
        ``output_folder``, in which no other run may write at the same time.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        schedule: GrowthSchedule,
        growth_log: GrowthLog,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            blueprint=blueprint,
            schedule=schedule,
            growth_log=growth_log,
            **kwargs,
        )
        self.logs.replaced.append(growth_log.save_file)

    def fit(
        self,
        epoch_counter: Iterable[int],
        train_set: Union[Dataset, DataLoader],
        valid_set: Union[Dataset, DataLoader, None] = None,
        **kwargs: Any,
    ) -> None:
        """Trains as ``speechbrain.Brain.fit`` does, growing between epochs.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : Dataset or DataLoader
            Training data.
        valid_set : Dataset or DataLoader
            Growths are decided after it, and probed on its first batch.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.
        """
        epochs = self._growing(epoch_counter)
        with contextlib.ExitStack() as stack:
            if self.checkpointer is not None and not self.test_only:
                stack.enter_context(folder_lock(self.hparams.output_folder))
            super().fit(epochs, train_set, valid_set, **kwargs)
            if not self.test_only and self.is_spent():  # it broke off
                on_main(self._end_epoch)
                logger.info(f"The budget of {self.schedule.budget} is spent.")

    def _growing(self, epoch_counter):
        """The epochs; before each, the model grows if that was decided."""
        for epoch in self._until_spent(epoch_counter):
            if epoch == 1 and self.schedule.due_at_start:
                self.decide_growth(0, self.measure(0))
                self.save_before_growing()
            self.begin_epoch(epoch)
            yield epoch
            on_main(self._end_epoch)
        self.after_epochs()

    def after_epochs(self) -> None:
        """Called when all epochs were trained; growing needs nothing then."""

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch: grows, if that was decided.

        Arguments
        ---------
        epoch : int
            From 1 on.
        """
        if self.schedule.pending:
            self.grow(epoch)
        self.held.note(self._modules())

    def fit_batch(self, batch: Any) -> Any:
        """Trains on a batch; statistics that are held stay as they are.

        Arguments
        ---------
        batch : object
            As ``compute_forward`` takes it.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        loss = super().fit_batch(batch)
        self.held.put_back_statistics()
        return loss

    def on_fit_start(self) -> None:
        """Restores sizes, then weights, from this run's or an earlier one's."""
        own = self.checkpointer and self.checkpointer.find_checkpoint()
        earlier = getattr(self.hparams, "init_from", None)
        if earlier and not own:
            checkpoint = best_checkpoint(earlier)
            self.restore_sizes(checkpoint, settings={})
            load_modules(
                checkpoint,
                self.checkpointer.recoverables,
                [*self.raw_modules.values(), self.meter, self.transition],
            )
            self.share_budget(earlier)
        self.check_settings()
        before = dict(self.meter.total)  # this run's costs add to the earlier's
        self.restore_sizes(own)
        super().on_fit_start()
        for growth in self.schedule.growths:
            for optimizer in self._optimizers():
                if growth.optimizer == "carry":
                    powers_of(optimizer)  # raises if it cannot be carried
                if growth.per == "axis":
                    rates_of(optimizer)
        self.meter.start()
        if self.run_logger is not None:
            facts = run_facts(self.blueprint, self.device, self.schedule.budget)
            if earlier and not own:
                facts["init_from"], facts["before"] = earlier, before
            epoch = self.hparams.epoch_counter.current if own else None
            self.run_logger.watch(self.growth_log, self.meter)
            self.run_logger.begin(facts, epoch)

    def resume_from(self, checkpoint: Optional[Checkpoint]) -> None:
        """Puts random numbers and logs where a loaded checkpoint has them.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            None if the run starts anew.
        """
        self.schedule.resume()
        super().resume_from(checkpoint)
        happened = self.schedule.decided - self.schedule.pending
        on_main(self.growth_log.keep, happened)

    def grow(self, epoch: int) -> None:
        """Grows the model as the schedule wants, unless the probe forbids it.

        Arguments
        ---------
        epoch : int
            The epoch that is about to begin.
        """
        begin = time.time()
        self.meter.fold()  # prices the steps taken at the present sizes
        scores = self.choose(epoch) if self.schedule.choices else {}
        if self.schedule.searching:
            self.found, scores = find_units(self, epoch)
            if self.found is None:
                return None
        old, new, plan, entry = self.larger(epoch)
        self.found = None
        entry.update(scores)
        if not entry["grown"]:
            return self.roll_back(entry)
        entry.update(self._costs_of(old, new))
        settings = self.schedule.wanted_settings
        entry["sets_exact"] = self.is_exact(settings)
        self.put(old, new, plan)
        entry["trained"] = self.held.trained
        self.change_settings(settings)
        entry["seconds"] = time.time() - begin
        if self.same_data():
            entry["valid_after"] = self.measure(epoch)
        else:
            entry["valid_before"] = entry["valid_after"] = {}
        self._log_growth(entry)
        logger.info(growth_in_words(entry, self.growth_log.example_name))

    def _costs_of(self, old, new):
        """What both models of a growth cost, as the log says it."""
        before, after = self.schedule.sizes, self.schedule.wanted
        return costs_of(
            self.blueprint,
            self.growth_log,
            ({**before, **self.in_force}, old),
            ({**after, **self.in_force}, new),
        )

    def optimizers_step(self) -> None:
        """One step, at the learning rate that the growths ask for."""
        self._set_rate()
        factor = self.schedule.lr_factor(self.optimizer_step)
        with contextlib.ExitStack() as stack:
            # Held weights are put back last
            for around in (
                self.held.step(clips=math.isfinite(self.max_grad_norm)),
                self.transition.step(),
                scaled_lr(self._optimizers(), factor),
            ):
                stack.enter_context(around)
            super().optimizers_step()
