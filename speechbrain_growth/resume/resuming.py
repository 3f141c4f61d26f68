"""A Brain that ends the same whether it was interrupted or not.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

from torch.utils.data import DataLoader

import speechbrain as sb
from speechbrain.dataio.dataloader import LoopedLoader
from speechbrain.utils.epoch_loop import EpochCounter
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.resume.batches import (
    Batches,
    epoch_sampler,
    generators_of,
)
from speechbrain_growth.resume.loading import are_counts
from speechbrain_growth.resume.logs import Logs
from speechbrain_growth.resume.noise_lists import mixers_of
from speechbrain_growth.resume.randomness import Randomness
from speechbrain_growth.resume.unlisted import add_unlisted

logger = get_logger(__name__)


class ResumingBrain(sb.Brain):
    """Keeps in each checkpoint what SpeechBrain's checkpoints leave out.

    These are the state of the random numbers, the position of the data loader
    in its epoch, and the length of the logs. On a CPU, a run that is killed and
    started again ends with the same weights and logs, to the bit.

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
            # Optional, so that a run can also resume from a stock SpeechBrain
            # checkpoint
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
        add_unlisted(vars(self.hparams), self.checkpointer)
        with self._saying_where_to_resume():
            super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Loads the best checkpoint, and all that the YAML does not list.

        Arguments
        ---------
        max_key : str
            Metric whose highest value is the best.
        min_key : str
            Metric whose lowest value is the best.
        """
        add_unlisted(vars(self.hparams), self.checkpointer)
        super().on_evaluate_start(max_key=max_key, min_key=min_key)

    def make_dataloader(self, *args, **kwargs):
        """Makes a loader; turns a mistake in its options into a message.

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
        """After Ctrl-C, logs the checkpoint from which the next run resumes."""
        try:
            yield
        except KeyboardInterrupt:
            if self.checkpointer is None:
                raise
            newest = self.checkpointer.find_checkpoint()
            how = f"resumes from {newest.path}" if newest else "starts anew"
            logger.info(f"Interrupted. The same command {how}")
            raise

    def on_fit_start(self):
        """Resumes from the newest sound checkpoint, if there is one."""
        super().on_fit_start()
        if self.checkpointer is None:
            return
        newest = self.checkpointer.find_checkpoint()
        soundness = getattr(self.checkpointer, "soundness", None)
        if newest and soundness and soundness.newer_than(newest.path):
            logger.warning(
                "The newest checkpoint is damaged; the run resumes from the "
                f"one before it, {newest.path}"
            )
        if newest:
            self._check_numbers(newest.paramfiles)
        self.resume_from(newest)

    def _check_numbers(self, files):
        """Raises for numbers that SpeechBrain loads whatever they are."""
        problems = []
        for name, one in self.checkpointer.recoverables.items():
            counts = {}
            if one is self:
                counts = {k: vars(self)[k] for k in ("step", "optimizer_step")}
                loss = self.avg_train_loss
                if not isinstance(loss, (int, float)):
                    problems.append(
                        f"{files[name]}: avg_train_loss is {shown(loss)}; it "
                        "must be a number"
                    )
            elif isinstance(one, EpochCounter):
                counts = {"the last complete epoch": one.current}
            problems += [
                f"{files[name]}: {key} is {shown(count)}; it must be a whole "
                "number, at least 0"
                for key, count in counts.items()
                if not are_counts(count)
            ]
        if problems:
            raise GrowthError(problems)

    def resume_from(self, checkpoint):
        """Puts random numbers and logs where a loaded checkpoint has them.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            None if the run starts anew.
        """
        self.randomness.resume()
        if checkpoint:
            self.logs.rewind()
        else:
            self.logs.set_aside()

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch, from its first batch or the next to be used."""
        batches = Batches(train_set, self.randomness, self.step)
        super()._fit_train(batches, epoch, enable)

    def _should_save_intra_epoch_ckpt(self, last_ckpt_time, steps_since_ckpt):
        """Not between accumulated gradients, which no checkpoint holds."""
        complete = self.step % self.grad_accumulation_factor == 0
        return complete and super()._should_save_intra_epoch_ckpt(
            last_ckpt_time, steps_since_ckpt
        )
