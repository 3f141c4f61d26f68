"""Applies a plan to the weights of a model: tensors in, tensors out.

Authors
 * The speechbrain_growth authors 2026
"""

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
        Power of the share that multiplies ``out`` axes, and ``in`` axes.

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
        source = axis.width.source.to(tensor.device)
        tensor = tensor.index_select(dim, source)
        power = powers[0] if axis.role == "out" else powers[1]
        if power:
            tensor.mul_(_along(axis.width.share, dim, tensor) ** power)
    return tensor


def carry_weights(plan, old, new):
    """Yields, one by one, the tensors of ``new`` after the growth.

    Arguments
    ---------
    plan : Plan
        What ``trace(old, new)`` returned.
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model; fresh units keep the weights that it was built with.

    Yields
    ------
    str
        A name in the new model.
    torch.Tensor
        The new value of that tensor.
    """
    before, after = old.state_dict(), new.state_dict()
    for name, axes in plan.tensors.items():
        tensor = remap(before[plan.before(name)], axes)
        if name in plan.scales:
            tensor = tensor * plan.scales[name]
        yield name, _with_fresh_weights(tensor, axes, after[name])


def fresh_axes(axes):
    """Dimension, map and role of each axis that has fresh units.

    Arguments
    ---------
    axes : tuple
        An ``Axis`` or None for each dimension.

    Returns
    -------
    list of tuple
        ``out`` axes last: what they set replaces what ``in`` axes set.
    """
    found = [
        (dim, axis.width, axis.role)
        for dim, axis in enumerate(axes)
        if axis is not None and axis.width.fresh.any()
    ]
    return sorted(found, key=lambda one: one[2])


def _with_fresh_weights(tensor, axes, built):
    """Gives fresh units the weights that the larger layer was built with.

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth.engine.maps.plan import Axis
    >>> from speechbrain_growth.engine.maps.widths import extend
    >>> axes = (None, Axis(extend(1, 3, pairs=True), "in"))
    >>> weight = remap(torch.ones(1, 1), axes)
    >>> _with_fresh_weights(weight, axes, torch.tensor([[7.0, 2.0, 9.0]]))
    tensor([[ 1.,  2., -2.]])
    """
    for dim, width, role in fresh_axes(axes):
        units = width.fresh.nonzero()[:, 0]
        values = built.index_select(dim, width.origin[units].to(built.device))
        if role == "in":
            values = values * _along(width.sign[units], dim, values)
        tensor = tensor.index_copy(dim, units.to(tensor.device), values)
    return tensor


def _along(numbers, dim, like):
    """Numbers, one for each unit, shaped to multiply a tensor along an axis."""
    shape = [-1 if d == dim else 1 for d in range(like.ndim)]
    return numbers.to(like.device, like.dtype).view(shape)
