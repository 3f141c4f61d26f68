"""A Brain that takes a growth back when training breaks down right after it.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import torch

from speechbrain.utils.distributed import is_distributed_initialized
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import sizes_of
from speechbrain_growth.launch.processes import gather, on_main
from speechbrain_growth.measure.growth_log import growth_in_words
from speechbrain_growth.resume.resuming import ResumingBrain
from speechbrain_growth.schedule.state import STATE

logger = get_logger(__name__)


class Diverged(ArithmeticError):
    """Training gave a number that is not finite, right after a growth."""


class TrialBrain(ResumingBrain):
    """Watches the first epoch after a growth for numbers that are not finite.

    They are looked for in its losses and gradients, then in the losses of its
    validation. If there is one, the run goes back to its newest checkpoint from
    before the growth; then it stops, or goes on without the growth, as
    ``on_drift`` of the schedule says. Its subclass has the ``schedule``, the
    ``growth_log`` and ``restore_sizes``.

    Arguments
    ---------
    **kwargs : dict
        As for ``speechbrain.Brain``.
    """

    _left = False  # whether this epoch was left in the middle
    _judged = None  # losses of a validation on trial

    def check_loss_isfinite(self, loss):
        """As in ``speechbrain.Brain``, which only counts what is not finite.

        Arguments
        ---------
        loss : torch.Tensor
            One number.
        """
        if self.schedule.on_trial:
            self._must_be_finite({f"the loss at step {self.step}": loss})
        try:
            super().check_loss_isfinite(loss)
        except ValueError:
            raise GrowthError(
                f"the loss was not finite at {self.nonfinite_count} steps of "
                f"this epoch; --nonfinite_patience is {self.nonfinite_patience}. "
                "A smaller lr may do, or torch's autograd.detect_anomaly tell "
                "the reason"
            )

    def optimizers_step(self):
        """One step, if there is nothing in the gradients against it."""
        # A scaler looks for a fitting factor, and skips what overflows
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
        """Raises on all processes if one has a number that is not finite."""
        sound = [t.detach().isfinite().all() for t in tensors.values()]
        broken = torch.stack(sound).logical_not().any() if sound else False
        broken = torch.as_tensor(broken, dtype=torch.int32, device=self.device)
        if is_distributed_initialized():
            torch.distributed.all_reduce(broken, torch.distributed.ReduceOp.MAX)
        if broken:
            names = [n for n, fine in zip(tensors, sound) if not fine]
            raise Diverged(next(filter(None, gather(names[:1])))[0])

    def update_average(self, loss, avg_loss):
        """As in ``speechbrain.Brain``, which leaves out what is not finite.

        Arguments
        ---------
        loss : torch.Tensor
            That of the last step.
        avg_loss : float
            The mean before it.

        Returns
        -------
        float
        """
        if self._judged is not None:
            self._judged[f"the loss at step {self.step}"] = loss
        return super().update_average(loss, avg_loss)

    def _fit_train(self, train_set, epoch, enable):
        """One epoch; one that breaks down is left, and begun again."""
        self._left = False
        try:
            super()._fit_train(train_set, epoch, enable)
        except Diverged as error:
            self._left = True
            self.go_back(f"{error} of epoch {epoch} is not finite")

    def _fit_valid(self, valid_set, epoch, enable):
        """The validation of an epoch that was not left."""
        if self._left:
            return
        if self.schedule.on_trial and self._was_finite():
            self._judged = {}
            valid_set = Followed(valid_set, self._judge)
        try:
            super()._fit_valid(valid_set, epoch, enable)
        except Diverged as error:
            self.go_back(
                f"{error} of the validation of epoch {epoch} is not finite"
            )
        finally:
            self._judged = None

    def _was_finite(self):
        """Whether the growth is to blame for what a validation gives now.

        If the model that had just grown gave no finite metrics, the data are.
        """
        metrics = self._last_growth().get("valid_after", {})
        return all(map(math.isfinite, metrics.values()))

    def _judge(self):
        """Judges a validation by its losses, before anyone logs it."""
        self._must_be_finite(self._judged)

    def _last_growth(self):
        """What the log says of the growth decided last."""
        number = self.schedule.decided - 1
        logged = on_main(self.growth_log.read)
        found = [line for line in logged if line["growth"] == number]
        return found[-1] if found else {"growth": number}

    def save_before_growing(self):
        """Has a checkpoint to go back to, when there was no epoch yet."""
        if self.checkpointer is not None:
            self.checkpointer.save_checkpoint(end_of_epoch=False)

    def go_back(self, why):
        """Goes back to before the last growth, and goes on without it.

        Arguments
        ---------
        why : str
            For the log.

        Raises
        ------
        GrowthError
            If the schedule says ``on_drift: stop``, or there is no checkpoint
            to go back to.
        """
        number, sizes = self.schedule.decided - 1, self.schedule.sizes
        earlier = self.checkpointer and self.checkpointer.find_checkpoint(
            ckpt_predicate=lambda c: STATE in c.paramfiles
            and sizes_of(c) != sizes
        )
        if not earlier:
            raise GrowthError(
                f"growth[{number}]: {why}, and there is no checkpoint from "
                "before the growth to go back to; one that is saved after "
                "decide_growth would do"
            )
        entry = self._last_growth()
        self.restore_sizes(earlier)
        self.checkpointer.load_checkpoint(earlier)
        self.go_on(earlier)
        entry.update({"grown": False, "diverged": why})
        words = growth_in_words(entry, "")
        # Saved as what it was, so that nothing newer is gone on from
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


class Followed:
    """A loader's batches, and something that is done after the last one.

    Arguments
    ---------
    loader : iterable
        Gives the batches.
    then : callable
        What is done.

    Example
    -------
    >>> batches = Followed([1, 2], lambda: print("over"))
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
