"""Batches of the training data, of which no trace is left.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy
import itertools

from torch.nn import ModuleDict
from torch.optim import Optimizer

from speechbrain_growth.resume import noise_lists
from speechbrain_growth.resume.batches import epoch_sampler, generators_of
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.training.copies import SHARED, on_copies


@contextlib.contextmanager
def on_raw_copies(brain):
    """Inside this context, a Brain holds copies, and its modules are bare.

    Its optimizers are not copied; none of them may take a step.

    Arguments
    ---------
    brain : GrowingBrain
        Afterwards it holds what it held before, and all random numbers are what
        they were.

    Yields
    ------
    None
    """
    wrapped, generators = brain.modules, generators_of(brain.train_loader)
    before, mixers = snapshot(generators), brain.randomness.mixers
    places = noise_lists.places(mixers)
    brain.modules = ModuleDict(brain.raw_modules.items())
    try:
        with on_copies(brain, (*SHARED, Optimizer)):
            yield
    finally:
        brain.modules = wrapped
        restore(before, generators)
        if noise_lists.places(mixers) != places:
            noise_lists.go_to(mixers, places)


def batches_of(loader, count, epoch=None):
    """Reads batches from a loader, which keeps its own place.

    Arguments
    ---------
    loader : iterable
        The training data.
    count : int
        How many batches.
    epoch : int
        Whose first batches; None for whatever the loader gives.

    Returns
    -------
    list
        Fewer if there are not as many.

    Example
    -------
    >>> from torch.utils.data import DataLoader
    >>> batches_of(DataLoader([1, 2, 3], batch_size=1), 2)
    [tensor([1]), tensor([2])]
    """
    loader = copy.copy(loader)
    if epoch is not None:
        loader._iterator = None  # that of workers that persist
        sampler = epoch_sampler(loader)
        if sampler is not None:
            sampler.set_epoch(epoch)  # as the epoch itself will
    return list(itertools.islice(iter(loader), count))
