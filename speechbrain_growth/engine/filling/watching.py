"""Runs a model on a batch and keeps what some of its layers read and returned.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch

from speechbrain_growth.engine.filling.calls import Calls
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.errors import GrowthError


def watched(model, weights, norms, loss, number=0):
    """The calls of some layers during the computation of a loss.

    The random numbers of torch depend on the batch only, and then are what they
    were.

    Arguments
    ---------
    model : torch.nn.Module
        In eval mode meanwhile.
    weights : dict
        Of those layers, by name.
    norms : dict
        Norms, by name.
    loss : callable
        Takes the model and returns its loss.
    number : int
        Of the batch, for messages.

    Returns
    -------
    dict
        A list of ``Call`` for each name.
    dict
        What arrived at each norm last.
    torch.Tensor
        The loss.
    """
    arrived, hooks = {}, []
    for name, norm in norms.items():

        def keep(layer, inputs, name=name):
            """Runs before the norm does."""
            arrived[name] = inputs[0].detach()

        hooks.append(norm.register_forward_pre_hook(keep))
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng())
            torch.manual_seed(number)  # a batch is the same each time
            stack.enter_context(in_eval(model))
            stack.enter_context(torch.enable_grad())
            calls = stack.enter_context(Calls(weights))
            value = loss(model)
    finally:
        for hook in hooks:
            hook.remove()
    if not torch.is_tensor(value) or value.numel() != 1:
        raise GrowthError(
            f"batch {number}: its loss is {type(value).__name__}"
            f"{tuple(getattr(value, 'shape', ()))}; return one number, a tensor"
        )
    if not value.requires_grad or not value.isfinite():
        raise GrowthError(
            f"batch {number}: its loss is {float(value)}, with "
            f"{'' if value.requires_grad else 'no '}gradient; gradients begin "
            "units, so return a finite loss of a model that is trained"
        )
    return calls.found, arrived, value


def slopes(value, tensors):
    """The gradients of a loss, zero for what it does not depend on.

    Arguments
    ---------
    value : torch.Tensor
        The loss.
    tensors : list of torch.Tensor
        Of its graph.

    Returns
    -------
    list of torch.Tensor
    """
    if not tensors:
        return []
    found = torch.autograd.grad(value, tensors, allow_unused=True)
    return [
        torch.zeros_like(tensor) if one is None else one
        for tensor, one in zip(tensors, found)
    ]


def unclear(group, calls):
    """Why the calls of a group's layers do not tell what is needed.

    Arguments
    ---------
    group : Group
        Of one batch.
    calls : dict
        From ``watched``.

    Returns
    -------
    str
        Empty if they do.
    """
    for name in (group.maker, group.reader):
        if len(calls[name]) != 1:
            return f"{name} is called {len(calls[name])} times in one forward"
        if calls[name][0] is None:
            return f"{name} is called with one example, or in groups"
        if not calls[name][0].output.requires_grad:
            return f"{name} has no gradient"
    maker, reader = (calls[name][0] for name in (group.maker, group.reader))
    made = maker.planes(maker.output)
    one, other = (
        (len(tensor), tensor[0, 0].numel()) for tensor in (made, reader.input)
    )
    if one != other:
        return (
            f"{group.maker} makes {one[1]} positions of each unit, and "
            f"{group.reader} reads {other[1]}"
        )
    return ""
