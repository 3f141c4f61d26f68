"""Chains of linear layers: which units an output reads, and which send nothing.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, Sequence

import torch
from torch import nn

from speechbrain_growth.errors import GrowthError


def chain_of(modules: nn.Module) -> Dict[str, nn.Linear]:
    """Finds the linear layers of a network in which each reads the last one.

    Arguments
    ---------
    modules : torch.nn.Module
        Linear layers with biases, and activations that turn zero into zero.

    Returns
    -------
    dict
        By dotted name, from the inputs on.

    Raises
    ------
    GrowthError
        Naming every layer that does not fit.

    Example
    -------
    >>> list(chain_of(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))))
    ['0', '1']
    """
    layers, problems, before = {}, [], None
    for name, one in modules.named_modules():
        if any(one.children()):
            continue
        kind, where = type(one).__name__, f"model: {name} is a "
        if isinstance(one, nn.Linear):
            if before is not None and one.in_features != before:
                problems.append(
                    f"{where}{kind} that reads {one.in_features} units, but "
                    f"the layer before it has {before}; use an MLP"
                )
            if one.bias is None:
                problems.append(f"{where}{kind} without a bias; give it one")
            layers[name], before = one, one.out_features
        elif any(True for _ in one.parameters()):
            problems.append(f"{where}{kind}; use linear layers alone")
        elif one(torch.zeros(1, 1)).any():
            problems.append(
                f"{where}{kind}, which turns 0 into another number, so that a "
                "unit without weights still sends it; use ReLU or Tanh"
            )
    if problems or not layers:
        raise GrowthError(
            problems or "model: found no linear layer; use an MLP"
        )
    return layers


def selected(weights: Sequence[torch.Tensor]) -> List[torch.Tensor]:
    """Goes from the outputs back along all weights that are not zero.

    Arguments
    ---------
    weights : list of torch.Tensor
        Of a chain of linear layers, from the inputs on.

    Returns
    -------
    list of torch.Tensor
        Which inputs, which units of each layer, and which outputs (all of
        them) were met.

    Example
    -------
    >>> below, above = torch.eye(2), torch.tensor([[0.0, 5.0]])
    >>> selected([below, above])[:2]
    [tensor([False,  True]), tensor([False,  True])]
    """
    last = weights[-1]
    found = [torch.ones(len(last), dtype=torch.bool, device=last.device)]
    for weight in reversed(weights):
        found.insert(0, (weight[found[0]] != 0).any(0))
    return found


def silent(layers: Sequence[nn.Linear]) -> List[torch.Tensor]:
    """Finds the units of hidden layers that nothing enters, not even a bias.

    Arguments
    ---------
    layers : list of torch.nn.Linear
        A chain, from the inputs on.

    Returns
    -------
    list of torch.Tensor
        As ``selected``; no input and no output counts as silent.

    Example
    -------
    >>> layers = [nn.Linear(2, 3), nn.Linear(3, 1)]
    >>> _ = layers[0].weight.data[1].zero_(), layers[0].bias.data[1].zero_()
    >>> silent(layers)[1]
    tensor([False,  True, False])
    """
    inputs, outputs = layers[0].weight[0], layers[-1].bias
    return [
        torch.zeros_like(inputs, dtype=torch.bool),
        *((one.weight == 0).all(1) & (one.bias == 0) for one in layers[:-1]),
        torch.zeros_like(outputs, dtype=torch.bool),
    ]


def unread_weights(layers: Sequence[nn.Linear]) -> List[int]:
    """Counts the weights that enter or leave silent units.

    Arguments
    ---------
    layers : list of torch.nn.Linear
        A chain, from the inputs on.

    Returns
    -------
    list of int
        For each layer, biases included.

    Example
    -------
    >>> layers = [nn.Linear(2, 3), nn.Linear(3, 1)]
    >>> _ = layers[0].weight.data[1].zero_(), layers[0].bias.data[1].zero_()
    >>> unread_weights(layers)
    [3, 1]
    """
    gone, found = silent(layers), []
    for layer, into, out in zip(layers, gone, gone[1:]):
        read = int((~out).sum()) * (int((~into).sum()) + 1)
        found.append(layer.weight.numel() + len(layer.bias) - read)
    return found
