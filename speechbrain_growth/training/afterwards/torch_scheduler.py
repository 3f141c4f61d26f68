"""Lets a YAML use the learning-rate schedulers of torch.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable

import torch
from torch.optim import Optimizer, lr_scheduler

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.resume.loading import loading


@register_checkpoint_hooks
class TorchScheduler:
    """Any scheduler of ``torch.optim.lr_scheduler``, as ``lr_annealing``.

    A growth keeps the optimizer and its groups, so that the scheduler goes on.

    Arguments
    ---------
    scheduler : callable
        Takes the optimizer, as ``!name:torch.optim.lr_scheduler.StepLR`` does.
    each : str
        After what it takes a step: ``epoch``, or ``step`` of the optimizer.

    Raises
    ------
    GrowthError
        If ``each`` is something else, or ``scheduler`` cannot be called.

    Example
    -------
    >>> import functools
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    >>> halve = functools.partial(lr_scheduler.ExponentialLR, gamma=0.5)
    >>> scheduler = TorchScheduler(halve)
    >>> scheduler.begin(sgd)
    >>> scheduler.after_epoch(sgd, metric=9.0)
    >>> sgd.param_groups[0]["lr"]
    0.5
    """

    def __init__(
        self, scheduler: Callable[..., Any], each: str = "epoch"
    ) -> None:
        if each not in ("epoch", "step"):
            raise GrowthError(
                f"TorchScheduler: each is {each!r}; it must be epoch or step"
            )
        kind = getattr(scheduler, "func", scheduler)
        known = (lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau)
        if not isinstance(kind, type) or not issubclass(kind, known):
            raise GrowthError(
                f"TorchScheduler: scheduler is {scheduler!r}; it must be "
                "!name: and a class of torch.optim.lr_scheduler"
            )
        self.make, self.each = scheduler, each
        self.made, self._read = None, None

    def begin(self, optimizer: Optimizer) -> None:
        """Makes the scheduler, which may set the rate of the first step.

        Arguments
        ---------
        optimizer : torch.optim.Optimizer
            Its learning rates are those at the start.

        Raises
        ------
        GrowthError
            If torch refuses the arguments.
        """
        try:
            self.made = self.make(optimizer)
        except (TypeError, ValueError) as error:
            name = getattr(self.make, "func", self.make).__name__
            raise GrowthError(f"lr_annealing: {name}: {error}")
        if self._read is not None:
            self.made.load_state_dict(self._read)
            self._read = None

    def after_step(self, optimizer: Optimizer) -> None:
        """Counts a step of the optimizer.

        Arguments
        ---------
        optimizer : torch.optim.Optimizer
            Its learning rates are set.
        """
        if self.each == "step":
            self._step(optimizer)

    def after_epoch(self, optimizer: Optimizer, metric: float) -> None:
        """Counts an epoch.

        Arguments
        ---------
        optimizer : torch.optim.Optimizer
            Its learning rates are set.
        metric : float
            For ``ReduceLROnPlateau``.
        """
        if self.each == "epoch":
            self._step(optimizer, metric)

    def _step(self, optimizer, metric=None):
        """Takes a step; only a plateau asks for the metric."""
        if self.made is None:
            self.begin(optimizer)
        waits = isinstance(self.made, lr_scheduler.ReduceLROnPlateau)
        if waits and metric is None:
            raise GrowthError(
                "lr_annealing: ReduceLROnPlateau waits for the metric of a "
                "validation; use each: epoch"
            )
        self.made.step(*([metric] if waits else []))

    @mark_as_saver
    def _save(self, path):
        """Writes what torch's scheduler has counted."""
        made = self.made
        torch.save(self._read if made is None else made.state_dict(), path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads it; until the scheduler is made, it is kept."""
        del end_of_epoch
        with loading(path):
            self._read = torch.load(path, weights_only=True)
            if self.made is not None and self._read is not None:
                self.made.load_state_dict(self._read)
                self._read = None
