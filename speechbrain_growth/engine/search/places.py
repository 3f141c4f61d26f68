"""Where the units of candidates stand in the tensors of a model.

A layer of n units gets n + f more: a copy of each, and f fresh units. A split
candidate is an old unit with its copy, a new one a fresh unit.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, NamedTuple

import torch


class Layer(NamedTuple):
    """The units of one layer, numbered from ``start`` on.

    Arguments
    ---------
    old : int
        Number of old units.
    new : int
        Number of units, with copies and fresh ones.
    start : int
        Number of its first unit among those of all layers.
    gate : int
        Number of its first candidate among all.
    """

    old: int
    new: int
    start: int
    gate: int

    @property
    def fresh(self):
        """How many fresh units it has."""
        return self.new - 2 * self.old

    @property
    def parents(self):
        """The parents of its new units, as ``units`` of ``carry``."""
        return [*range(self.old), *[None] * self.fresh]

    def unit(self, candidate):
        """The new unit of a candidate of this layer, within it."""
        return self.old + candidate


class Units:
    """All units of the layers that have candidates.

    Arguments
    ---------
    layers : dict
        Old and new number of units of each, by label.

    Attributes
    ----------
    gate : torch.Tensor
        Number of the candidate of each unit, int64.
    sign : torch.Tensor
        1 for an old unit, -1 for its copy, 0 for a fresh unit.
    fresh : torch.Tensor
        Whether each unit is fresh.

    Example
    -------
    >>> units = Units({"net units": (2, 5)})
    >>> units.gate, units.sign
    (tensor([0, 1, 0, 1, 2]), tensor([ 1,  1, -1, -1,  0]))
    """

    def __init__(self, layers):
        self.layers: Dict[str, Layer] = {}
        gates: List[torch.Tensor] = [torch.arange(0)]
        signs: List[torch.Tensor] = [torch.arange(0)]
        start = gate = 0
        for label, (old, new) in layers.items():
            one = Layer(old, new, start, gate)
            self.layers[label] = one
            each = torch.arange(old)
            last = torch.arange(old, old + one.fresh)
            gates.append(torch.cat([each, each, last]) + gate)
            sign = torch.ones(old).long()
            signs.append(torch.cat([sign, -sign, 0 * last]))
            start, gate = start + new, gate + old + one.fresh
        self.gate, self.sign = torch.cat(gates), torch.cat(signs)
        self.fresh, self.candidates = self.sign == 0, gate


class Along(NamedTuple):
    """The units of one axis of a tensor.

    Arguments
    ---------
    dim : int
        Which axis.
    role : str
        ``out`` or ``in``, as in a plan.
    units : torch.Tensor
        Number of the unit at each position; -1 if it has no candidates.
    first : torch.Tensor
        For a copy the position of the old unit, else its own.
    parts : list of tuple
        A layer's label, or None, its first position, and how often each of its
        units stands in a row; of None, the number of positions.
    """

    dim: int
    role: str
    units: torch.Tensor
    first: torch.Tensor
    parts: list

    def kept(self, layers, chosen):
        """The positions that are left if some new units are kept.

        Arguments
        ---------
        layers : dict
            Of ``Units``.
        chosen : dict
            By label: the new units that are kept, in order.

        Returns
        -------
        torch.Tensor
        """
        rows = []
        for label, start, each in self.parts:
            if label is None:
                rows.append(torch.arange(start, start + each))
                continue
            left = [*range(layers[label].old), *chosen.get(label, ())]
            inner = torch.arange(each)
            rows.append(start + torch.tensor(left)[:, None] * each + inner)
        return torch.cat([row.flatten() for row in rows]).long()


def along(plan, name, units):
    """The axes of a tensor that have units with candidates.

    Arguments
    ---------
    plan : Plan
        Of the growth into the model of all candidates.
    name : str
        Of the tensor.
    units : Units
        Of that growth.

    Returns
    -------
    list of Along
    """
    found = []
    for dim, axis in enumerate(plan.tensors[name]):
        if axis is None or axis.width.is_identity:
            continue
        rows, firsts, parts, place = [], [], [], 0
        for (label, _, new), each in axis.width.drawn_by:
            layer = units.layers.get(label)
            where = place + torch.arange(new * each)
            if layer is None:
                rows.append(torch.full_like(where, -1))
                firsts.append(where)
                parts.append((None, place, new * each))
            else:
                own = torch.arange(new)
                copy = (own >= layer.old) & (own < 2 * layer.old)
                shift = copy.repeat_interleave(each) * layer.old * each
                rows.append((layer.start + own).repeat_interleave(each))
                firsts.append(where - shift)
                parts.append((label, place, each))
            place += new * each
        args = dim, axis.role, torch.cat(rows), torch.cat(firsts), parts
        found.append(Along(*args))
    return found
