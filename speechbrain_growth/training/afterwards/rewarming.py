"""Warms up new units, and scales the steps of weights.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch


def new_units(plan):
    """Finds the units that a growth added to each tensor.

    Arguments
    ---------
    plan : Plan
        Says for each new unit which old one it copies, if any.

    Returns
    -------
    dict
        For each name: for each axis a mask, shape (new units,), or None. A
        weight belongs to a new unit if it enters or leaves one.
    """
    return {
        name: [
            axis.width.is_new if axis and axis.width.is_new.any() else None
            for axis in axes
        ]
        for name, axes in plan.tensors.items()
        if any(axis and axis.width.is_new.any() for axis in axes)
    }


def mask_of(masks):
    """Marks the weights that enter or leave a new unit.

    Arguments
    ---------
    masks : list
        As in ``new_units``, for one tensor.

    Returns
    -------
    torch.Tensor
        Boolean; can be broadcast to the tensor.

    Example
    -------
    >>> new = torch.tensor([False, True])
    >>> mask_of([new, new])
    tensor([[False,  True],
            [ True,  True]])
    """
    marked = torch.zeros([1] * len(masks), dtype=torch.bool)
    for dim, mask in enumerate(masks):
        if mask is not None:
            shape = [-1 if d == dim else 1 for d in range(len(masks))]
            marked = marked | mask.view(shape)
    return marked


def fitted(numbers, tensor):
    """Numbers of units in the shape of a tensor.

    Arguments
    ---------
    numbers : torch.Tensor
        Can be broadcast to the tensor; or there is one for each of its weights,
        as flattened, where a plan has one axis.
    tensor : torch.Tensor
        Any.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> fitted(torch.arange(4), torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    >>> fitted(torch.arange(2), torch.zeros(2, 2))
    tensor([[0, 1],
            [0, 1]])
    """
    if numbers.numel() == tensor.numel():
        return numbers.view_as(tensor)
    return numbers.expand_as(tensor)


def warming(masks, factor):
    """Returns by what the steps of weights are multiplied in a warm-up.

    Arguments
    ---------
    masks : dict
        From ``new_units``.
    factor : float
        That of the new units.

    Returns
    -------
    dict
        For each name a tensor that can be broadcast to the parameter.

    Example
    -------
    >>> warming({"weight": [torch.tensor([False, True])]}, 0.25)
    {'weight': tensor([1.0000, 0.2500], dtype=torch.float64)}
    """
    one = torch.ones((), dtype=torch.float64)
    return {
        name: torch.where(mask_of(mask), factor * one, one)
        for name, mask in masks.items()
    }


@contextlib.contextmanager
def scaled_step(parameters, factors):
    """Multiplies the step of each weight by a factor, for any optimizer.

    Arguments
    ---------
    parameters : dict
        Parameters by name, which the optimizer updates inside the context.
    factors : dict
        Tensors by name; 1 changes nothing.

    Yields
    ------
    None

    Example
    -------
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = -torch.ones(2)
    >>> with scaled_step(
    ...     {"weight": weight}, {"weight": torch.tensor([1, 0.25])}
    ... ):
    ...     torch.optim.SGD([weight], lr=1.0).step()
    >>> weight.detach()
    tensor([1.0000, 0.2500])
    """
    held = [name for name in factors if name in parameters]
    before = {name: parameters[name].detach().clone() for name in held}
    yield
    with torch.no_grad():
        for name, was in before.items():
            now = parameters[name]
            factor = fitted(factors[name].to(now.device, now.dtype), now)
            now.copy_(torch.where(factor == 1, now, was.lerp(now, factor)))
