"""One call for any PyTorch user: carries what a model has learnt into a larger.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.tracing import trace
from speechbrain_growth.transfer import (
    add_noise,
    carry_optimizer,
    carry_weights,
    replace_parameters,
)


def carry(old, new, optimizer=None, noise=None, seed=0):
    """Makes ``new`` compute what ``old`` does, and the optimizer follow.

    Everything is checked before anything changes: if this raises, ``new`` and
    the optimizer are as they were. ``old`` is never changed.

    Arguments
    ---------
    old : torch.nn.Module
        The model as it is.
    new : torch.nn.Module
        The same model built with larger sizes.
    optimizer : torch.optim.Optimizer
        Holds the old parameters; will hold the new ones, and their state.
    noise : float
        Net2Net's noise relative to the weights, which changes the function;
        None breaks the symmetry exactly, by unequal shares.
    seed : int
        Seed of the random choices.

    Returns
    -------
    Plan

    Raises
    ------
    NoRuleError
        If a layer, or the optimizer, is unknown.
    GrowthError
        If the two models do not fit.

    Example
    -------
    >>> from torch import nn
    >>> old = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    >>> new = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 3))
    >>> optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    >>> plan = carry(old, new, optimizer)
    >>> inputs = torch.ones(5, 2)
    >>> torch.allclose(old(inputs), new(inputs), atol=1e-6)
    True
    >>> optimizer.param_groups[0]["params"][0] is new[0].weight
    True
    """
    generator = torch.Generator().manual_seed(seed)
    plan = trace(old, new, generator, equal=noise is not None)
    state = carry_weights(plan, old, new)
    if noise is not None:
        state = add_noise(plan, state, noise, generator)
    if optimizer is not None:
        follow([optimizer], old, new, plan)
    new.load_state_dict(state, strict=True)
    trainable = dict(old.named_parameters())
    for name, parameter in new.named_parameters():
        parameter.requires_grad_(trainable[name].requires_grad)
    return plan


def follow(optimizers, old, new, plan=None):
    """Makes optimizers continue with the parameters of another model.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        They hold the old parameters; the same objects live on.
    old : torch.nn.Module
        The model as it was.
    new : torch.nn.Module
        The model that follows it; the names of its parameters are the same.
    plan : Plan
        Carries the optimizers' state; without, they start with none.

    Raises
    ------
    GrowthError
        If an optimizer holds parameters of something else, too.
    """
    names = {parameter: name for name, parameter in old.named_parameters()}
    after = dict(new.named_parameters())
    successors = {old: after[name] for old, name in names.items()}
    states = [
        carry_optimizer(plan, one, names) if plan else {} for one in optimizers
    ]
    for optimizer, state in zip(optimizers, states):
        state = {after[name]: entries for name, entries in state.items()}
        replace_parameters(optimizer, successors, state)
