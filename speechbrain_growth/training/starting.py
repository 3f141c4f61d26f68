"""Finds before the first epoch what would else fail after one.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy

import torch

import speechbrain as sb
from speechbrain.nnet.schedulers import LinearScheduler
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.resume.batches import generators_of
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.schedule.conditions.measured import MEASURES
from speechbrain_growth.training.afterwards.rates import check_annealing
from speechbrain_growth.training.checks.options import check_steps
from speechbrain_growth.training.copies import on_copies
from speechbrain_growth.training.resizing import ResizingBrain

logger = get_logger(__name__)


class StartingBrain(ResizingBrain):
    """Checks what a recipe must do for its model to grow.

    Before the first epoch it validates one batch, on copies of all that it
    holds, which leaves no trace in it or in the random numbers. After each
    validation, the recipe must have called ``decide_growth``.

    Arguments
    ---------
    **kwargs : dict
        As for ``ResizingBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.tried = None  # names of the metrics, once a batch was tried

    def valid_stats(self, stage_loss):
        """Metrics of the validation that just ended; recipes may add theirs.

        Those are measured again right after a growth, and known before the
        first epoch.

        Arguments
        ---------
        stage_loss : float
            Its average loss.

        Returns
        -------
        dict
        """
        return {"loss": stage_loss}

    @property
    def _is_bare(self):
        """Whether the recipe adds no metric in ``valid_stats``."""
        return type(self).valid_stats is StartingBrain.valid_stats

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``speechbrain.Brain.fit`` does, after the checks.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : DataLoader
            Training data.
        valid_set : DataLoader
            Its first batch is tried.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.

        Raises
        ------
        GrowthError
            If the optimizer would never take a step, or the scheduler ends too
            early; or naming every metric that a growth asks for and no
            validation gives.
        """
        if not self.test_only:
            self._check_steps(train_set)
            self._check_epochs()
        if self.schedule.growths and not self.test_only:
            stats = trial_stats(self, valid_set)
            if stats is not None and not self._is_bare:
                says = f"{type(self).__name__}.valid_stats", "return", ""
                self._check_metrics(stats, self.schedule.growths, *says)
                self.tried = set(stats)
        super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def _check_steps(self, train_set):
        """Raises if the optimizer would never take a step."""
        with contextlib.suppress(TypeError):  # the length of a stream
            check_steps(
                len(train_set),
                self.grad_accumulation_factor,
                self.debug_batches if self.debug else None,
            )

    @property
    def epochs_annealed(self):
        """How many epochs a scheduler lasts for; None if that is not known."""
        return getattr(vars(self.hparams).get("epoch_counter"), "limit", None)

    def _check_epochs(self):
        """Raises if a scheduler has fewer epochs than the run."""
        held = vars(self.hparams)
        scheduler = held.get("lr_annealing")
        epochs = self.epochs_annealed
        # Only of this one it is known what a recipe calls it with
        if isinstance(scheduler, LinearScheduler) and epochs is not None:
            check_annealing(scheduler, epochs)

    def _check_metrics(self, stats, growths, method, verb, to):
        """Raises if a growth names a metric that is not among these."""
        known = ", ".join(stats)
        problems = [
            f"{growth.place}: there is no metric {metric!r}; let {method} "
            f"{verb} it{to}, or name one that it {verb}s: {known}"
            for growth in growths
            for metric in growth.condition.metrics
            if metric not in (*stats, *MEASURES) and growth.time == 1
        ]
        problems += [
            f"growth_schedule: reports names {metric!r}, but {method} {verb}s "
            f"{known}{to}; let both be the same"
            for metric in self.schedule.reports
            if metric not in stats
        ]
        if problems:
            raise GrowthError(problems)

    def checked(self, epoch, stats):
        """Returns metrics that the recipe reports, if no other is needed.

        Arguments
        ---------
        epoch : int
            The epoch that is over; 0 before the first.
        stats : dict
            For ``decide_growth``.

        Returns
        -------
        dict
            The same.

        Raises
        ------
        GrowthError
            If ``valid_stats`` does not return one of them, though it returns
            others; or if a growth ahead names one that is not there.
        """
        name = type(self).__name__
        if epoch and self._is_bare:
            ahead = self.schedule.growths[self.schedule.decided :]
            says = f"{name}.on_stage_end", "give", " to decide_growth"
            self._check_metrics(_numbers(stats, *says), ahead, *says)
        if self.tried is not None and not set(stats) <= self.tried:
            raise GrowthError(
                f"{name}.on_stage_end: decide_growth is given "
                f"{', '.join(stats)}, but valid_stats returns "
                f"{', '.join(sorted(self.tried))}; write in on_stage_end\n"
                "    stats = self.valid_stats(stage_loss)\n"
                "    self.decide_growth(epoch, stats)\n"
                f"and let {name}.valid_stats return all metrics"
            )
        return stats

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch; raises if a stream ended before the first step."""
        super()._fit_train(train_set, epoch, enable)
        if self.grad_accumulation_factor > 1 and not self.optimizer_step:
            raise GrowthError(
                f"--grad_accumulation_factor is {self.grad_accumulation_factor}"
                f", but epoch {epoch} ended before so many batches, and the "
                "optimizer took no step; use a smaller number"
            )

    def _fit_valid(self, valid_set, epoch, enable):
        """Validates; raises if the recipe did not let the schedule decide."""
        super()._fit_valid(valid_set, epoch, enable)
        left = self.schedule.next is not None
        if left and self.schedule.last.get("epoch") != epoch:
            raise GrowthError(
                f"{type(self).__name__}.on_stage_end did not call "
                f"decide_growth after the validation of epoch {epoch}, so the "
                "model would never grow; add there, before the checkpoint is "
                "saved: self.decide_growth(epoch, stats)"
            )


