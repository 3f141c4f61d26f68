"""Finds the units of a growth that gradients can begin, and says why not others.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional

import torch
from torch import nn

MAKES = (nn.Linear, nn.Conv1d, nn.Conv2d)


class Group(NamedTuple):
    """New units that one layer makes and one layer reads.

    Arguments
    ---------
    maker : str
        Name of the layer that makes them, in the new model.
    reader : str
        Name of the layer that reads them.
    norm : str
        Name of the norm that stands between; None if there is none.
    axes : tuple of Axis
        The units, as rows of the maker; then what the maker reads; what the
        reader makes, and what it reads. None where nothing grows.
    """

    maker: str
    reader: str
    norm: Optional[str]
    axes: tuple

    @property
    def units(self):
        """Indices of the new units, shape (new units,)."""
        return self.axes[0].width.fresh.nonzero()[:, 0]


class _Use(NamedTuple):
    """Where some units stand in a tensor."""

    name: str
    owner: str
    axes: tuple
    role: str
    once: bool


def groups_of(plan, new):
    """Finds which units of a growth gradients can begin.

    Arguments
    ---------
    plan : Plan
        Of a growth whose new units are fresh.
    new : torch.nn.Module
        The larger model.

    Returns
    -------
    list of Group
        Those that one layer makes and one other layer reads.
    dict
        For the other units, by their name: why they cannot be begun so.

    Example
    -------
    >>> from speechbrain_growth import trace
    >>> from speechbrain_growth.engine.births.symmetry import Symmetry
    >>> def net(width):
    ...     layers = nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 3)
    ...     return nn.Sequential(*layers)
    >>> plan = trace(net(4), net(6), Symmetry("fresh"))
    >>> groups_of(plan, net(6))[0][0].units
    tensor([4, 5])
    """
    groups, reasons = [], {}
    for key, uses in _uses(plan).items():
        try:
            groups.append(_group(uses, plan, new))
        except _Cannot as why:
            reasons[key[0]] = str(why)
    return groups, reasons


class _Cannot(Exception):
    """Some units cannot be begun by gradients."""


def _uses(plan):
    """Where the units of each map with fresh units stand."""
    found = {}
    for name, axes in plan.tensors.items():
        for axis in axes:
            if axis is None or not axis.width.fresh.any():
                continue
            parts = axis.width.drawn_by or ()
            for key in dict(parts):
                once = parts == ((key, 1),)
                owner = name.rpartition(".")[0]
                found.setdefault(key, []).append(
                    _Use(name, owner, axes, axis.role, once)
                )
    return {key: uses for key, uses in found.items() if key[2] > key[1]}


def _group(uses, plan, new):
    """The group of some units."""
    if not all(use.once for use in uses):
        _no(
            "a layer holds them several times, as gates, directions or positions"
        )
    layers = {use.owner: new.get_submodule(use.owner) for use in uses}
    norms = [
        name
        for name, layer in layers.items()
        if isinstance(layer, nn.LayerNorm) or _is_batch_norm(layer)
    ]
    made = [use for use in uses if use.role == "out" and len(use.axes) > 1]
    makers = [use for use in made if use.owner not in norms]
    readers = [use for use in uses if use.role == "in"]
    if not readers:
        _no("no layer reads them, or each only after a sum with others")
    for use in (*makers, *readers):
        _check(use, layers[use.owner], plan)
    if len(makers) != 1 or len(readers) != 1:
        names = " and ".join(u.owner for u in (*makers, *readers))
        _no(f"more than one layer makes or reads them: {names}")
    maker, reader = makers[0], readers[0]
    if len(norms) > 1:
        _no(f"two norms stand between: {' and '.join(norms)}")
    if norms and not _has_scale(layers[norms[0]]):
        _no(f"{norms[0]} has no weight and bias of its own")
    if (
        norms
        and norms[0] not in plan.weights
        and isinstance(layers[norms[0]], nn.LayerNorm)
    ):
        _no(f"{norms[0]} does not weigh its units")
    strangers = {*layers} - {maker.owner, reader.owner, *norms}
    if strangers:
        _no(f"{' and '.join(sorted(strangers))} has weights for each of them")
    axes = (*maker.axes[:2], *reader.axes[:2])
    return Group(maker.owner, reader.owner, next(iter(norms), None), axes)


def _check(use, layer, plan):
    """Raises if a layer that makes or reads units is none that is understood."""
    if type(layer) not in MAKES or not use.name.endswith(".weight"):
        _no(f"{use.owner} is a {type(layer).__name__}, no linear layer")
    if getattr(layer, "groups", 1) != 1:
        _no(f"{use.owner} is a convolution in groups")
    if plan.before(use.name) is None:
        _no(f"{use.owner} is a new layer")
    if any(
        use.name == name or use.owner == name
        for name in (*plan.normed, *plan.scales, *plan.splits)
    ):
        _no(f"the weights of {use.owner} are scaled, or its outputs split")


def _is_batch_norm(layer):
    """Whether a layer is a batch norm, synchronised or not."""
    each = isinstance(layer, nn.modules.instancenorm._InstanceNorm)
    return isinstance(layer, nn.modules.batchnorm._NormBase) and not each


def _has_scale(norm):
    """Whether a norm has weight and bias, and a batch norm statistics."""
    if norm.weight is None or norm.bias is None:
        return False
    return isinstance(norm, nn.LayerNorm) or norm.running_mean is not None


def _no(why):
    """Raises."""
    raise _Cannot(why)


def in_old_order(axis, size):
    """Places of the old units in an axis of the new model.

    Arguments
    ---------
    axis : Axis
        Of fresh units and old ones; None if nothing grows.
    size : int
        How many units the new model has there.

    Returns
    -------
    torch.Tensor
        int64, shape (old units,), in the order of the old model.
    """
    if axis is None:
        return torch.arange(size)
    places = (~axis.width.fresh).nonzero()[:, 0]
    return places[axis.width.source[places].argsort()]
