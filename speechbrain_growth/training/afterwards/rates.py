"""Learning rates: what a scheduler makes of them, and what a growth does.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy
import functools
import inspect
import math
from typing import Any, Optional

import torch
from torch.optim import Optimizer

from speechbrain.nnet.schedulers import NewBobScheduler, update_learning_rate
from speechbrain.utils.checkpoints import DEFAULT_LOAD_HOOKS, get_default_hook
from speechbrain_growth.errors import GrowthError

# What SpeechBrain's schedulers are called with; the names of its arguments
# tell of which kind one is
BY_STEP = ("opt", "num_updates")
BY_EPOCH = ("optim_list", "epoch", "current_epoch")
BY_METRIC = ("metric_value", "current_loss")
ROUNDOFF = 1e-9  # a rate that falls to 0 may end a little below


@contextlib.contextmanager
def scaled_lr(optimizers, factor):
    """Multiplies learning rates inside the context.

    Schedulers never see the product, so they keep their own value.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        The rates of their groups are changed, and restored afterwards.
    factor : float
        What the rates are multiplied by.

    Yields
    ------
    None

    Example
    -------
    >>> import torch
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    >>> with scaled_lr([sgd], 0.5):
    ...     sgd.param_groups[0]["lr"]
    0.25
    >>> sgd.param_groups[0]["lr"]
    0.5
    """
    groups = [group for one in optimizers for group in one.param_groups]
    rates = [group["lr"] for group in groups]
    for group, rate in zip(groups, rates):
        group["lr"] = rate if factor == 1.0 else rate * factor
    try:
        yield
    finally:
        for group, rate in zip(groups, rates):
            group["lr"] = rate


def skip_one_comparison(scheduler):
    """Lets NewBob skip the comparison across a growth.

    It would compare the grown model with the smaller one before it; instead it
    takes the next metric as its first.

    Arguments
    ---------
    scheduler : object
        Any other scheduler is left as it is.

    Example
    -------
    >>> newbob = NewBobScheduler(initial_value=1.0)
    >>> _ = newbob(10.0)
    >>> skip_one_comparison(newbob)
    >>> newbob(20.0)
    (1.0, 1.0)
    """
    if isinstance(scheduler, NewBobScheduler):
        scheduler.metric_values = []


def anneal_step(scheduler: Any, optimizer: Optimizer, steps: int) -> None:
    """Calls a scheduler that counts steps, after a step of the optimizer.

    Arguments
    ---------
    scheduler : object
        From ``speechbrain.nnet.schedulers``, or a ``TorchScheduler``. One that
        counts epochs is left alone.
    optimizer : torch.optim.Optimizer
        Its learning rates are set.
    steps : int
        Steps taken so far.

    Raises
    ------
    GrowthError
        If it sets a learning rate below 0, as some do after their last step.

    Example
    -------
    >>> from speechbrain.nnet.schedulers import LinearWarmupScheduler
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    >>> anneal_step(LinearWarmupScheduler(1.0, 4, 8), sgd, steps=1)
    >>> sgd.param_groups[0]["lr"]
    0.25
    """
    if hasattr(scheduler, "after_step"):  # one of ours
        return scheduler.after_step(optimizer)
    call = _step_call(type(scheduler))
    if call is None:
        return
    call(scheduler, **_chosen(call, opt=optimizer, num_updates=steps))
    lr = optimizer.param_groups[0]["lr"]
    if not -ROUNDOFF < lr < math.inf:
        raise GrowthError(
            f"lr_annealing: {type(scheduler).__name__} sets a learning rate of "
            f"{lr:.2g} after step {steps}; give it as many steps as the run has"
        )


def anneal_epoch(
    scheduler: Any, optimizer: Optimizer, epoch: int, metric: float
) -> float:
    """Calls a scheduler that counts epochs, after a validation.

    Arguments
    ---------
    scheduler : object
        From ``speechbrain.nnet.schedulers``, or a ``TorchScheduler``. One that
        counts steps is left alone.
    optimizer : torch.optim.Optimizer
        Its learning rates are set.
    epoch : int
        The epoch that is over.
    metric : float
        For a scheduler that waits until a metric stops falling.

    Returns
    -------
    float
        The learning rate of the epoch that is over.

    Example
    -------
    >>> from speechbrain.nnet.schedulers import LinearScheduler
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    >>> anneal_epoch(LinearScheduler(1.0, 0.0, 3), sgd, epoch=1, metric=9.0)
    1.0
    >>> sgd.param_groups[0]["lr"]
    0.5
    """
    if hasattr(scheduler, "after_epoch"):  # one of ours
        old = optimizer.param_groups[0]["lr"]
        scheduler.after_epoch(optimizer, metric)
        return old
    if _step_call(type(scheduler)) is not None:
        return optimizer.param_groups[0]["lr"]
    given = _chosen(
        type(scheduler).__call__,
        optim_list=[optimizer],
        epoch=epoch,
        current_epoch=epoch,
        metric_value=metric,
        current_loss=metric,
    )
    old, new = scheduler(**given)
    update_learning_rate(optimizer, new)
    return old


def check_annealing(
    scheduler: Any, epochs: int, anneal_by: Optional[str] = None
) -> None:
    """Tries a copy of a scheduler; raises if it would fail in the run.

    Arguments
    ---------
    scheduler : object
        For ``anneal_step`` and ``anneal_epoch``.
    epochs : int
        Number of the run's epochs.
    anneal_by : str
        ``epoch``, or the name of the metric that it will be called with. None
        if the recipe leaves no choice.

    Raises
    ------
    GrowthError
        If the two functions cannot call it, it fails in one of the epochs, or
        a checkpoint cannot keep what it counts.

    Example
    -------
    >>> from speechbrain.nnet.schedulers import LinearScheduler
    >>> check_annealing(LinearScheduler(1.0, 0.0, 3), epochs=4)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: lr_annealing: LinearScheduler fails after epoch 4 of 4: list index out of range; it must last for all epochs (its epoch_count, say)
    """
    ours = hasattr(scheduler, "after_step") and hasattr(
        scheduler, "after_epoch"
    )
    if not ours:
        _check_call(scheduler, anneal_by)
    kind, named = type(scheduler), getattr(scheduler, "func", scheduler)
    name = getattr(named, "__name__", kind.__name__)
    trial = copy.deepcopy(scheduler)
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for epoch in range(1, epochs + 1):
        try:
            anneal_step(trial, sgd, epoch)
            anneal_epoch(trial, sgd, epoch, metric=1.0)
        except GrowthError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise GrowthError(
                f"lr_annealing: {name} fails after epoch {epoch} of {epochs}: "
                f"{error}; it must last for all epochs (its epoch_count, say)"
            )
    if _count(trial) != _count(scheduler) and not _is_loaded(scheduler):
        raise GrowthError(
            f"lr_annealing: SpeechBrain cannot load what {name} has counted, "
            "so a resumed run would start its count anew; use another scheduler"
        )


def _check_call(scheduler, anneal_by):
    """Raises if a scheduler cannot be called, or not with what it is given."""
    kind, named = type(scheduler), getattr(scheduler, "func", scheduler)
    name = getattr(named, "__name__", kind.__name__)
    names = set(_names(kind.__call__)) if callable(scheduler) else {""}
    counts_steps = callable(scheduler) and _step_call(kind) is not None
    if not counts_steps and not names <= {*BY_EPOCH, *BY_METRIC}:
        raise GrowthError(
            f"lr_annealing: {name} is not called as the schedulers of "
            "speechbrain.nnet.schedulers are; use one of these, such as "
            "LinearScheduler, NewBobScheduler or NoamScheduler, or "
            "speechbrain_growth.TorchScheduler around one of torch's"
        )
    wanted = not counts_steps and names.isdisjoint(BY_METRIC)
    if anneal_by and not counts_steps and wanted != (anneal_by == "epoch"):
        raise GrowthError(
            f"anneal_by is {anneal_by!r}, but {name} is called with "
            f"{'the epoch; use epoch' if wanted else 'a metric; name one'}"
        )


def _count(scheduler):
    """What a scheduler has counted so far, as plain values."""
    plain = (int, float, list, tuple, dict)
    held = getattr(scheduler, "__dict__", {}).items()
    return {key: value for key, value in held if isinstance(value, plain)}


def _is_loaded(scheduler):
    """Whether a checkpointer can load a scheduler's count."""
    return get_default_hook(scheduler, DEFAULT_LOAD_HOOKS) is not None


@functools.lru_cache(maxsize=None)
def _names(function):
    """The arguments that a method must be given."""
    return [
        p.name
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.default is p.empty
    ]


@functools.lru_cache(maxsize=None)
def _step_call(kind):
    """The method of a scheduler to call after a step; None if it has none."""
    call = getattr(kind, "on_batch_end", kind.__call__)
    names = _names(call)
    return call if names and set(names) <= set(BY_STEP) else None


def _chosen(function, **given):
    """Those of the given arguments that a method takes."""
    return {name: given[name] for name in _names(function)}
