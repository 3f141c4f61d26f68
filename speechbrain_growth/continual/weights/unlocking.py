"""Unlocked units: a trainable copy stands for a unit that is held.

A search by Firefly (https://arxiv.org/abs/2102.08574) has a candidate for each
unit: it and its copy part, w + e d and w - e d. A held unit cannot move. So here
both move alike while candidates are trained and scored, which is one unit that
moves; and then the copy alone is kept, in the place of the held unit.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable, Dict, List, Tuple

import torch

from speechbrain_growth.continual.weights.splitting import Chosen
from speechbrain_growth.continual.weights.units import Tensors, Units, spread
from speechbrain_growth.engine.maps.plan import Plan

# For some tensors: the axis, positions of held units, and of their copies
Pairs = Dict[str, List[Tuple[int, torch.Tensor, torch.Tensor]]]


def pairs_of(plan: Plan, held: Chosen) -> Pairs:
    """Finds held units and their copies in the model of all candidates.

    Arguments
    ---------
    plan : Plan
        Of the growth into that model, in which copies of all units follow them.
    held : dict
        Which units of each layer are held, boolean, by the layer's label.

    Returns
    -------
    dict
        By the name of each tensor that has them on an axis ``out``.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> plan = trace(nn.Linear(1, 2), nn.Linear(1, 5))
    >>> pairs_of(plan, {"model units": torch.tensor([False, True])})["bias"]
    [(0, tensor([1]), tensor([3]))]
    """
    found: Pairs = {}
    for name, axes in plan.tensors.items():
        for dim, axis in enumerate(axes):
            if axis is None or axis.role != "out" or axis.width.is_identity:
                continue
            place, rows, copies = 0, [], []
            for (label, old, new), each in axis.width.drawn_by or ():
                if label in held:
                    units = held[label].cpu().nonzero() * each
                    own = (place + units + torch.arange(each)).flatten()
                    rows.append(own)
                    copies.append(own + old * each)
                place += new * each
            if rows:
                pair = dim, torch.cat(rows), torch.cat(copies)
                found.setdefault(name, []).append(pair)
    return found


def moving_alike(loss: Callable, pairs: Pairs) -> Callable:
    """Returns a loss in which copies have what enters the held units.

    Arguments
    ---------
    loss : callable
        Takes the model of all candidates, of which tensors may stand for
        parameters.
    pairs : dict
        From ``pairs_of``.

    Returns
    -------
    callable
        The same of a model whose held units do not split, but move.

    Example
    -------
    >>> model = torch.nn.Linear(1, 2, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[5.0], [7.0]]))
    >>> pair = 0, torch.tensor([0]), torch.tensor([1])
    >>> alike = moving_alike(lambda m: m(torch.ones(1)), {"weight": [pair]})
    >>> alike(model).tolist(), model(torch.ones(1)).tolist()
    ([5.0, 5.0], [5.0, 7.0])
    """

    def alike(model):
        """The loss; afterwards the model has what it had."""
        stood = []
        try:
            for name, rows in pairs.items():
                owner, _, leaf = name.rpartition(".")
                layer = model.get_submodule(owner)
                if leaf in layer._buffers:  # equal since they were carried
                    continue
                tensor = before = getattr(layer, leaf)
                for dim, was, now in rows:
                    was, now = was.to(tensor.device), now.to(tensor.device)
                    moved = tensor.index_select(dim, was)
                    tensor = tensor.index_copy(dim, now, moved)
                layer._parameters.pop(leaf, None)
                setattr(layer, leaf, tensor)
                stood.append((layer, leaf, before))
            return loss(model)
        finally:
            for layer, leaf, before in stood:
                delattr(layer, leaf)
                setattr(layer, leaf, before)

    return alike


def replace_held(
    units: Units, tensors: Tensors, held: Chosen, copies: Chosen
) -> None:
    """Lets copies take the place of held units that were found by a search.

    Arguments
    ---------
    units : Units
        Of the larger network.
    tensors : dict
        What ``Found`` has of it, changed in place: held units have moved, and
        send a half of what they sent; their copies another.
    held : dict
        The numbers of the held units, by the label of their layer.
    copies : dict
        The numbers of as many copies. They get what entered the held units, and
        send all that those sent, which then send nothing.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> net = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    >>> tensors = {"0.bias": torch.tensor([5.0, 7.0])}
    >>> tensors["1.weight"] = torch.tensor([[4.0, 4.0]])
    >>> one, two = torch.tensor([0]), torch.tensor([1])
    >>> units = Units(trace(net, net))
    >>> replace_held(units, tensors, {"0 units": one}, {"0 units": two})
    >>> tensors["0.bias"].tolist(), tensors["1.weight"].tolist()
    ([5.0, 5.0], [[0.0, 8.0]])
    """
    for role in ("out", "in"):
        for _, tensor, axis in units.along(role, tensors):
            for label in held:
                was, now = (
                    (axis.units == one[:, None]).nonzero()[:, 1]
                    for one in (held[label], copies[label])
                )
                rows = tensor.index_select(axis.dim, was)
                if role == "out":
                    tensor.index_copy_(axis.dim, now, rows)
                else:
                    tensor.index_add_(axis.dim, now, rows)
                    tensor.index_fill_(axis.dim, was, 0)


def between_old(
    units: Units, tensors: Tensors, old: torch.Tensor
) -> Dict[str, torch.Tensor]:
    """Finds the weights that enter old units from old units.

    Arguments
    ---------
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name.
    old : torch.Tensor
        Which units are old, boolean, shape (units,).

    Returns
    -------
    dict
        As ``Held.masks``.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> net = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 2))
    >>> units = Units(trace(net, net))
    >>> old = torch.ones(len(units), dtype=torch.bool)
    >>> old[units.layers["0 units"].stop - 1] = False
    >>> between_old(units, {"1.weight": net[1].weight}, old)["1.weight"]
    tensor([[ True, False],
            [ True, False]])
    """
    found = {}
    for name, tensor in tensors.items():
        mask = torch.ones_like(tensor, dtype=torch.bool)
        for axis in units.axes.get(name, ()):
            mask = mask & spread(old, axis, tensor)
        found[name] = mask
    return found
