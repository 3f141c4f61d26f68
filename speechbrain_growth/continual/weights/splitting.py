"""Splits the units that moved: the old ones come back, the copies stay.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, Tuple

import torch

from speechbrain_growth.continual.weights.units import (
    Axis,
    Tensors,
    Units,
    by_unit,
    spread,
)

Chosen = Dict[str, torch.Tensor]


def moves(
    units: Units, tensors: Tensors, before: Tensors, old: torch.Tensor
) -> Tensors:
    """Returns how what enters each earlier unit has moved.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name.
    before : dict
        Earlier values of some of them, at the sizes of then.
    old : torch.Tensor
        Which units there were then, boolean, shape (units,).

    Returns
    -------
    dict
        The difference of each of ``before``, in its shape. Gradients go
        through it.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> layer = Linear(1, 2)
    >>> units, old = Units(trace(layer, layer)), torch.tensor([True, False] * 2)
    >>> before = {"bias": layer.bias[:1].detach() - 4}
    >>> tensors = dict(layer.named_parameters())
    >>> moves(units, tensors, before, old[[0, 1, 0]])["bias"].detach().round()
    tensor([4.])
    """
    found = {}
    for name, then in before.items():
        now = tensors[name]
        for axis in units.axes[name]:
            there = old[axis.units].nonzero()[:, 0]
            now = now.index_select(axis.dim, there)
        found[name] = now - then
    return found


def distances(units: Units, moved: Tensors, old: torch.Tensor) -> torch.Tensor:
    """Returns how far what enters each unit has moved.

    Arguments
    ---------
    units : Units
        Of the network.
    moved : dict
        From ``moves``.
    old : torch.Tensor
        As for ``moves``.

    Returns
    -------
    torch.Tensor
        Euclidean distances over all that enters a unit, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> layer, old = Linear(1, 2), torch.tensor([True] * 3)
    >>> moved = {"weight": torch.tensor([[3.0], [0]]), "bias": torch.ones(2)}
    >>> moved["bias"][0] = 4
    >>> distances(Units(trace(layer, layer)), moved, old)
    tensor([5., 1., 0.])
    """
    found = torch.zeros(len(units), device=old.device)
    for _, difference, axis in units.along("out", moved):
        there = axis._replace(units=axis.units[old[axis.units]])
        squares = difference.detach().square()
        found = found + by_unit(squares, there, len(units))
    return found.sqrt()


def drifted(
    units: Units, far: torch.Tensor, sigma: float, least: bool = False
) -> Chosen:
    """Chooses hidden units by how far what enters them has moved.

    Arguments
    ---------
    units : Units
        Of the network.
    far : torch.Tensor
        From ``distances``; NaN for those that are not to be chosen.
    sigma : float
        Units are chosen that moved by more.
    least : bool
        Takes as many units of each layer, but those that moved least.

    Returns
    -------
    dict
        The numbers of the units, by the label of each hidden layer.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> units = Units(trace(Linear(1, 2), Linear(1, 3)))
    >>> far = torch.tensor([5.0, 0.1, 0.0])
    >>> one, other = drifted(units, far, 1.0), drifted(units, far, 1.0, True)
    >>> one["model units"], other["model units"]
    (tensor([0]), tensor([1]))
    """
    found = {}
    for label in units.hidden_layers:
        first, own = units.layers[label].start, far[units.of([label])]
        chosen = (own > sigma).nonzero()[:, 0]
        if least:
            own = own.nan_to_num(float("inf"))
            chosen = own.argsort(stable=True)[: len(chosen)].sort()[0]
        found[label] = first + chosen
    return found


def copies_needed(units: Units, originals: Chosen) -> Dict[int, int]:
    """Returns how many copies layers need; tied ones get as many as the most.

    Arguments
    ---------
    units : Units
        Of the network; layers that one size widens grow by as many units.
    originals : dict
        From ``drifted``.

    Returns
    -------
    dict
        The number of copies, by the number in ``units.added``.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> units = Units(trace(Linear(1, 2), Linear(1, 5)))
    >>> copies_needed(units, {"model units": torch.tensor([1])})
    {3: 1}
    """
    found = {}
    for label, numbers in originals.items():
        tied = units.added[label]
        found[tied] = max(found.get(tied, 0), len(numbers))
    return found


def copies_of(units: Units, originals: Chosen) -> Tuple[Chosen, torch.Tensor]:
    """Returns the units at the end of each layer that become copies.

    Arguments
    ---------
    units : Units
        Of the network, which has as many new units as ``copies_needed``.
    originals : dict
        From ``drifted``.

    Returns
    -------
    dict
        As many numbers as of originals, by the label of their layer.
    torch.Tensor
        Which new units are left over, boolean, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> units = Units(trace(Linear(1, 2), Linear(1, 5)))
    >>> copies_of(units, {"model units": torch.tensor([0])})[0]
    {'model units': tensor([1])}
    """
    needed, copies = copies_needed(units, originals), {}
    spare = torch.zeros_like(units.hidden)
    for label, numbers in originals.items():
        stop = units.layers[label].stop
        start = stop - needed[units.added[label]]
        copies[label] = start + torch.arange(len(numbers)).to(numbers)
        spare[start + len(numbers) : stop] = True
    return copies, spare


def split_units(
    units: Units, tensors: Tensors, originals: Chosen, copies: Chosen, later
) -> None:
    """Fills copies with the units as they are; some units read them instead.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Parameters and statistics by name, changed in place.
    originals : dict
        The numbers of the units that are split, by the label of their layer.
    copies : dict
        The numbers of as many units, which become their copies.
    later : torch.Tensor
        Which units read the copies in place of the originals; others read no
        copy. Boolean, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear, Sequential
    >>> from speechbrain_growth import trace
    >>> net = Sequential(Linear(1, 2), Linear(2, 1))
    >>> _ = net[1].weight.data[:, 1].zero_()  # the copy sends nothing yet
    >>> inputs, units = torch.ones(1, 1), Units(trace(net, net))
    >>> then, one = net(inputs), torch.tensor([0])
    >>> tensors = dict(net.named_parameters())
    >>> args = {"0 units": one}, {"0 units": one + 1}, units.outputs
    >>> split_units(units, tensors, *args)
    >>> torch.allclose(net(inputs), then), net[1].weight[0, 0].item()
    (True, 0.0)
    """
    with torch.no_grad():
        for _, tensor, axis in units.along("out", tensors):
            for was, now in _pairs(axis, originals, copies):
                rows = tensor.index_select(axis.dim, was)
                tensor.index_copy_(axis.dim, now, rows)
        for name, tensor, axis in units.along("in", tensors):
            rows = torch.ones_like(tensor, dtype=torch.bool)
            for _, _, out in units.along("out", {name: tensor}):
                rows = rows & spread(later, out, tensor)
            for was, now in _pairs(axis, originals, copies):
                reads = rows.index_select(axis.dim, was)
                read = tensor.index_select(axis.dim, was)
                kept = tensor.index_select(axis.dim, now)
                kept = torch.where(reads, read, kept)
                tensor.index_copy_(axis.dim, now, kept)
                read = read.masked_fill(reads, 0)
                tensor.index_copy_(axis.dim, was, read)


def restore(
    units: Units,
    tensors: Tensors,
    before: Tensors,
    old: torch.Tensor,
    chosen: Chosen,
) -> None:
    """Gives units what entered them earlier; from later units they get nothing.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name, changed in place.
    before : dict
        As for ``moves``.
    old : torch.Tensor
        As for ``moves``.
    chosen : dict
        Their numbers, by the label of their layer.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> layer, old = Linear(2, 1), torch.tensor([True, True, False])
    >>> units, before = Units(trace(layer, layer)), torch.tensor([[7.0]])
    >>> tensors = dict(layer.named_parameters())
    >>> chosen = {"model units": torch.tensor([0])}
    >>> restore(units, tensors, {"weight": before}, old, chosen)
    >>> layer.weight
    Parameter containing:
    tensor([[7., 0.]], requires_grad=True)
    """
    again = torch.zeros_like(old)
    for numbers in chosen.values():
        again[numbers] = True
    with torch.no_grad():
        for name, then in before.items():
            tensor = tensors[name]
            for axis in units.axes[name]:
                there = old[axis.units].nonzero()[:, 0]
                shape = list(then.shape)
                shape[axis.dim] = len(axis.units)
                wider = then.new_zeros(shape)
                then = wider.index_copy_(axis.dim, there, then)
            for _, _, axis in units.along("out", {name: tensor}):
                mask = spread(again, axis, tensor)
                tensor.copy_(torch.where(mask, then, tensor))


def silence(units: Units, tensors: Tensors, chosen: torch.Tensor) -> None:
    """Sets to zero all that enters some units, and all that they send.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name, changed in place.
    chosen : torch.Tensor
        Which units, boolean, shape (units,).

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> layer = Linear(1, 2)
    >>> units, tensors = Units(trace(layer, layer)), layer.state_dict()
    >>> silence(units, tensors, torch.tensor([False, True, False]))
    >>> layer.bias[1].item(), layer.weight[1].item()
    (0.0, 0.0)
    """
    with torch.no_grad():
        for name, tensor in tensors.items():
            for axis in units.axes.get(name, ()):
                tensor.masked_fill_(spread(chosen, axis, tensor), 0)


def _pairs(axis: Axis, originals: Chosen, copies: Chosen):
    """Positions of originals and of their copies, gate by gate."""
    for label, numbers in originals.items():
        was, now = (
            (axis.units == one[:, None]).nonzero()[:, 1]
            for one in (numbers, copies[label])
        )
        if len(was):
            yield was, now
