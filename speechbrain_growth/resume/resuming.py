"""A Brain that, once interrupted, ends as if it had not been.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

from torch.utils.data import DataLoader

import speechbrain as sb
from speechbrain.dataio.dataloader import LoopedLoader
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.resume.batches import (
    Batches,
    epoch_sampler,
    generators_of,
)
from speechbrain_growth.resume.logs import Logs
from speechbrain_growth.resume.mixing import mixers_of
from speechbrain_growth.resume.randomness import Randomness

logger = get_logger(__name__)


class ResumingBrain(sb.Brain):
    """Keeps in each checkpoint what SpeechBrain's leaves out.

    That is the state of the random numbers, where the data loader is in an
    epoch, and how long the logs are. On a CPU a run that is killed and started
    again ends with the same weights and logs, to the bit.

    Arguments
    ---------
    **kwargs : dict
        As for ``speechbrain.Brain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.randomness = Randomness(self.modules)
        train_logger = getattr(self.hparams, "train_logger", None)
        log = getattr(train_logger, "save_file", None)
        self.logs = Logs(*([log] if log else []))
        if self.checkpointer is not None:
            # Optional, so that a stock checkpoint can be gone on from as well
            for name in ("randomness", "logs"):
                self.checkpointer.add_recoverable(
                    name, getattr(self, name), optional_load=True
                )

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``speechbrain.Brain.fit`` does.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : Dataset or DataLoader
            Training data.
        valid_set : Dataset or DataLoader
            Validation data.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.
        """
        if self.test_only:
            return super().fit(epoch_counter, train_set, valid_set, **kwargs)
        options = kwargs.pop("train_loader_kwargs", {})
        if not isinstance(train_set, (DataLoader, LoopedLoader)):
            train_set = self.make_dataloader(
                train_set, sb.Stage.TRAIN, **options
            )
        self.randomness.generators = generators_of(train_set)
        self.train_sampler = epoch_sampler(train_set) or self.train_sampler
        self.randomness.mixers = mixers_of(vars(self.hparams).values())
        with self._saying_where_to_resume():
            super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def make_dataloader(self, *args, **kwargs):
        """Makes a loader; a mistake in its options is the user's.

        Arguments
        ---------
        *args : tuple
            As for ``speechbrain.Brain.make_dataloader``.
        **kwargs : dict
            As for ``speechbrain.Brain.make_dataloader``.

        Returns
        -------
        DataLoader
        """
        try:
            return super().make_dataloader(*args, **kwargs)
        except (TypeError, ValueError) as error:
            raise GrowthError(f"a data loader cannot be made: {error}")

    @contextlib.contextmanager
    def _saying_where_to_resume(self):
        """After Ctrl-C, where the next run begins."""
        try:
            yield
        except KeyboardInterrupt:
            if self.checkpointer is None:
                raise
            newest = self.checkpointer.find_checkpoint()
            where = newest.path if newest else "the start: none is saved yet"
            logger.info(f"Interrupted. The same command goes on from {where}")
            raise

    def on_fit_start(self):
        """Goes on from the newest checkpoint, with all that belongs to it."""
        super().on_fit_start()
        if self.checkpointer is None:
            return
        newest = self.checkpointer.find_checkpoint()
        damaged = getattr(self.checkpointer, "damaged", {})
        if any(path.name > newest.path.name for path in damaged):
            logger.warning(
                "The newest checkpoint is damaged; the run goes on from the "
                f"one before it, {newest.path}"
            )
        self.resume_from(newest)

    def resume_from(self, checkpoint):
        """Goes on from a checkpoint that was loaded, with all that belongs.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            None for a run from the start.
        """
        self.randomness.resume()
        if checkpoint:
            self.logs.rewind()
        else:
            self.logs.set_aside()

    def _fit_train(self, train_set, epoch, enable):
        """One epoch, from its first batch or from where it was left."""
        batches = Batches(train_set, self.randomness, self.step)
        super()._fit_train(batches, epoch, enable)

    def _should_save_intra_epoch_ckpt(self, last_ckpt_time, steps_since_ckpt):
        """Not while gradients are being accumulated: they are not saved."""
        whole = self.step % self.grad_accumulation_factor == 0
        return whole and super()._should_save_intra_epoch_ckpt(
            last_ckpt_time, steps_since_ckpt
        )
