"""Learning rates around a growth.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

from speechbrain.nnet.schedulers import NewBobScheduler


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
