"""Which units the outputs read, and which send nothing.

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


def selected(units: Units, tensors: Tensors) -> torch.Tensor:
    """Goes from the outputs back along all weights that are not zero.

    Recurrent units read each other, so that it goes on until no unit is new.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name.

    Returns
    -------
    torch.Tensor
        Which units were met, outputs included; boolean, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear, Sequential
    >>> from speechbrain_growth import trace
    >>> net = Sequential(Linear(2, 2), Linear(2, 1))
    >>> _ = net[1].weight.data[0, 0].zero_()
    >>> units = Units(trace(net, net))
    >>> selected(units, dict(net.named_parameters()))[:2]
    tensor([False,  True])
    """
    found, before = units.outputs, None
    while before is None or not torch.equal(found, before):
        before = found
        for name, tensor, axis in units.along("in", tensors):
            read = tensor.detach() != 0
            for _, _, out in units.along("out", {name: tensor}):
                read = read & spread(found, out, tensor)
            found = found | (by_unit(read.float(), axis, len(units)) > 0)
    return found


def silent(units: Units, tensors: Tensors) -> torch.Tensor:
    """Finds the hidden units that nothing enters, not even a bias.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name.

    Returns
    -------
    torch.Tensor
        Boolean, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear, Sequential
    >>> from speechbrain_growth import trace
    >>> old, new = (Sequential(Linear(2, n), Linear(n, 1)) for n in (3, 4))
    >>> _ = old[0].weight.data[1].zero_(), old[0].bias.data[1].zero_()
    >>> units = Units(trace(old, new))
    >>> silent(units, dict(old.named_parameters()))[:3]
    tensor([False,  True, False])
    """
    entered = torch.zeros_like(units.hidden)
    for _, tensor, axis in units.along("out", tensors):
        into = by_unit((tensor.detach() != 0).float(), axis, len(units))
        entered = entered | (into > 0)
    return units.hidden & ~entered


def unread(units: Units, tensors: Tensors, removed: torch.Tensor) -> int:
    """Counts the numbers that enter or leave some units.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Of the network, by name.
    removed : torch.Tensor
        From ``silent``.

    Returns
    -------
    int

    Example
    -------
    >>> from torch.nn import Linear, Sequential
    >>> from speechbrain_growth import trace
    >>> old, new = (Sequential(Linear(2, n), Linear(n, 1)) for n in (3, 4))
    >>> _ = old[0].weight.data[1].zero_(), old[0].bias.data[1].zero_()
    >>> units, tensors = Units(trace(old, new)), dict(old.named_parameters())
    >>> unread(units, tensors, silent(units, tensors))
    4
    """
    found = 0
    for name, tensor in tensors.items():
        left = torch.ones_like(tensor, dtype=torch.bool)
        for axis in units.axes.get(name, ()):
            left = left & ~spread(removed, axis, tensor)
        found += int((~left).sum())
    return found
