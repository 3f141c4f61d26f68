"""Proximal steps: what a penalty with a corner does to weights in one step.

A gradient never sets a weight to zero. After a step of the optimizer on the
loss alone, the proximal step of the penalty does.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.continual.weights.units import (
    Tensors,
    Units,
    by_unit,
    spread,
)


def soft_threshold(weights: torch.Tensor, size: float) -> torch.Tensor:
    """Returns the proximal step of ``size`` times the sum of magnitudes.

    Arguments
    ---------
    weights : torch.Tensor
        Any shape.
    size : float
        By how much each weight comes nearer to zero, at most to zero.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> soft_threshold(torch.tensor([3.0, -2.0, 0.5]), 1.0)
    tensor([ 2., -1.,  0.])
    """
    return torch.sign(weights) * (weights.abs() - size).clamp(min=0)


def group_soft_threshold(rows: torch.Tensor, size: float) -> torch.Tensor:
    """Returns the proximal step of ``size`` times the sum of the rows' norms.

    A row that is no longer than ``size`` becomes zero as a whole.

    Arguments
    ---------
    rows : torch.Tensor
        Each row is a group of weights.
    size : float
        By how much each row gets shorter.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> group_soft_threshold(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    tensor([[2.4000, 3.2000],
            [0.0000, 0.0000]])
    """
    norms = rows.norm(dim=1, keepdim=True)
    # A row of zeros stays one: the least norm only avoids 0 / 0
    least = torch.finfo(rows.dtype).tiny
    return rows * (1 - size / norms.clamp(min=least)).clamp(min=0)


def soften(weights: torch.Tensor, held: torch.Tensor, size: float) -> None:
    """Takes the proximal step of an L1 penalty, where weights are not held.

    Arguments
    ---------
    weights : torch.Tensor
        Changed in place.
    held : torch.Tensor
        Which of them stay, boolean.
    size : float
        As for ``soft_threshold``.

    Example
    -------
    >>> weights = torch.tensor([3.0, 3.0])
    >>> soften(weights, torch.tensor([True, False]), 1.0)
    >>> weights
    tensor([3., 2.])
    """
    with torch.no_grad():
        small = soft_threshold(weights, size)
        weights.copy_(torch.where(held, weights, small))


def shrink_units(
    units: Units, tensors: Tensors, shrunk: torch.Tensor, size: float
) -> None:
    """Takes the proximal step of a group lasso, with a group for each unit.

    A group is all that enters a unit: the rows of all its gates, a bias, which
    is a weight from a unit that is always 1, and scale and shift of its norm.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name, changed in place.
    shrunk : torch.Tensor
        Which units are shrunk, boolean, shape (units,).
    size : float
        As for ``group_soft_threshold``.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> layer = Linear(1, 2)
    >>> units, shrunk = Units(trace(layer, layer)), torch.arange(3) == 1
    >>> shrink_units(units, dict(layer.named_parameters()), shrunk, 9.0)
    >>> (layer.weight == 0)[:, 0]
    tensor([False,  True])
    """
    with torch.no_grad():
        along = list(units.along("out", tensors))
        squares = sum(by_unit(t.square(), a, len(units)) for _, t, a in along)
        norms = squares.sqrt()[:, None]
        # What is left of a row of this length, as a share
        least = torch.finfo(norms.dtype).tiny
        rest = group_soft_threshold(norms, size) / norms.clamp(min=least)
        rest = torch.where(shrunk, rest[:, 0], torch.ones_like(rest[:, 0]))
        for _, tensor, axis in along:
            tensor.mul_(spread(rest, axis, tensor))
