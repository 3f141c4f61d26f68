"""Finds the weights and statistics that a growth is to leave as they are.

Authors
 * The speechbrain_growth authors 2026
"""

from fnmatch import fnmatchcase

import torch

from speechbrain_growth.engine.maps.plan import owner_of
from speechbrain_growth.errors import GrowthError, did_you_mean

MOST_NAMES = 8  # that a message lists


def tensors_named(names, modules):
    """Finds the weights and statistics below some names.

    Arguments
    ---------
    names : iterable of str
        Of layers, with all that is inside, or of tensors. ``*`` stands for any
        letters, ``?`` for one.
    modules : torch.nn.Module
        Has them.

    Returns
    -------
    set of str
        Names of parameters and buffers.

    Raises
    ------
    GrowthError
        Naming each name below which there is none.

    Example
    -------
    >>> net = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Linear(2, 1))
    >>> sorted(tensors_named(["1", "*.bias"], net))
    ['0.bias', '1.bias', '1.weight']
    >>> tensors_named(["0.weights"], net)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: freeze names 0.weights, but no layer with weights, and no weight, has this name; did you mean 0.weight?
    """
    known = {n: _inside(n) for n, _ in _tensors(modules)}
    found, problems = set(), []
    for name in names:
        below = {
            one
            for one, parts in known.items()
            if any(fnmatchcase(part, name) for part in parts)
        }
        found |= below
        if not below:
            every = [p for parts in known.values() for p in parts]
            problems.append(
                f"freeze names {name}, but no layer with weights, and no "
                "weight, has this name; "
                + (did_you_mean(name, dict.fromkeys(every)) or _some(every))
            )
    if problems:
        raise GrowthError(problems)
    return found


def entering_old_units(plan, modules, names=None):
    """Finds the weights that enter units from before a growth.

    The outputs of the model are such units, too. What they read of new units is
    left out, since nothing could be learnt otherwise. The statistics of a norm
    belong to its units.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    modules : torch.nn.Module
        The larger model.
    names : set of str
        The tensors of the smaller model that count; None for all.

    Returns
    -------
    dict
        As ``Held.masks``; layers that only the larger model has are not in it.

    Example
    -------
    >>> from speechbrain_growth import trace
    >>> old, new = torch.nn.Linear(2, 1), torch.nn.Linear(2, 3)
    >>> entering_old_units(trace(old, new), new)["bias"]
    tensor([ True, False, False])
    """
    found = {}
    for name, tensor in _tensors(modules):
        axes, was = plan.tensors.get(name), plan.before(name)
        chosen = names is None or was in names
        if axes is None or was is None or not chosen:
            continue
        roles = ("out", "in") if _gives_outputs(axes, plan) else ("out",)
        mask = torch.ones_like(tensor, dtype=torch.bool)
        found[name] = wider(mask, axes, True, roles).view_as(tensor)
    return _with_counts(found, modules)


def grown_masks(masks, plan, modules):
    """Returns what is held of a model after a growth.

    Arguments
    ---------
    masks : dict
        As ``Held.masks``, of the smaller model.
    plan : Plan
        Of the growth.
    modules : torch.nn.Module
        The larger model.

    Returns
    -------
    dict
        A unit that is held reads no new one; new units are free.
    """
    names = {plan.before(name): name for name in plan.tensors}
    shapes = {name: tensor.shape for name, tensor in _tensors(modules)}
    grown = {
        names[was]: wider(mask, plan.tensors[names[was]])
        for was, mask in masks.items()
    }
    grown = {name: mask.view(shapes[name]) for name, mask in grown.items()}
    return _with_counts(grown, modules)


def joined(masks, more):
    """Returns masks of all that is held by one of two.

    Arguments
    ---------
    masks : dict
        As ``Held.masks``.
    more : dict
        The same.

    Returns
    -------
    dict

    Example
    -------
    >>> one, two = torch.tensor([True, False]), torch.tensor([False, True])
    >>> joined({"a": one}, {"a": two, "b": two})
    {'a': tensor([True, True]), 'b': tensor([False,  True])}
    """
    both = {n: masks[n] | mask for n, mask in more.items() if n in masks}
    return {**masks, **more, **both}


def changed_by(plan, names):
    """Says which tensors a growth does not leave as they are.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    names : iterable of str
        Tensors of the larger model that are to stay, where they are old.

    Returns
    -------
    list of str
        One message for each.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> from speechbrain_growth.engine.births.symmetry import symmetry_of
    >>> old, new = (
    ...     nn.Sequential(nn.Linear(1, n), nn.Linear(n, 1)) for n in (2, 3)
    ... )
    >>> changed_by(trace(old, new, symmetry_of("fresh")), ["1.weight"])
    []
    >>> print(*changed_by(trace(old, new), ["1.weight"]))
    1.weight is frozen, but the growth changes it; use symmetry: fresh, or do not freeze it
    """
    return [
        f"{name} is frozen, but the growth changes it; use symmetry: fresh, or "
        "do not freeze it"
        for name in names
        if _changes(plan, name)
    ]


