"""Averages of gradients, and of their squares, after a growth.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

from speechbrain_growth.engine.transfer import fresh_axes, remap


class Entry(NamedTuple):
    """How one entry of an optimizer's state follows the weights.

    Arguments
    ---------
    out : int
        Power of the share on the layer's own axis.
    into : int
        Power of the share on its incoming axis.
    fresh : str
        What fresh units start with: ``zero``, or ``mean`` of the other units
        for entries that are never negative. Adam would take a zero there for
        a gradient that always was small, and make the first update too large.
    """

    out: int
    into: int
    fresh: str = "zero"


FIRST = Entry(1, 0, "zero")  # averages of gradients
SECOND = Entry(2, 0, "mean")  # averages of their squares


def grown(value, axes, entry):
    """One value of an optimizer's state after the growth, or a gradient.

    Arguments
    ---------
    value : torch.Tensor
        Of the shape of the parameter; or anything else, if entry is None.
    axes : tuple
        The parameter's, from ``axes_of_gradients``. If it is one axis only,
        what is returned is flattened.
    entry : Entry
        How it follows the weights; None: it stays.

    Returns
    -------
    torch.Tensor
    """
    if entry is None or value is None:
        return value
    if len(axes) == 1:
        value = value.flatten()
    tensor = remap(value, axes, entry)
    for dim, width, _ in fresh_axes(axes):
        copies = (~width.fresh).nonzero()[:, 0].to(tensor.device)
        units = width.fresh.nonzero()[:, 0].to(tensor.device)
        fill = tensor.new_zeros(())
        if entry.fresh == "mean" and len(copies):
            fill = tensor.index_select(dim, copies).mean(dim, keepdim=True)
        values = tensor.index_select(dim, units)
        tensor = tensor.index_copy(dim, units, fill.expand_as(values))
    return tensor


def scaled(value, scale, entry):
    """One value of the state of weights that are multiplied, or a gradient.

    Arguments
    ---------
    value : torch.Tensor
        Of the shape of the parameter; or anything else, if entry is None.
    scale : float
        What the weights are multiplied by; their gradients are divided by it.
    entry : Entry
        How it follows the weights; None: it stays.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> import torch
    >>> scaled(torch.ones(2), 4, FIRST)
    tensor([0.2500, 0.2500])
    """
    if scale == 1 or entry is None or value is None:
        return value
    return value * scale ** (entry.into - entry.out)