def trial_stats(brain, loader):
    """Validates the first batch, and leaves no trace of it.

    Arguments
    ---------
    brain : speechbrain.Brain
        Has ``valid_stats``. It and the random numbers stay as they are.
    loader : DataLoader
        The validation data.

    Returns
    -------
    dict
        What ``valid_stats`` returns; None if the recipe cannot validate yet, or
        not a single batch.

    Raises
    ------
    GrowthError
        If there is no batch, or ``valid_stats`` returns no numbers.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> brain = SimpleNamespace(
    ...     hparams=SimpleNamespace(),
    ...     modules=torch.nn.ModuleDict(),
    ...     on_stage_start=lambda stage, epoch: None,
    ...     evaluate_batch=lambda batch, stage: batch.sum(),
    ...     valid_stats=lambda loss: {"loss": loss},
    ... )
    >>> trial_stats(brain, torch.utils.data.DataLoader([2.0]))
    {'loss': 2.0}
    """
    generators = generators_of(loader)
    before = snapshot(generators)
    try:
        with on_copies(brain), torch.no_grad():
            return _tried(brain, next(iter(copy.copy(loader)), None))
    except GrowthError:
        raise
    except Exception as error:  # of the recipe, which may need the training
        logger.warning(
            "valid_stats could not be tried on a single batch before the first "
            f"epoch ({type(error).__name__}: {error}); so it is not known yet "
            "whether it returns all metrics that the growths name"
        )
        return None
    finally:
        restore(before, generators)


def _tried(brain, batch):
    """Validates one batch, as the first epoch will."""
    if batch is None:
        raise GrowthError("fit: valid_set has no batch; give it some data")
    counter = getattr(brain.hparams, "epoch_counter", None)
    if hasattr(counter, "current"):
        counter.current = 1  # some metrics are for every tenth epoch only
    brain.modules.eval()
    brain.on_stage_start(sb.Stage.VALID, 1)
    brain.step = 1
    loss = float(brain.evaluate_batch(batch, sb.Stage.VALID))
    method = f"{type(brain).__name__}.valid_stats"
    return _numbers(brain.valid_stats(loss), method, "return", "")


def _numbers(stats, method, verb, to):
    """Returns metrics; raises if they are not numbers by name."""
    if not isinstance(stats, dict):
        raise GrowthError(
            f"{method} {verb}s {shown(stats)}{to}; it must be a dict of numbers"
        )
    problems = []
    for key, value in stats.items():
        try:
            float(value)
        except (TypeError, ValueError, RuntimeError):
            problems.append(
                f"{method} {verb}s {shown(value)} as {key!r}{to}; it must "
                "be a number"
            )
    if problems:
        raise GrowthError(problems)
    return stats
