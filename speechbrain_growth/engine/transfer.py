"""Applies a plan to the weights of a model: tensors in, tensors out.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.maps.normed import lengths
from speechbrain_growth.engine.unwrap import state_of

WEIGHT = (0, 1)


def remap(tensor, axes, powers=WEIGHT):
    """Returns a tensor grown along its axes.

    Fresh units get arbitrary values here; who calls this replaces them.

    Arguments
    ---------
    tensor : torch.Tensor
        Any shape.
    axes : tuple
        One ``Axis`` or None for each dimension; empty if nothing grows.
    powers : tuple
        As for ``Axis.factor``.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth.engine.maps.plan import Axis
    >>> from speechbrain_growth.engine.maps.widths import WidthMap
    >>> half = torch.tensor([0.5, 1.0, 0.5])
    >>> width = WidthMap(torch.tensor([0, 1, 0]), half, old=2)
    >>> remap(torch.tensor([[8.0, 3.0]]), (None, Axis(width, "in")))
    tensor([[4., 3., 4.]])
    """
    # Columns first: they are multiplied while there are few rows
    for dim, axis in reversed(list(enumerate(axes))):
        if axis is None or axis.width.is_identity:
            continue
        if not axis.width.old:  # a layer without units has none to copy
            shape = [*tensor.shape[:dim], axis.width.new]
            tensor = tensor.new_zeros([*shape, *tensor.shape[dim + 1 :]])
            continue
        source = axis.width.source.clamp(max=axis.width.old - 1)
        tensor = tensor.index_select(dim, source.to(tensor.device))
        factor = axis.factor(powers)
        if (factor != 1).any():
            tensor.mul_(_along(factor, dim, tensor))
    return tensor


def carry_weights(plan, old, new, adjust=lambda tensor, axes: tensor):
    """Yields, one by one, the tensors of ``new`` after the growth.

    Arguments
    ---------
    plan : Plan
        What ``trace(old, new)`` returned.
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model; fresh units keep the weights that it was built with.
    adjust : callable
        Takes a grown tensor and its axes, and returns what replaces it.

    Yields
    ------
    str
        A name in the new model.
    torch.Tensor
        The new value of that tensor.
    """
    before, after = state_of(old), state_of(new)
    norms = {one.norm for one in plan.normed.values()}
    for name, axes in plan.tensors.items():
        if name in norms:
            continue  # it comes with its direction
        if name in plan.normed:
            yield from _normed(plan, name, before, after, adjust)
            continue
        source, built = before[plan.before(name)], after[name]
        if name in plan.scales:
            source = source * plan.scales[name]
        if len(axes) == 1:
            source, built = source.flatten(), built.flatten()
        tensor = adjust(grown_weight(source, axes, built), axes)
        yield name, tensor.view_as(after[name])


def _normed(plan, name, before, after, adjust):
    """A direction and its norms, see ``maps/normed``."""
    one, axes = plan.normed[name], plan.tensors[name]
    old, built = one.named(plan.before).ratio(before), one.ratio(after)
    ratio = grown_weight(old, plan.tensors[one.norm], built)
    ratio = ratio * plan.scales.get(one.norm, 1)
    # Fresh units have the weights as built, not the directions
    built = after[name] * built / torch.where(ratio == 0, 1, ratio)
    source = before[plan.before(name)]
    direction = adjust(grown_weight(source, axes, built), axes)
    norm = ratio * lengths(direction, one.dim)
    # A slice of zeros has no direction; torch would divide by its length
    no_length = lengths(direction, one.dim) == 0
    yield name, torch.where(no_length, after[name], direction)
    yield one.norm, norm


def grown_weight(tensor, axes, built):
    """Returns a weight after the growth.

    Fresh units get the weights that the larger layer was built with.

    Arguments
    ---------
    tensor : torch.Tensor
        The weight before the growth.
    axes : tuple
        Its axes in the plan.
    built : torch.Tensor
        The weight of the larger layer.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth.engine.maps.plan import Axis
    >>> from speechbrain_growth.engine.maps.widths import extend
    >>> axes = (None, Axis(extend(1, 3, pairs=True), "in"))
    >>> grown_weight(torch.ones(1, 1), axes, torch.tensor([[7.0, 2.0, 9.0]]))
    tensor([[ 1.,  2., -2.]])
    """
    tensor = remap(tensor, axes)
    for dim, width, shares in fresh_axes(axes):
        units = width.fresh.nonzero()[:, 0]
        values = built.index_select(dim, width.origin[units].to(built.device))
        sign = torch.where(shares, width.sign, 1)[units]
        values = values * _along(sign, dim, values)
        tensor = tensor.index_copy(dim, units.to(tensor.device), values)
    return tensor


def fresh_axes(axes):
    """Dimension, map and ``Axis.shares`` of each axis that has fresh units.

    Arguments
    ---------
    axes : tuple
        An ``Axis`` or None for each dimension.

    Returns
    -------
    list of tuple
        ``out`` axes last: what they set replaces what ``in`` axes set.
    """
    return [
        (dim, axis.width, axis.shares)
        for dim, axis in sorted(enumerate(axes), key=_role)
        if axis is not None and axis.width.fresh.any()
    ]


def _role(place):
    """The role of an axis with its number."""
    return place[1].role if place[1] else ""


def _along(numbers, dim, like):
    """Numbers, one for each unit, shaped to multiply a tensor along an axis."""
    shape = [-1 if d == dim else 1 for d in range(like.ndim)]
    return numbers.to(like.device, like.dtype).view(shape)
