"""One call for any PyTorch user: carries a trained model into a larger one.

Authors
 * The speechbrain_growth authors 2026
"""

import warnings
from typing import Any, Dict, Optional, Union

import torch

from speechbrain_growth.engine.births.batchnorm import calibrating
from speechbrain_growth.engine.births.layers import Birth, born_tensors
from speechbrain_growth.engine.births.units import Symmetry, symmetry_of
from speechbrain_growth.engine.checks import check_values
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.optimizers import check_optimizers, follow
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.engine.proof import must_keep, proved
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.engine.transfer import carry_weights
from speechbrain_growth.engine.unwrap import Model, unwrap
from speechbrain_growth.engine.weighted_norm import weigh


def carry(
    old: Model,
    new: Model,
    optimizer: Optional[torch.optim.Optimizer] = None,
    symmetry: Union[str, Dict[str, float], Symmetry] = "shares",
    seed: int = 0,
    birth: Optional[Birth] = None,
    fold: Optional[int] = None,
    example: Any = None,
    tolerance: Optional[float] = None,
) -> Plan:
    """Makes ``new`` compute what ``old`` does, and moves the optimizer to it.

    Everything is checked before anything changes: if this raises, ``new`` and
    the optimizer are unchanged. ``old`` is never changed.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth: a module, compiled or not, or a
        ``ModuleDict`` or list of modules in signal order.
    new : torch.nn.Module
        The same model built with larger sizes.
    optimizer : torch.optim.Optimizer
        Holds the old parameters; will hold the new ones, and their state.
    symmetry : str or dict
        How new units begin: a name of
        ``speechbrain_growth.engine.births.units.WAYS``, such as ``shares`` or
        ``fresh``, or ``{name: level}``, such as ``{"zero_sum": 0.1}``.
    seed : int
        Seed of the random choices.
    birth : Birth
        How layers begin that only the new model has.
    fold : int
        Lets a LayerNorm grow to any size: it weighs its units until
        ``fold(new)`` was called so many times, once after each step of the
        optimizer. None refuses the sizes that need this.
    example : torch.Tensor, tuple, dict or callable
        An input that the models take: one tensor, all arguments by place or by
        name, or a function that calls the model it gets and returns what that
        returns. A forward without a rule is read by running both models on it.
        If it is None, one is made up after the first layer. Where there is an
        example, both models are compared on it.
    tolerance : float
        Largest drift of the outputs on the example, relative to the largest
        of them. None: 1e-9 in float64, 1e-5 in float32, 0.1 in half precision;
        infinity: they are not compared.

    Returns
    -------
    Plan

    Raises
    ------
    NoRuleError
        If a layer, or the optimizer, is unknown.
    GrowthError
        If the two models do not fit, or the new one computes something else.

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
    old, new = unwrap(old), unwrap(new)
    folds = fold is not None
    plan = trace(old, new, symmetry, generator, birth, folds, example)
    if plan.changes and not symmetry.breaks:
        warnings.warn(
            f"symmetry {symmetry}: the copies of a unit stay identical for "
            "ever; use shares, or {zero_sum: 0.1}",
            stacklevel=2,
        )
    check_values(old, new, plan)
    if optimizer is not None:
        check_optimizers([optimizer], old, plan)
    if not must_keep(symmetry, plan):
        tolerance = float("inf")
    with proved(old, new, plan, example, tolerance):
        _put_weights(old, new, plan, symmetry, generator)
    if optimizer is not None:
        follow([optimizer], old, new, plan)
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


def _put_weights(old, new, plan, symmetry, generator):
    """Gives the new model its weights."""
    after = new.state_dict()
    with torch.no_grad():
        # One by one, so that no second copy of the model stands beside it
        for name, tensor in carry_weights(plan, old, new):
            axes = plan.tensors[name]
            after[name].copy_(symmetry.adjust(tensor, axes, generator))
        for name, tensor in born_tensors(plan, after):
            after[name].copy_(tensor)
