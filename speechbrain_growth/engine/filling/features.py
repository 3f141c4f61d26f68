"""What new units could read at each position, from what the layers there read.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.engine.filling.calls import positions


def divisors(norm, inputs, maker):
    """Mean and deviation of each position at a LayerNorm.

    Arguments
    ---------
    norm : torch.nn.Module
        What stands behind the maker; None if nothing does.
    inputs : torch.Tensor
        What arrived there.
    maker : Call
        Of the layer that makes the units.

    Returns
    -------
    list of torch.Tensor
        Both of shape (examples, positions). None if it is no LayerNorm; a
        text that says why, if its positions are not those of the maker.
    """
    if not isinstance(norm, nn.LayerNorm):
        return None
    axes = [-1 - axis for axis in range(len(norm.normalized_shape))]
    weights = getattr(norm, "weights", None)
    inputs = inputs.double()
    if weights is None:
        mean = inputs.mean(axes, keepdim=True)
        var = (inputs - mean).square().mean(axes, keepdim=True)
    else:
        weights = weights.to(inputs)
        mean = (inputs * weights).sum(axes, keepdim=True)
        var = ((inputs - mean).square() * weights).sum(axes, keepdim=True)
    deviation = (var + norm.eps).sqrt()
    made = maker.planes(maker.output.detach().double())
    for order in _orders(inputs.ndim):
        seen = inputs.permute(order)
        if maker.linear:
            seen = positions(seen)
        elif seen.ndim == 3:
            seen = seen.unsqueeze(-1)
        if seen.shape == made.shape and torch.equal(seen, made):
            break
    else:
        return "the norm behind it reads something else than its outputs"
    both = []
    for one in (mean, deviation):
        one = one.expand_as(inputs).permute(order)
        one = positions(one) if maker.linear else one
        both.append(one[:, 0].flatten(1))
    return both


def _orders(dims):
    """Orders of axes in which a norm may stand, the most likely ones first."""
    kept = tuple(range(dims))
    last = (0, dims - 1, *range(1, dims - 1))
    back = (0, dims - 1, *reversed(range(1, dims - 1)))
    return dict.fromkeys((kept, last, back))


def features(read, by, example):
    """What new units could read at each position of one example.

    Arguments
    ---------
    read : torch.Tensor
        What their layer reads, shape (positions, channels times kernel).
    by : list of torch.Tensor
        From ``divisors``.
    example : int
        Which one.

    Returns
    -------
    torch.Tensor
        Shape (positions, features), as ``Moments`` has them.
    """
    if by is None:
        return with_ones(read)
    mean, deviation = (one[example, :, None] for one in by)
    parts = [with_ones(read) / deviation, mean / deviation]
    return with_ones(torch.cat(parts, 1))


def with_ones(rows):
    """Rows with a 1 at the end.

    Arguments
    ---------
    rows : torch.Tensor
        Shape (rows, columns).

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> with_ones(torch.zeros(1, 2))
    tensor([[0., 0., 1.]])
    """
    return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)
