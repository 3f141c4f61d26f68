"""Splits the units of a chain of layers that moved: the old ones come back.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import List, Sequence, Tuple

import torch
from torch import nn

Before = Sequence[Tuple[torch.Tensor, torch.Tensor]]


def moves(layers: Sequence[nn.Linear], before: Before) -> List[torch.Tensor]:
    """Returns how what enters each unit has moved.

    Arguments
    ---------
    layers : list of torch.nn.Linear
        A chain, from the inputs on.
    before : list of tuple
        The earlier weight and bias of each hidden layer. Units that came later
        stand behind the others, and do not count.

    Returns
    -------
    list of torch.Tensor
        For each hidden layer the difference, shape (earlier units, weights
        into each and its bias). Gradients go through it.

    Example
    -------
    >>> layers = [nn.Linear(1, 1), nn.Linear(1, 1)]
    >>> weight, bias = (p.detach().clone() for p in layers[0].parameters())
    >>> moves(layers, [(weight + 3, bias - 4)])[0].detach().round()
    tensor([[-3.,  4.]])
    """
    found = []
    for layer, (weight, bias) in zip(layers, before):
        rows, columns = weight.shape
        moved = layer.weight[:rows, :columns] - weight
        shift = layer.bias[:rows] - bias
        found.append(torch.cat([moved, shift[:, None]], 1))
    return found


def drifted(
    moved: Sequence[torch.Tensor],
    silent: Sequence[torch.Tensor],
    sigma: float,
    least: bool = False,
) -> List[torch.Tensor]:
    """Chooses units by how far what enters them has moved.

    Arguments
    ---------
    moved : list of torch.Tensor
        From ``moves``.
    silent : list of torch.Tensor
        Which units of each layer send nothing; they are not chosen.
    sigma : float
        Units are chosen that moved by more, as a Euclidean distance.
    least : bool
        Takes as many units, but those that moved least.

    Returns
    -------
    list of torch.Tensor
        The indices of the units, for each layer.

    Example
    -------
    >>> moved = [torch.tensor([[3.0, 4.0], [0.1, 0.0]])]
    >>> silent = [torch.tensor([False, False])]
    >>> drifted(moved, silent, 1.0), drifted(moved, silent, 1.0, least=True)
    ([tensor([0])], [tensor([1])])
    """
    found = []
    for difference, removed in zip(moved, silent):
        far = difference.detach().norm(dim=1)
        gone = removed[: len(far)]
        units = ((far > sigma) & ~gone).nonzero()[:, 0]
        if least:
            far[gone] = float("inf")
            units = far.argsort(stable=True)[: len(units)].sort()[0]
        found.append(units)
    return found


def split_units(
    layers: Sequence[nn.Linear], before: Before, chosen: Sequence[torch.Tensor]
) -> None:
    """Fills copies with the units as they are; originals become the old ones.

    What came after ``before``, such as the outputs, reads the copies in place
    of the originals; earlier units read no copy.

    Arguments
    ---------
    layers : list of torch.nn.Linear
        A chain, whose last units of each hidden layer are the copies to be.
    before : list of tuple
        As for ``moves``.
    chosen : list of torch.Tensor
        The indices of the originals, for each hidden layer.

    Example
    -------
    >>> layers = [nn.Linear(1, 2), nn.Linear(2, 1)]
    >>> _ = layers[1].weight.data[:, 1].zero_()  # the copy sends nothing yet
    >>> inputs = torch.ones(1, 1)
    >>> then = layers[1](layers[0](inputs))
    >>> old = torch.tensor([[7.0]]), torch.tensor([8.0])
    >>> split_units(layers, [old], [torch.tensor([0])])
    >>> torch.allclose(layers[1](layers[0](inputs)), then)
    True
    >>> layers[0].weight[0]
    tensor([7.], grad_fn=<SelectBackward0>)
    """
    earlier = [len(bias) for _, bias in before] + [0]
    with torch.no_grad():
        for layer, units in zip(layers, chosen):
            copies = len(layer.weight) - len(units)
            layer.weight[copies:] = layer.weight[units]
            layer.bias[copies:] = layer.bias[units]
        for layer, units, later in zip(layers[1:], chosen, earlier[1:]):
            copies = layer.in_features - len(units)
            layer.weight[later:, copies:] = layer.weight[later:, units]
            layer.weight[later:, units] = 0
        for layer, (weight, bias), units in zip(layers, before, chosen):
            layer.weight[units] = 0
            layer.weight[units, : weight.shape[1]] = weight[units]
            layer.bias[units] = bias[units]