def blind(plan, masks):
    """Lists the held tensors that cannot learn to read new units.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    masks : dict
        As ``Held.masks``, of the larger model.

    Returns
    -------
    list of str
        Those of which all that reads new units is held.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> old, new = (
    ...     nn.Sequential(nn.Linear(1, n), nn.Linear(n, 1)) for n in (2, 3)
    ... )
    >>> plan = trace(old, new)
    >>> blind(plan, {"1.weight": torch.tensor([[True, True, True]])})
    ['1.weight']
    >>> blind(plan, {"1.weight": torch.tensor([[True, True, False]])})
    []
    """
    return [
        name
        for name, mask in masks.items()
        for dim, axis in enumerate(plan.tensors.get(name, ()))
        if axis and axis.role == "in" and axis.width.is_new.any()
        if len(plan.tensors[name]) == mask.ndim
        if _new_units(mask, dim, axis.width).all()
    ]


def trained(masks, modules):
    """Counts the weights that training changes.

    Arguments
    ---------
    masks : dict
        As ``Held.masks``.
    modules : torch.nn.Module
        Has these parameters.

    Returns
    -------
    int

    Example
    -------
    >>> held = {"weight": torch.tensor([[True, False]])}
    >>> trained(held, torch.nn.Linear(2, 1))
    2
    """
    return sum(
        int((~masks[name]).sum()) if name in masks else parameter.numel()
        for name, parameter in modules.named_parameters()
        if name in masks or parameter.requires_grad
    )


def wider(mask, axes, is_wide=False, roles=("out",)):
    """Returns a mask after a growth: a weight is held if it enters a held unit.

    Arguments
    ---------
    mask : torch.Tensor
        Of the smaller tensor: boolean, of its shape.
    axes : tuple of Axis
        How the tensor grows, from the plan.
    is_wide : bool
        Whether the mask has the shape of the larger tensor already.
    roles : tuple of str
        New units are free on the axes of these roles.

    Returns
    -------
    torch.Tensor
        Boolean.
    """
    if len(axes) == 1:  # of the flattened tensor
        mask = mask.flatten()
    for dim, axis in enumerate(axes):
        if axis is None or axis.width.is_identity:
            continue
        # Maps are on the CPU, whatever the device of a model
        new, shape = axis.width.is_new.to(mask.device), [1] * mask.ndim
        shape[dim] = len(new)
        if not is_wide:
            whole = mask.all(dim, keepdim=True)
            mask = mask.index_select(dim, axis.width.source.to(mask.device))
            mask = torch.where(new.view(shape), whole, mask)
        if axis.role in roles:
            mask = mask & ~new.view(shape)
    return mask


def _new_units(mask, dim, width):
    """What a mask says of the new units along an axis."""
    units = width.is_new.nonzero()[:, 0]
    return mask.index_select(dim, units.to(mask.device))


def _tensors(modules):
    """Parameters and buffers by name."""
    return [*modules.named_parameters(), *modules.named_buffers()]


def _with_counts(masks, modules):
    """The masks; a norm with units that are not held goes on counting batches."""
    layers = {}
    for name, mask in masks.items():
        layers.setdefault(name.rpartition(".")[0], []).append(mask)
    counts = {n for n, one in modules.named_buffers() if not one.ndim}
    return {
        name: mask
        for name, mask in masks.items()
        if name not in counts
        or all(bool(m.all()) for m in layers[name.rpartition(".")[0]])
    }


def _inside(name):
    """A tensor's name, and those of all layers that it is in."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _some(names):
    """The first layers that may be named."""
    names = sorted(dict.fromkeys(names), key=lambda n: n.count("."))
    more = ", ..." if len(names) > MOST_NAMES else ""
    return f"there are {', '.join(names[:MOST_NAMES])}{more}"


def _gives_outputs(axes, plan):
    """Whether a tensor's own units are the outputs of the model."""
    return plan.output is not None and any(
        axis and axis.role == "out" and axis.width.label == plan.output.label
        for axis in axes
    )


def _changes(plan, name):
    """Whether old weights of a tensor are not what they were."""
    split = plan.splits.get(owner_of(name, plan.splits))
    if split is not None:  # outputs without a parent take nothing from others
        return bool((split.is_new & ~split.fresh).any())
    if name in plan.scales:
        return True
    if any(name in (one.direction, one.norm) for one in plan.normed.values()):
        return name in plan.changes
    widths = [(a, a.width) for a in plan.tensors.get(name, ()) if a]
    return any(
        bool((width.is_new & ~width.fresh).any())  # copies share, or get noise
        or bool((axis.factor((0, 1))[~width.is_new] != 1).any())
        for axis, width in widths
    )
