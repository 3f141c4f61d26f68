"""Warms up new units, while the others learn at the full rate.

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


@contextlib.contextmanager
def slowed(parameters, masks, factor):
    """Multiplies the step of new units by a factor, for any optimizer.

    Arguments
    ---------
    parameters : dict
        Parameters by name, which the optimizer updates inside the context.
    masks : dict
        From ``new_units``.
    factor : float
        1 changes nothing.

    Yields
    ------
    None

    Example
    -------
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = -torch.ones(2)
    >>> masks = {"weight": [torch.tensor([False, True])]}
    >>> with slowed({"weight": weight}, masks, 0.25):
    ...     torch.optim.SGD([weight], lr=1.0).step()
    >>> weight.detach()
    tensor([1.0000, 0.2500])
    """
    slow = [n for n in masks if n in parameters] if factor != 1.0 else []
    before = {name: parameters[name].detach().clone() for name in slow}
    yield
    with torch.no_grad():
        for name in slow:
            now = parameters[name]
            mask = mask_of(masks[name]).to(now.device)
            slower = before[name].lerp(now, factor)
            now.copy_(torch.where(mask, slower, now))
