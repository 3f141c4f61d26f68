"""SpeechBrain's training loop, faster for data in memory and short steps.

Where a step takes less than a millisecond, much of the time goes into fetching
items one by one, clipping gradients, and options that are off.

Authors
 * The speechbrain_growth authors 2026
"""

import math
import os
from typing import Any, Optional

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import speechbrain as sb
from speechbrain_growth.data.tensors import TensorBatches


class LeanBrain(sb.Brain):
    """A Brain that skips options that are off, and slices data in memory.

    A ``TensorDataset`` is batched by slicing its tensors, with the loader
    options and the order of items that SpeechBrain would use; a checkpoint in
    the middle of an epoch works as usual. Gradients are not clipped if
    ``max_grad_norm`` is infinite. Numbers are those of ``speechbrain.Brain``.
    """

    def make_dataloader(
        self,
        dataset: Dataset,
        stage: sb.Stage,
        ckpt_prefix: Optional[str] = "dataloader-",
        **options: Any,
    ) -> DataLoader:
        """Makes a loader; a ``TensorDataset`` is sliced.

        Arguments
        ---------
        dataset : Dataset
            The data.
        stage : Stage
            Training, validation or test.
        ckpt_prefix : str
            Prefix of the loader's name in a checkpoint; None leaves it out.
        **options : dict
            As for ``torch.utils.data.DataLoader``.

        Returns
        -------
        DataLoader
        """
        if isinstance(dataset, TensorDataset):
            batches = TensorBatches(
                len(dataset),
                options.pop("batch_size", 1),
                options.pop("shuffle", False),
                int(os.environ.get("SB_GLOBAL_SEED", 563375142)),
            )
            options.update(sampler=batches, batch_size=None)
            if stage == sb.Stage.TRAIN:
                self.train_sampler = batches
        return super().make_dataloader(dataset, stage, ckpt_prefix, **options)

    def fit_batch(self, batch: Any) -> torch.Tensor:
        """Takes one step, without the options that are off.

        Arguments
        ---------
        batch : object
            As ``compute_forward`` takes it.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        mixed = self.precision != "fp32" or self.scaler.is_enabled()
        apart = self.distributed_launch or self.data_parallel_backend
        if mixed or apart or self.grad_accumulation_factor != 1:
            return super().fit_batch(batch)
        self.on_fit_batch_start(batch, True)
        outputs = self.compute_forward(batch, sb.Stage.TRAIN)
        loss = self.compute_objectives(outputs, batch, sb.Stage.TRAIN)
        self.check_loss_isfinite(loss)
        loss.backward()
        self.optimizers_step()
        self.on_fit_batch_end(batch, outputs, loss, True)
        return loss.detach().cpu()

    def check_loss_isfinite(self, loss: torch.Tensor) -> None:
        """Checks as ``speechbrain.Brain`` does; a finite loss is quicker.

        Arguments
        ---------
        loss : torch.Tensor
            One number.
        """
        if not math.isfinite(loss.item()):
            super().check_loss_isfinite(loss)

    def update_average(self, loss: torch.Tensor, avg_loss: float) -> float:
        """Averages the losses of the epoch, as ``speechbrain.Brain`` does.

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
        loss = loss.item()
        if math.isfinite(loss):
            avg_loss += (loss - avg_loss) / self.step
        return avg_loss

    def optimizers_step(self) -> None:
        """Steps; clips gradients only if ``max_grad_norm`` is finite."""
        asked = math.isfinite(self.max_grad_norm) or self.skip_nonfinite_grads
        if asked or self.scaler.is_enabled() or self.optimizers_dict is None:
            return super().optimizers_step()
        for optimizer in self.freeze_optimizers(self.optimizers_dict).values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.optimizer_step += 1
