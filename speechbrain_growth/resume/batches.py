"""The batches of an epoch, from the first or from where a run was stopped.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.utils.data import DataLoader, IterableDataset

SAMPLERS = ("sampler", "batch_sampler")  # where a loader keeps its order


class Batches:
    """Gives a loader's batches, and random numbers as if never interrupted.

    A loader draws its order, and the seeds of its workers, when its first batch
    is asked for. So inside an epoch the state from before that moment is needed
    as well as the one of the checkpoint.

    Arguments
    ---------
    loader : iterable
        Gives the batches of one epoch. What is no ``DataLoader`` knows its
        place by itself.
    randomness : Randomness
        Has the state to go on from, if it is inside an epoch.
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
        batches = self._going_on()
        self.randomness.epoch_continues()
        yield from batches
        self.randomness.epoch_ends()

    def _going_on(self):
        """The loader's iterator, after the batches that are done."""
        loader = self.loader
        if not isinstance(loader, DataLoader):
            return iter(loader)
        # Workers have generators of their own, and a stream has no index: there
        # the batches are drawn again. Else SpeechBrain skips them unread.
        drawn = loader.num_workers or isinstance(
            loader.dataset, IterableDataset
        )
        loader._speechbrain_recovery_skip_to = None if drawn else self.done
        batches = iter(loader)
        if drawn:
            for _ in range(self.done):
                next(batches)
        return batches


def epoch_sampler(loader):
    """The sampler of a loader whose order depends on the epoch's number.

    Such a sampler draws from no generator that a checkpoint could keep. Told
    the number, it gives the same batches whether the run was interrupted or
    not.

    Arguments
    ---------
    loader : iterable
        Any loader; only a ``DataLoader`` has some.

    Returns
    -------
    torch.utils.data.Sampler
        None if there is none.

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
    """Generators that a loader was given to draw from.

    Arguments
    ---------
    loader : iterable
        Any loader; only a ``DataLoader`` has some.

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
