"""One call for any PyTorch user: carries what a model has learnt into a larger.

Authors
 * The speechbrain_growth authors 2026
"""

import warnings

import torch

from speechbrain_growth.engine.births.identity import calibrating
from speechbrain_growth.engine.births.layers import Birth, born_tensors
from speechbrain_growth.engine.births.units import symmetry_of
from speechbrain_growth.engine.checks import check_values
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.engine.transfer import (
    carry_optimizer,
    carry_weights,
    check_strangers,
    replace_parameters,
)
from speechbrain_growth.engine.unwrap import raw
from speechbrain_growth.engine.weighted_norm import weigh


def carry(
    old, new, optimizer=None, symmetry="shares", seed=0, birth=None, fold=None
):
    """Makes ``new`` compute what ``old`` does, and the optimizer follow.

    Everything is checked before anything changes: if this raises, ``new`` and
    the optimizer are as they were. ``old`` is never changed.

    Arguments
    ---------
    old : torch.nn.Module
        The model as it is: a module, compiled or not, or a ``ModuleDict`` or
        list of modules in signal order.
    new : torch.nn.Module
        The same model built with larger sizes.
    optimizer : torch.optim.Optimizer
        Holds the old parameters; will hold the new ones, and their state.
    symmetry : str or dict
        How new units come to differ from old ones: ``shares``, ``fresh``,
        ``pairs``, ``{"dirichlet": 1.0}``, ``{"zero_sum": 0.1}``, or
        ``{"noise": 0.01}``, which changes the function; see
        ``speechbrain_growth.engine.births.units``.
    seed : int
        Seed of the random choices.
    birth : Birth
        How layers are born that only the new model has.
    fold : int
        Lets a LayerNorm grow to any size: it weighs its units, exactly, until
        ``fold(new)`` has been called as many times, after each step of the
        optimizer. None refuses the sizes that need it.

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
    birth, symmetry = birth or Birth(), symmetry_of(symmetry)
    old, new = raw(old), raw(new)
    plan = trace(old, new, symmetry, generator, birth, fold is not None)
    if plan.changes and not symmetry.breaks:
        warnings.warn(
            f"symmetry {symmetry}: the copies of a unit stay identical for "
            "ever; use shares, or {zero_sum: 0.1}",
            stacklevel=2,
        )
    check_values(old, new, plan)
    if optimizer is not None:
        follow([optimizer], old, new, plan)
    after = new.state_dict()
    with torch.no_grad():
        # One by one, so that no second copy of the model stands beside it
        for name, tensor in carry_weights(plan, old, new):
            axes = plan.tensors[name]
            after[name].copy_(symmetry.adjust(tensor, axes, generator))
        for name, tensor in born_tensors(plan, after):
            after[name].copy_(tensor)
    trainable = dict(old.named_parameters())
    for name, parameter in new.named_parameters():
        if plan.before(name) is not None:
            grows = trainable[plan.before(name)].requires_grad
            parameter.requires_grad_(grows)
    for name, (weights, dim) in plan.weights.items():
        weigh(new.get_submodule(name), weights, dim, fold)
    if birth.probe is not None:
        with torch.no_grad(), in_eval(new), calibrating(plan, new):
            new(birth.probe)
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
        The model that follows it. A parameter that only it has joins the
        group of the parameter before it.
    plan : Plan
        Carries the optimizers' state; without, they start with none, and
        parameters of the same name follow each other.

    Raises
    ------
    GrowthError
        If an optimizer holds parameters of something else, too.
    """
    before, after = dict(old.named_parameters()), dict(new.named_parameters())
    was = {name: plan.before(name) if plan else name for name in after}
    names = {before[was[n]]: n for n in after if was[n] in before}
    # Those without a successor stay until everything is checked
    successors = {p: after.get(names.get(p), p) for p in before.values()}
    for optimizer in optimizers:
        check_strangers(optimizer, successors)
    states = [
        carry_optimizer(plan, one, names) if plan else {} for one in optimizers
    ]
    for optimizer, state in zip(optimizers, states):
        state = {after[name]: entries for name, entries in state.items()}
        replace_parameters(optimizer, successors, state)
    groups = [group for one in optimizers for group in one.param_groups]
    gone = set(before.values()) - set(names)
    for group in groups:
        group["params"] = [p for p in group["params"] if p not in gone]
    _adopt(groups, after, [n for n in after if was[n] not in before])


def _adopt(groups, parameters, born):
    """Puts each born parameter right behind the one that stands before it.

    Those before all others go right before the first, so that the order stays
    the model's, by which checkpoints tell an optimizer's parameters apart.
    """
    home = {p: group["params"] for group in groups for p in group["params"]}
    order = list(parameters.items())
    for walk, behind in ((order, 1), (order[::-1], 0)):
        beside = None
        for name, parameter in walk:
            if name in born and parameter not in home and beside is not None:
                held = home[beside]
                place = [one is beside for one in held].index(True)
                held.insert(place + behind, parameter)
                home[parameter] = held
            if parameter in home:
                beside = parameter
