"""Batches of tensors in memory, as slices.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.utils.data import Sampler


class TensorBatches(Sampler):
    """Gives the indices of each batch, as one tensor.

    Arguments
    ---------
    length : int
        Number of items.
    batch_size : int
        Items of a batch; the last batch may have fewer.
    shuffle : bool
        Whether each epoch has another order.
    seed : int
        Seed of that order.

    Example
    -------
    >>> batches = TensorBatches(5, batch_size=2)
    >>> list(batches)
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    >>> data = torch.utils.data.TensorDataset(torch.arange(10, 15))
    >>> data[next(iter(batches))]
    (tensor([10, 11]),)
    """

    def __init__(self, length, batch_size, shuffle=False, seed=0):
        if type(batch_size) is not int or batch_size < 1:
            raise ValueError(
                f"batch_size is {batch_size!r}; it must be a whole number, at "
                "least 1"
            )
        self.length, self.batch_size = length, batch_size
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0

    def set_epoch(self, epoch):
        """Chooses the order of an epoch.

        Arguments
        ---------
        epoch : int
            Its number.
        """
        self.epoch = epoch

    def __len__(self):
        return -(-self.length // self.batch_size)

    def __iter__(self):
        order = torch.arange(self.length)
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + self.epoch)
            order = torch.randperm(self.length, generator=generator)
        return iter(order.split(self.batch_size))
