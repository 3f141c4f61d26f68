"""Ends a run whose weights are not finite, and names what is to blame.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import speechbrain as sb
from speechbrain.utils.distributed import is_distributed_initialized
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import gather
from speechbrain_growth.training.checks.suspects import (
    IN_THE_DATA,
    not_finite,
    suspects,
)

logger = get_logger(__name__)

MOST = 5  # warnings of one pass over the data


class FiniteBrain(sb.Brain):
    """Shows losses that are not finite, and never saves such weights.

    SpeechBrain leaves NaN and infinity out of the average loss. Here they are
    part of it, a warning names the examples, and a run whose weights are not
    finite ends before they are saved.

    Arguments
    ---------
    **kwargs : dict
        As for ``speechbrain.Brain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._begin("")

    def _begin(self, where):
        """Begins a pass over the data."""
        self._where, self._batch = where, None
        self.blamed = []  # a sentence for each loss that was not finite

    def _end(self):
        """Says how many losses were not finite, if not each was named."""
        if len(self.blamed) > MOST:
            logger.warning(
                f"{len(self.blamed)} losses {self._where} were not finite; "
                f"the first {MOST} are named above"
            )

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch; raises if it leaves weights that are not finite."""
        self._begin(f"of epoch {epoch}")
        super()._fit_train(train_set, epoch, enable)
        self._end()
        self.check_weights()

    def _fit_valid(self, valid_set, epoch, enable):
        """Validates; names what gave a loss that is not finite."""
        self._begin(f"of the validation of epoch {epoch}")
        super()._fit_valid(valid_set, epoch, enable)
        self._end()

    def evaluate(self, *args, **kwargs):
        """Tests as ``speechbrain.Brain.evaluate`` does, and names such losses.

        Arguments
        ---------
        *args : tuple
            As for ``speechbrain.Brain.evaluate``.
        **kwargs : dict
            As for ``speechbrain.Brain.evaluate``.

        Returns
        -------
        float
            The average loss.
        """
        self._begin("of the test")
        loss = super().evaluate(*args, **kwargs)
        self._end()
        return loss

    def fit_batch(self, batch):
        """Takes one step.

        Arguments
        ---------
        batch : object
            As ``compute_forward`` takes it.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        self._batch = batch
        return super().fit_batch(batch)

    def evaluate_batch(self, batch, stage):
        """Evaluates one batch.

        Arguments
        ---------
        batch : object
            As ``compute_forward`` takes it.
        stage : Stage
            Validation or test.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        self._batch = batch
        return super().evaluate_batch(batch, stage)

    def check_loss_isfinite(self, loss):
        """Checks as ``speechbrain.Brain`` does; ends with a message.

        Arguments
        ---------
        loss : torch.Tensor
            One number.

        Raises
        ------
        GrowthError
            If ``nonfinite_patience`` is at its end.
        """
        try:
            super().check_loss_isfinite(loss)
        except ValueError:
            self.blame(loss)
            raise GrowthError(
                f"the loss was not finite at {self.nonfinite_count} steps of "
                f"this epoch; --nonfinite_patience is {self.nonfinite_patience}. "
                f"{self._what_to_do()}"
            )

    def update_average(self, loss, avg_loss):
        """Averages losses, also those that are not finite.

        Arguments
        ---------
        loss : torch.Tensor
            Of the last step.
        avg_loss : float
            The mean before it.

        Returns
        -------
        float

        Raises
        ------
        GrowthError
            If the step left weights that are not finite. Several processes
            raise it together, at the end of the epoch.
        """
        finite = math.isfinite(loss)
        if finite and math.isfinite(avg_loss):
            return super().update_average(loss, avg_loss)
        if not finite:
            self.blame(loss)
            if self.modules.training and not is_distributed_initialized():
                self.check_weights()
        return avg_loss + float(loss)  # NaN, or infinite if all others are fine

    def blame(self, loss):
        """Notes which examples gave a loss that is not finite.

        Arguments
        ---------
        loss : torch.Tensor
            Of the last batch.
        """
        self.blamed.append(
            f"the loss at step {self.step} {self._where} is {float(loss)}; "
            f"{suspects(self._batch)}"
        )
        self._batch = None
        if len(self.blamed) <= MOST:
            logger.warning(self.blamed[-1])

    def _what_to_do(self):
        """Sentences about the first loss that was not finite, and what to do."""
        if not self.blamed:
            return "Use a smaller lr"
        first = f"{self.blamed[0][0].upper()}{self.blamed[0][1:]}. "
        if IN_THE_DATA in first:
            return f"{first}Mend or leave out such data"
        return (
            f"{first}Use a smaller lr, or find the reason with torch's "
            "autograd.detect_anomaly"
        )

    def check_weights(self):
        """Raises if a weight or a statistic of the model is not finite.

        Raises
        ------
        GrowthError
            On all processes.
        """
        broken = next(filter(None, gather(not_finite(self.modules))), None)
        if broken:
            raise GrowthError(
                f"{broken} {self._where} are not finite, and are not saved. "
                f"{self._what_to_do()}; the same command then goes on from the "
                "newest checkpoint"
            )

    def _save_intra_epoch_ckpt(self):
        """Saves in the middle of an epoch, if the weights are finite."""
        self.check_weights()
        super()._save_intra_epoch_ckpt()
