"""A Brain that takes a growth back.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import torch

from speechbrain.utils.distributed import is_distributed_initialized
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import gather, on_main
from speechbrain_growth.measure.growth_log import growth_in_words
from speechbrain_growth.resume.resuming import ResumingBrain
from speechbrain_growth.schedule.state import STATE, read_state
from speechbrain_growth.training.checks.finite import FiniteBrain
from speechbrain_growth.training.checks.suspects import rows_not_finite
from speechbrain_growth.training.resizing import ResizingBrain

logger = get_logger(__name__)


class Diverged(ArithmeticError):
    """Training gave a number that is not finite, right after a growth."""


class TrialBrain(ResumingBrain, FiniteBrain, ResizingBrain):
    """Takes a growth back after a drift or a number that is not finite.

    Such a number is searched for in the losses and gradients of the first epoch
    after a growth, then in the losses of its validation. If there is one, the
    newest checkpoint from before the growth is loaded. Then the run stops, or
    continues without the growth, as ``on_drift`` of the schedule says.

    Arguments
    ---------
    **kwargs : dict
        As for ``ResizingBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._broke_down = False  # in this epoch; then it has no validation
        self._losses = None  # of a validation that can undo the growth

    def check_loss_isfinite(self, loss):
        """Raises for a loss that is not finite, right after a growth.

        Arguments
        ---------
        loss : torch.Tensor
            One number.
        """
        if self.schedule.on_trial:
            try:
                self._must_be_finite({f"the loss at step {self.step}": loss})
            except Diverged:
                self._blame_data(loss)
                raise
        super().check_loss_isfinite(loss)

    def _blame_data(self, loss):
        """Raises if the batch itself is not finite: then no growth did it."""
        if any(gather(bool(rows_not_finite(self._batch)))):
            self.blame(loss)
            raise GrowthError(
                f"{next(filter(None, gather(self.blamed)))[0]}. The growth "
                "before it is not the reason; mend or leave out such data"
            )

    def check_weights(self):
        """Raises if a weight is not finite; right after a growth, goes back."""
        try:
            super().check_weights()
        except GrowthError as error:
            if self.schedule.on_trial:
                raise Diverged(error)
            raise

    def optimizers_step(self):
        """Steps, unless a gradient right after a growth is not finite."""
        # While a scaler adapts its factor, it skips steps that overflow
        if self.schedule.on_trial and not self.scaler.is_enabled():
            self._must_be_finite(
                {
                    f"the gradient of {name} at step {self.step}": parameter.grad
                    for name, parameter in self.modules.named_parameters()
                    if parameter.grad is not None
                }
            )
        super().optimizers_step()

    def _must_be_finite(self, tensors):
        """Raises on all processes if one of them has a number not finite."""
        sound = [t.detach().isfinite().all() for t in tensors.values()]
        broken = torch.stack(sound).logical_not().any() if sound else False
        broken = torch.as_tensor(broken, dtype=torch.int32, device=self.device)
        if is_distributed_initialized():
            torch.distributed.all_reduce(broken, torch.distributed.ReduceOp.MAX)
        if broken:
            names = [n for n, fine in zip(tensors, sound) if not fine]
            raise Diverged(next(filter(None, gather(names[:1])))[0])

    def update_average(self, loss, avg_loss):
        """Averages as ``FiniteBrain`` does, and keeps the loss itself.

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
        if self._losses is not None:
            self._losses[f"the loss at step {self.step}"] = loss
        return super().update_average(loss, avg_loss)

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch; goes back before the growth if it breaks down."""
        self._broke_down = False
        try:
            super()._fit_train(train_set, epoch, enable)
        except Diverged as error:
            self._broke_down = True
            self.go_back(f"{error} of epoch {epoch} is not finite")

    def _fit_valid(self, valid_set, epoch, enable):
        """Validates, unless the epoch broke down."""
        if self._broke_down:
            return
        if self.schedule.on_trial and self._was_finite():
            self._losses = {}
            # Before the recipe logs the validation and saves a checkpoint
            valid_set = ThenCall(
                valid_set, lambda: self._must_be_finite(self._losses)
            )
        try:
            super()._fit_valid(valid_set, epoch, enable)
        except Diverged as error:
            self.go_back(
                f"{error} of the validation of epoch {epoch} is not finite"
            )
        finally:
            self._losses = None

    def _was_finite(self):
        """Whether the validation right after the growth was finite.

        If it was not, the data are the cause, and not the epoch since.
        """
        metrics = self._last_growth().get("valid_after", {})
        return all(map(math.isfinite, metrics.values()))

    def _last_growth(self):
        """The log's entry of the growth decided last."""
        number = self.schedule.decided - 1
        logged = on_main(self.growth_log.read)
        found = [line for line in logged if line["growth"] == number]
        return found[-1] if found else {"growth": number}

    def save_before_growing(self):
        """Saves a checkpoint before a growth that comes before all epochs."""
        if self.checkpointer is not None:
            self.checkpointer.save_checkpoint(end_of_epoch=False)

    def roll_back(self, entry):
        """Refuses a growth before its modules are swapped in.

        Arguments
        ---------
        entry : dict
            From ``growth_entry``.

        Raises
        ------
        GrowthError
            If the schedule says ``on_drift: stop``.
        """
        self.schedule.refuse()
        self._log_growth(entry)
        words = growth_in_words(entry, "")
        if self.schedule.on_drift == "stop":
            raise GrowthError(words)
        logger.warning(words)

    def go_back(self, why):
        """Loads the newest checkpoint from before the last growth.

        Arguments
        ---------
        why : str
            For the log.

        Raises
        ------
        GrowthError
            If the schedule says ``on_drift: stop``, or there is no such
            checkpoint.
        """
        number, grown = self.schedule.decided - 1, self.schedule.state()
        earlier = self.checkpointer and self.checkpointer.find_checkpoint(
            ckpt_predicate=lambda c: STATE in c.paramfiles
            and _is_other(read_state(c.paramfiles[STATE]), grown)
        )
        if not earlier:
            raise GrowthError(
                f"growth[{number}]: {why}, and there is no checkpoint from "
                "before the growth to go back to; save one after each "
                "decide_growth"
            )
        entry = self._last_growth()
        self.restore_sizes(earlier)
        self.checkpointer.load_checkpoint(earlier)
        self.resume_from(earlier)
        entry.update({"grown": False, "diverged": why})
        words = growth_in_words(entry, "")
        # Saved again under its old metadata: as the newest checkpoint, it is
        # the one that a run resumes from
        known = ("unixtime", "end-of-epoch")
        meta = {k: v for k, v in earlier.meta.items() if k not in known}
        if self.schedule.on_drift == "stop":
            self.checkpointer.save_checkpoint(meta)
            self._log_growth(entry)
            raise GrowthError(words)
        self.schedule.refuse(number)
        self._log_growth(entry)
        self.checkpointer.save_checkpoint(meta)
        logger.warning(words)


def _is_other(state, grown):
    """Whether a checkpoint's model is of before the growth."""
    return any(
        state[key] != grown[key] for key in ("sizes", "settings", "frozen")
    )


class ThenCall:
    """Gives a loader's batches, and calls a function after the last one.

    Arguments
    ---------
    loader : iterable
        Gives the batches.
    then : callable
        Called without arguments.

    Example
    -------
    >>> batches = ThenCall([1, 2], lambda: print("over"))
    >>> for batch in batches:
    ...     print(batch)
    1
    2
    over
    """

    def __init__(self, loader, then):
        self.loader = loader
        self.then = then

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        yield from self.loader
        self.then()
