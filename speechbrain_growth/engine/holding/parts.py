"""What is held of one tensor, and how it is put back.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


class Rows(NamedTuple):
    """Whole rows that are held of a parameter, and what they are."""

    parameter: torch.nn.Parameter
    rows: torch.Tensor
    kept: torch.Tensor

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            self.parameter.grad.index_fill_(0, self.rows, 0)

    def put_back(self):
        """Sets them to what they are."""
        self.parameter.index_copy_(0, self.rows, self.kept)


class FirstRows(NamedTuple):
    """The same of the first rows, which lie side by side in memory."""

    parameter: torch.nn.Parameter
    rows: int
    kept: torch.Tensor

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            self.parameter.grad[: self.rows].zero_()

    def put_back(self):
        """Sets them to what they are."""
        self.parameter[: self.rows].copy_(self.kept)


class Statistic(NamedTuple):
    """The same of a buffer, such as the running mean of a norm."""

    buffer: torch.Tensor
    mask: torch.Tensor
    kept: torch.Tensor

    def put_back(self):
        """Sets what is held of it to what it is."""
        self.buffer.copy_(torch.where(self.mask, self.kept, self.buffer))


class Single(NamedTuple):
    """The same of weights anywhere, by their bits: ``torch.where`` is slow."""

    parameter: torch.nn.Parameter
    free: torch.Tensor  # all bits where a weight is free, none where it is held
    kept: torch.Tensor  # bits of held weights, none where a weight is free

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            _bits(self.parameter.grad).bitwise_and_(self.free)

    def put_back(self):
        """Sets them to what they are."""
        _bits(self.parameter).bitwise_and_(self.free).bitwise_or_(self.kept)


def _bits(tensor):
    """The same memory, each number read as a whole one of as many bits."""
    return tensor.detach().view(BITS[tensor.element_size()])


def part_of(parameter, mask):
    """Returns what is held of a parameter, in the form that is put back soonest.

    Arguments
    ---------
    parameter : torch.nn.Parameter
        Has the values to hold.
    mask : torch.Tensor
        Which of them are held: boolean, of its shape.

    Returns
    -------
    Rows or FirstRows or Single

    Example
    -------
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> part = part_of(weight, torch.tensor([True, False]))
    >>> with torch.no_grad():
    ...     weight.zero_()
    ...     part.put_back()
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    >>> weight
    Parameter containing:
    tensor([1., 0.], requires_grad=True)
    """
    rows = mask.flatten(1).all(1) if mask.ndim > 1 else mask
    shape = [-1] + [1] * (mask.ndim - 1)
    value = parameter.detach()
    if not torch.equal(mask, rows.view(shape).expand_as(mask)):
        free = torch.full_like(_bits(value), -1).masked_fill_(mask, 0)
        return Single(parameter, free, _bits(value) & ~free)
    count = int(rows.sum())
    if rows[:count].all():
        return FirstRows(parameter, count, value[:count].clone())
    rows = rows.nonzero()[:, 0]
    return Rows(parameter, rows, value[rows].clone())
