"""Batches of the training data, of which no trace is left.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy
import itertools

from torch.nn import ModuleDict

from speechbrain_growth.resume.batches import generators_of
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.training.copies import on_copies


@contextlib.contextmanager
def on_raw_copies(brain):
    """Inside this context, a Brain holds copies, and its modules are bare.

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
    before = snapshot(generators)
    brain.modules = ModuleDict(brain.raw_modules.items())
    try:
        with on_copies(brain):
            yield
    finally:
        brain.modules = wrapped
        restore(before, generators)


def batches_of(loader, count):
    """Reads batches from a loader, which keeps its own place.

    Arguments
    ---------
    loader : iterable
        The training data.
    count : int
        How many batches.

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
    return list(itertools.islice(iter(copy.copy(loader)), count))
