"""What a parameter has beside its values: gradient, attributes, hooks.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.carried.averages import FIRST
from speechbrain_growth.engine.carried.normed import grown_averages

HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
COMPILED = "_dynamo"  # how the notes of torch.compile begin


def check_parameters(old, new, plan):
    """Checks that nothing of a parameter would be lost.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        What each tensor copies.

    Returns
    -------
    list of str
        What would be.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> old, new = Linear(1, 2), Linear(1, 3)
    >>> hook = old.weight.register_hook(print)
    >>> check_parameters(old, new, trace(old, new))[0][:27]
    'weight: has a gradient hook'
    """
    problems = []
    for name, one, other in _pairs(old, new, plan):
        if any(_count(one, kind) > _count(other, kind) for kind in HOOKS):
            problems.append(
                f"{name}: has a gradient hook, which may know the old shape; "
                "remove it before the growth and add it again afterwards"
            )
        problems += [
            f"{name}: its attribute {key} is a tensor, and no rule says how it "
            f"grows; remove it before the growth: del parameter.{key}"
            for key, value in _attributes(one, other)
            if isinstance(value, torch.Tensor)
        ]
        if one.grad is not None and one.grad.layout is not torch.strided:
            problems.append(
                f"{name}: its gradient is sparse; take the optimizer's step, "
                "and set the gradients to None, before the growth"
            )
    return problems


def carry_parameters(old, new, plan):
    """Gives parameters the gradients and attributes of the old ones.

    A gradient grows as an average of gradients does.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, whose parameters are changed.
    plan : Plan
        What each tensor copies.
    """
    pairs = list(_pairs(old, new, plan))
    grads = {n: one.grad for n, one, _ in pairs if one.grad is not None}
    grads = grown_averages(plan, grads, FIRST, old, new)
    for name, one, other in pairs:
        for key, value in _attributes(one, other):
            setattr(other, key, value)
        other.requires_grad_(one.requires_grad)
        grad = grads.get(name)
        if grad is not None:
            grad = grad.detach().to(other.device, copy=True)
        other.grad = grad


def _pairs(old, new, plan):
    """Name, old and new parameter, where both models have one of their own."""
    before = dict(old.named_parameters())
    for name, parameter in new.named_parameters():
        was = before.get(plan.before(name), parameter)
        if was is not parameter:
            yield name, was, parameter


def _attributes(one, other):
    """Attributes that a parameter has, and another has not."""
    return [
        (key, value)
        for key, value in vars(one).items()
        if key not in vars(other) and not key.startswith(COMPILED)
    ]


def _count(parameter, kind):
    """How many hooks of a kind a parameter has."""
    return len(getattr(parameter, kind, None) or ())
