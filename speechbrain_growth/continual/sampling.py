"""Batches of one task after another, the same in a run that was interrupted.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from speechbrain_growth.errors import GrowthError


class TaskBatches(Sampler):
    """Gives the indices of each batch of the tasks that are chosen.

    The order is a function of the seed and the epoch.

    Arguments
    ---------
    tasks : list of torch.Tensor
        The indices of each task's items.
    batch_size : int
        Items of a batch; the last batch may have fewer.
    shuffle : bool
        Whether each epoch has another order.
    seed : int
        Seed of that order.
    window : int
        How many batches an epoch has of one pass over all items, in their
        order; 0: an epoch is a pass.

    Attributes
    ----------
    chosen : tuple of int
        The tasks whose items are given, from 1 on.
    memory : torch.Tensor
        Indices of items of earlier tasks, of which each batch gets as many as
        of the chosen tasks; empty for none.
    given : list of torch.Tensor
        The indices of each batch of the next epochs, in place of those of the
        chosen tasks; None for those.
    spread : bool
        Whether each of several processes gets its part of every batch, as for
        training. All have as many batches.

    Example
    -------
    >>> batches = TaskBatches([torch.arange(3), torch.arange(3, 5)], 2)
    >>> batches.chosen = (1,)
    >>> list(batches)
    [tensor([0, 1]), tensor([2])]
    >>> batches.chosen = (2,)
    >>> list(batches)
    [tensor([3, 4])]
    """

    def __init__(self, tasks, batch_size, shuffle=False, seed=0, window=0):
        if type(batch_size) is not int or batch_size < 1:
            raise GrowthError(
                f"batch_size is {batch_size!r}; it must be a whole number, at "
                "least 1"
            )
        self.tasks, self.batch_size = list(tasks), batch_size
        self.shuffle, self.seed, self.epoch = shuffle, seed, 1
        self.window = window
        self.chosen, self.memory = (1,), torch.zeros(0, dtype=torch.long)
        self.given = None
        self.spread = False

    @property
    def windows(self) -> int:
        """How many windows one pass has; 0 if epochs are no windows."""
        if not self.window:
            return 0
        items = sum(len(self.tasks[task - 1]) for task in self.chosen)
        return -(-items // (self.window * self._each))

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of an epoch.

        Arguments
        ---------
        epoch : int
            Its number.
        """
        self.epoch = epoch

    @property
    def _each(self):
        """How many items of the chosen tasks a batch has."""
        return max(self.batch_size // (2 if len(self.memory) else 1), 1)

    def items(self, epoch: int) -> torch.Tensor:
        """Returns what the stream has for an epoch: its window, if it has some.

        Arguments
        ---------
        epoch : int
            From 1 on.

        Returns
        -------
        torch.Tensor
            Indices, in the order of the stream.
        """
        items = torch.cat([self.tasks[task - 1] for task in self.chosen])
        if self.window:
            size = self.window * self._each
            return items[(epoch - 1) * size :][:size]
        return items

    def __len__(self):
        if self.given is not None:
            return len(self.given)
        return -(-len(self.items(self.epoch)) // self._each)

    def __iter__(self):
        for batch in self._batches() if self.given is None else self.given:
            yield _own_part(batch) if self.spread else batch

    def _batches(self):
        """The batches of the chosen tasks, with those of the memory."""
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        items = self.items(self.epoch)
        if self.shuffle and not self.window:
            items = items[torch.randperm(len(items), generator=generator)]
        for batch in items.split(self._each):
            if len(self.memory):
                size = (len(batch),)
                drawn = torch.randint(
                    len(self.memory), size, generator=generator
                )
                batch = torch.cat([batch, self.memory[drawn]])
            yield batch


def task_loader(
    dataset: Dataset,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    **options: Any,
) -> DataLoader:
    """Makes a loader whose batches are those of the tasks that are chosen.

    Arguments
    ---------
    dataset : Dataset
        The items of all tasks; its ``tasks`` are the indices of each task's.
        A ``StreamDataset`` gives a batch at once; of any other the items are
        collated.
    batch_size : int
        Items of a batch.
    shuffle : bool
        Whether each epoch has another order.
    seed : int
        Seed of that order.
    **options : dict
        As for ``torch.utils.data.DataLoader``.

    Returns
    -------
    DataLoader
        ``batches_of`` finds its ``TaskBatches``.
    """
    indices = [torch.as_tensor(one, dtype=torch.long) for one in dataset.tasks]
    empty = [str(n) for n, one in enumerate(indices, 1) if not len(one)]
    if empty:
        raise GrowthError(
            f"task {', '.join(empty)} has no items; leave it out of the stream"
        )
    window = getattr(dataset, "window", 0)
    batches = TaskBatches(indices, batch_size, shuffle, seed, window)
    if getattr(dataset, "batched", False):
        return DataLoader(dataset, sampler=batches, batch_size=None, **options)
    return DataLoader(dataset, batch_sampler=batches, **options)


def batches_of(loader: DataLoader) -> TaskBatches:
    """Finds the ``TaskBatches`` of a loader.

    Arguments
    ---------
    loader : DataLoader
        From ``task_loader``.

    Returns
    -------
    TaskBatches

    Raises
    ------
    GrowthError
        If the loader has none.
    """
    for name in ("sampler", "batch_sampler"):
        found = getattr(loader, name, None)
        if isinstance(found, TaskBatches):
            return found
    raise GrowthError(
        f"found a {type(loader).__name__} that knows no tasks; make the loader "
        "by speechbrain_growth.task_loader"
    )


def one_by_one(loader: DataLoader, task: int, most: int) -> DataLoader:
    """Makes a loader that gives the items of a task in batches of one.

    Arguments
    ---------
    loader : DataLoader
        From ``task_loader``.
    task : int
        Whose items.
    most : int
        How many at most, the first ones.

    Returns
    -------
    DataLoader
    """
    return in_order(loader, batches_of(loader).tasks[task - 1][:most], 1)


def all_of(loader: DataLoader, task: int, size: int = 100) -> DataLoader:
    """Makes a loader of all items of a task, in their order.

    Each of several processes gets all of them.

    Arguments
    ---------
    loader : DataLoader
        From ``task_loader``.
    task : int
        Whose items.
    size : int
        Items of a batch.

    Returns
    -------
    DataLoader
    """
    return in_order(loader, batches_of(loader).tasks[task - 1], size)


def reservoir(
    tasks: Dict[int, torch.Tensor], size: int, seed: int = 0
) -> torch.Tensor:
    """Draws the memory that one pass over some tasks leaves behind.

    Each item seen so far is in it with the same probability (algorithm R,
    Vitter 1985). It is a function of its arguments, so that a run that resumes
    has the same memory.

    Arguments
    ---------
    tasks : dict
        The indices of each task's items, in the order of training.
    size : int
        How many items it holds.
    seed : int
        Seed of the draw.

    Returns
    -------
    torch.Tensor
        Indices, shape (size,), or fewer if fewer were seen.

    Example
    -------
    >>> reservoir({1: torch.arange(5)}, size=9)
    tensor([0, 1, 2, 3, 4])
    >>> len(reservoir({1: torch.arange(5), 2: torch.arange(5, 90)}, size=9))
    9
    """
    generator, held, seen = torch.Generator().manual_seed(seed), [], 0
    for indices in tasks.values():
        # A place for each item, of all places so far, drawn at once
        numbers = torch.arange(seen + 1, seen + len(indices) + 1)
        drawn = torch.rand(len(indices), generator=generator) * numbers
        for index, place in zip(indices.tolist(), drawn.long().tolist()):
            if len(held) < size:
                held.append(index)
            elif place < size:
                held[place] = index
        seen += len(indices)
    return torch.tensor(held, dtype=torch.long)


def in_order(loader: DataLoader, items: torch.Tensor, size: int) -> DataLoader:
    """Makes a loader of some items, joined as another loader joins them.

    Arguments
    ---------
    loader : DataLoader
        From ``task_loader``.
    items : torch.Tensor
        Indices, in the order in which they are given.
    size : int
        Items of a batch.

    Returns
    -------
    DataLoader
    """
    items = items.split(size)
    if loader.batch_sampler is None:
        return DataLoader(loader.dataset, sampler=items, batch_size=None)
    return DataLoader(
        loader.dataset, batch_sampler=items, collate_fn=loader.collate_fn
    )


def _own_part(batch):
    """What one of several processes gets of a batch; all get as many."""
    spread = torch.distributed.is_available() and (
        torch.distributed.is_initialized()
    )
    if not spread:
        return batch
    count = torch.distributed.get_world_size()
    each = -(-len(batch) // count)
    # The first items again, so that the last process does not wait for ever
    return batch.repeat(count)[: each * count][
        torch.distributed.get_rank() :: count
    ]
