"""Tensors outside the state dict: plain attributes, non-persistent buffers.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.utils._pytree import tree_flatten, tree_map

from speechbrain_growth.engine.carried.layers import pairs
from speechbrain_growth.engine.carried.statistics import statistics_of
from speechbrain_growth.engine.maps.normed import norms_of
from speechbrain_growth.engine.transfer import grown_weight
from speechbrain_growth.engine.weighted_norm import WeightedLayerNorm


def loose_of(model):
    """What tensors a model holds outside its state dict, by dotted name.

    Arguments
    ---------
    model : torch.nn.Module
        Any.

    Returns
    -------
    dict
        Tensors, and lists, tuples or dicts of them.

    Example
    -------
    >>> model = torch.nn.ReLU()
    >>> model.table, model.name = torch.ones(2), "mine"
    >>> loose_of(model)
    {'table': tensor([1., 1.])}
    """
    return {
        _joined(name, key): value
        for name, layer in model.named_modules()
        for key, value in _loose(layer).items()
    }


def check_loose(old, new, plan):
    """Checks that each loose tensor can be carried.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        Knows the axes of those that a forward was seen to use.

    Returns
    -------
    list of str
        Which cannot.
    """
    return [
        f"{name}: is a tensor outside the state dict, of shape "
        f"{_shape(value)} and in the larger model of shape {_shape(built)}, "
        "and it is not known how it grows; register it as a buffer, or make "
        "it in the forward"
        for name, value, built, made, _ in _moves(old, new, plan)
        if made is None
    ]


def carry_loose(old, new, plan):
    """Gives loose tensors the old values; those that grow copy units.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, whose attributes and buffers are changed.
    plan : Plan
        As for ``check_loose``.
    """
    for name, _, built, made, layer in list(_moves(old, new, plan)):
        if isinstance(made, torch.Tensor) and _filled(built):
            made = made.to(built.device)
        setattr(layer, name.rpartition(".")[2], made)


def _moves(old, new, plan):
    """Name, old value, value as built, value after the growth, and layer.

    A tensor may have several names, of which the plan may know one.
    """
    held = {id(t) for t in new.state_dict(keep_vars=True).values()}
    found = []
    for path, one, other in pairs(old, new, plan):
        for key, value in _loose(one).items():
            name, built = _joined(path, key), getattr(other, key, None)
            known = name in plan.fresh or key in statistics_of(one)
            known = known or built is value or id(built) in held
            if _filled(value) and not known:
                found.append((name, value, built, other))
    made = {}
    for name, value, built, layer in sorted(
        found, key=lambda move: move[0] not in plan.loose
    ):
        place = name if built is None else id(built)
        if place not in made:
            made[place] = _made(name, value, built, plan)
        yield name, value, built, made[place], layer


def _made(name, value, built, plan):
    """The value after the growth; None if it is not known."""
    copied = tree_map(_copy, value)
    if _shape(value) == _shape(built):
        return copied
    axes = plan.loose.get(name, ())
    if any(axes) and _filled(built):
        return grown_weight(copied, axes, built.detach())
    sizes = {
        axis.width.old
        for name in plan.changes
        for axis in plan.tensors[name]
        if axis and not axis.width.is_identity
    }
    shapes = {size for one in tree_flatten(value)[0] for size in one.shape}
    return None if _filled(built) or sizes & shapes else copied


def _copy(tensor):
    """A tensor of the same values that shares nothing."""
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _loose(layer):
    """The tensors that one layer holds outside its state dict."""
    if isinstance(layer, WeightedLayerNorm):
        return {}  # its weights have a way of their own
    beside = {"_parameters", "_buffers", *norms_of(layer)}
    found = {
        key: value
        for key, value in vars(layer).items()
        if key not in beside and _is_loose(value)
    }
    for key in layer._non_persistent_buffers_set:
        if layer._buffers.get(key) is not None:
            found[key] = layer._buffers[key]
    return found


def _is_loose(value):
    """Whether an attribute holds tensors that are no parameters."""
    if not isinstance(value, torch.Tensor):
        # Most of what a layer has are empty dicts of hooks
        if not isinstance(value, (list, tuple, dict)) or not value:
            return False
    leaves = tree_flatten(value)[0]
    return bool(leaves) and all(
        isinstance(one, torch.Tensor)
        and not isinstance(one, torch.nn.Parameter)
        and one.is_leaf
        for one in leaves
    )


def _filled(value):
    """Whether there are numbers in an attribute."""
    return _is_loose(value) and any(t.numel() for t in tree_flatten(value)[0])


def _shape(value):
    """The shapes in an attribute, nested as it is."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    return tree_map(lambda t: tuple(t.shape), value) if value else value


def _joined(path, key):
    """A dotted name."""
    return f"{path}.{key}" if path else key
