"""What a layer has beside tensors: its mode, hooks, a forward of its own.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from collections import Counter

from torch import nn


def check_layers(old, new, plan):
    """Checks that nothing that was added to a layer would be lost.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        Knows the layers that moved.

    Returns
    -------
    list of str
        What would be.

    Example
    -------
    >>> from torch.nn import ReLU
    >>> from speechbrain_growth import trace
    >>> old, new = ReLU(), ReLU()
    >>> hook = old.register_full_backward_hook(print)
    >>> check_layers(old, new, trace(ReLU(), ReLU()))[0][:32]
    'model: has backward hooks in the'
    """
    problems = []
    for name, one, other in pairs(old, new, plan):
        if ("forward" in vars(one)) != ("forward" in vars(other)):
            problems.append(
                f"{name or 'model'}: a forward is set on the layer itself in "
                "one of the two models only; set it in both, or remove it "
                "before the growth (del layer.forward)"
            )
        problems += [
            f"{name or 'model'}: has {kind.strip('_').replace('_', ' ')} in "
            "the old model that it has not in the new; add them there, too, "
            "or remove them before the growth and add them again afterwards"
            for kind in _hooks(one) - _hooks(other)
        ]
    return problems


def carry_layers(old, new, plan):
    """Gives each layer the mode, and any extra state, of the old one.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, whose modes and extra states are changed.
    plan : Plan
        Knows the layers that moved; one that is new gets the model's mode.
    """
    known = {module: module for module in old.modules()}
    known.update({other: one for _, one, other in pairs(old, new, plan)})
    for module in new.modules():
        module.training = known.get(module, old).training
        if _has_extra(module) and module in known:
            extra = known[module].get_extra_state()
            module.set_extra_state(copy.deepcopy(extra))


def pairs(old, new, plan):
    """Name, old and new layer, where both models have one of their own.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        Knows the layers that moved.

    Yields
    ------
    str
        The name in the new model.
    torch.nn.Module
        The old layer.
    torch.nn.Module
        The new one.
    """
    before = dict(old.named_modules())
    for name, module in new.named_modules():
        was = before.get(plan.before(name), module)
        if was is not module:
            yield name, was, module


def _has_extra(layer):
    """Whether a layer saves more than tensors, by a method of its own."""
    return type(layer).get_extra_state is not nn.Module.get_extra_state


def _hooks(layer):
    """How many hooks of each kind a layer has; not those that do nothing."""
    return Counter(
        kind
        for kind, held in vars(layer).items()
        if kind.endswith("_hooks") and isinstance(held, dict)
        for hook in held.values()
        if not getattr(hook, "computes_nothing", False)
    )
