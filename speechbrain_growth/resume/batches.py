"""Gives the batches of an epoch, from the first or the next to be used.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.utils.data import DataLoader, IterableDataset

SAMPLERS = ("sampler", "batch_sampler")  # where a loader keeps its order


class Batches:
    """Gives the batches and random numbers of an epoch without interruption.

    A loader draws its order, and the seeds of its workers, before its first
    batch. To resume inside an epoch, two states of the random numbers are
    needed: that from before the first batch, and that of the checkpoint.

    Arguments
    ---------
    loader : iterable
        Gives the batches of one epoch. A loader that is no ``DataLoader``
        must keep its position itself.
    randomness : Randomness
        Holds both states, if the run resumes inside an epoch.
    done : int
        How many batches of this epoch were used before the interruption.

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth.resume.randomness import Randomness
    >>> loader = DataLoader(list("abcd"), batch_size=1)
    >>> randomness = Randomness(torch.nn.ModuleDict())
    >>> [batch for (batch,) in Batches(loader, randomness)]
    ['a', 'b', 'c', 'd']
    >>> [batch for (batch,) in Batches(loader, randomness, done=3)]
    ['d']
    """

    def __init__(self, loader, randomness, done=0):
        self.loader = loader
        self.randomness = randomness
        self.done = done

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        self.randomness.epoch_begins()
        batches = self._remaining()
        self.randomness.epoch_continues()
        yield from batches
        self.randomness.epoch_ends()

    def _remaining(self):
        """The loader's iterator, after the batches that are done."""
        loader = self.loader
        if not isinstance(loader, DataLoader):
            return iter(loader)
        # Workers have generators of their own, and a stream has no index: both
        # read the used batches again. Otherwise SpeechBrain skips them unread.
        drawn = loader.num_workers or isinstance(
            loader.dataset, IterableDataset
        )
        loader._speechbrain_recovery_skip_to = None if drawn else self.done
        batches = iter(loader)
        if drawn:
            for _ in range(self.done):
                next(batches, None)  # there may be fewer now
        return batches


def epoch_sampler(loader):
    """Finds the sampler of a loader whose order depends on the epoch's number.

    The Brain calls its ``set_epoch``, so it gives the same batches in a run
    that was interrupted, although a checkpoint holds nothing of it.

    Arguments
    ---------
    loader : iterable
        Any loader; only a ``DataLoader`` has samplers.

    Returns
    -------
    torch.utils.data.Sampler
        None if the loader has no such sampler.

    Example
    -------
    >>> from speechbrain.dataio.sampler import DynamicBatchSampler
    >>> data = list("abcd")
    >>> sampler = DynamicBatchSampler(data, 4, 2, lengths_list=[1, 2, 1, 2])
    >>> epoch_sampler(DataLoader(data, batch_sampler=sampler)) is sampler
    True
    """
    samplers = [getattr(loader, name, None) for name in SAMPLERS]
    return next((s for s in samplers if hasattr(s, "set_epoch")), None)


def generators_of(loader):
    """Finds the random-number generators that a loader was made with.

    Arguments
    ---------
    loader : iterable
        Any loader; only a ``DataLoader`` has generators.

    Returns
    -------
    list of torch.Generator

    Example
    -------
    >>> import torch
    >>> generator = torch.Generator()
    >>> loader = DataLoader([1, 2], shuffle=True, generator=generator)
    >>> generators_of(loader) == [generator]
    True
    """
    holders = [loader, *(getattr(loader, n, None) for n in SAMPLERS)]
    found = [getattr(holder, "generator", None) for holder in holders]
    return [g for n, g in enumerate(found) if g and g not in found[:n]]
