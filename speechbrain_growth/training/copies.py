"""Lets a Brain work on copies of all that it holds.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from speechbrain.dataio.dataloader import LoopedLoader
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.logger import get_logger
from speechbrain_growth.blueprint.blueprint import Blueprint

logger = get_logger(__name__)
# What no validation changes, and may be large
SHARED = (DataLoader, LoopedLoader, Dataset, Sampler, Checkpointer, Blueprint)


@contextlib.contextmanager
def on_copies(brain, shared=SHARED):
    """Inside this context, a Brain holds copies of all that it holds.

    Its data are not copied, nor what cannot be, such as an open file.

    Arguments
    ---------
    brain : speechbrain.Brain
        The same object inside, so that its methods and functions that know it
        still find it. Afterwards it holds what it held before.
    shared : tuple of type
        What it holds of these is not copied.

    Yields
    ------
    None

    Example
    -------
    >>> from types import SimpleNamespace
    >>> brain = SimpleNamespace(hparams=SimpleNamespace(), seen=[])
    >>> with on_copies(brain):
    ...     brain.seen.append(1)
    >>> brain.seen
    []
    """
    holders = (brain.hparams, brain)
    held = [dict(vars(holder)) for holder in holders]
    memo = {id(holder): holder for holder in holders}
    for own in held:
        memo.update({id(v): v for v in own.values() if isinstance(v, shared)})
    try:
        for holder, own in zip(holders, held):
            for name, value in own.items():
                vars(holder)[name] = _copied(name, value, memo)
        yield
    finally:
        for holder, own in zip(holders, held):
            vars(holder).clear()
            vars(holder).update(own)


def _copied(name, value, memo):
    """A copy of a value; the value itself if it cannot be copied."""
    known = set(memo)
    try:
        return copy.deepcopy(value, memo)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # any object may stand in a YAML
        logger.debug(f"{name} is shared, not copied: {error}")
        for half_made in set(memo) - known - {id(memo)}:
            del memo[half_made]
        return value
