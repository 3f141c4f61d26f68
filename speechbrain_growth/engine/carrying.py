"""One call for any PyTorch user: carries a trained model into a larger one.

Authors
 * The speechbrain_growth authors 2026
"""

import warnings
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Union

import torch
from torch.optim import Optimizer

from speechbrain_growth.engine.births.batchnorm import calibrating
from speechbrain_growth.engine.births.layers import Birth, born_tensors
from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.carried.arguments import (
    check_arguments,
    check_models,
    losses_of,
)
from speechbrain_growth.engine.carried.beside import carry_beside, check_beside
from speechbrain_growth.engine.carried.outputs import copied_outputs
from speechbrain_growth.engine.carried.split_outputs import put_split_biases
from speechbrain_growth.engine.checks import check_values
from speechbrain_growth.engine.filling.filling import fill
from speechbrain_growth.engine.holding.held import Held, masks_of
from speechbrain_growth.engine.holding.masks import changed_by
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.optimizers import check_optimizers, follow
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.engine.proof import (
    must_keep,
    prove,
    see_first,
    undone_if_raised,
)
from speechbrain_growth.engine.tracing import traced
from speechbrain_growth.engine.transfer import carry_weights
from speechbrain_growth.engine.unwrap import Model, state_of, unwrap
from speechbrain_growth.engine.weighted_norm import weigh
from speechbrain_growth.errors import GrowthError


def carry(
    old: Model,
    new: Model,
    optimizer: Union[Optimizer, List[Optimizer], None] = None,
    symmetry: Union[str, Dict[str, float], Symmetry] = "shares",
    seed: int = 0,
    birth: Optional[Birth] = None,
    fold: Optional[int] = None,
    example: Any = None,
    tolerance: Optional[float] = None,
    outputs: Union[str, Dict[str, List[Optional[int]]], None] = None,
    batch: Union[Callable, List[Callable], None] = None,
    units: Optional[Dict[str, List[Optional[int]]]] = None,
    freeze: Union[str, List[str], Held, None] = None,
) -> Plan:
    """Makes ``new`` compute what ``old`` does, and moves the optimizer to it.

    Everything is checked before anything changes: if this raises, ``new`` and
    the optimizer are unchanged. ``old`` is never changed. Gradients, modes
    (``train`` or ``eval``) of each layer, ``requires_grad``, attributes of
    parameters, and tensors outside the state dict are carried, too; hooks are
    not, and refused.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth: a module, compiled or not, or a
        ``ModuleDict`` or list of modules in signal order.
    new : torch.nn.Module
        The same model built with larger sizes.
    optimizer : torch.optim.Optimizer or list
        Holds the old parameters; will hold the new ones, and their state. Give
        all that a model has in one list: a parameter of a new layer joins the
        one that holds the parameter most like it.
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
    outputs : dict or str
        For the name of a last layer that gets new outputs, such as classes: a
        list with the parent of each, the index of an old output, or None if
        none stood for it. Old outputs keep their index; one that does not
        split keeps its row and bias to the bit. One that splits into n gives
        each its row, and its bias less log n, so that their posteriors sum to
        its own. One without a parent has a zero row and the bias -20. In the
        optimizer, averages of gradients are divided by n, and those of squares
        by n squared. The sum of the former over the n is exact; the rest is if
        the parent's examples are divided equally among the n. Or ``fresh``:
        new outputs are as ``new`` was built, and old ones keep row and bias.
        SpeechBrain's ``ECAPA_TDNN.Classifier``, whose cosines have no bias,
        gives one with a parent the same cosine, and refuses None; an
        ``nn.Embedding`` gives a token the row of its parent, or one as built.
    batch : callable or list of callable
        For ``{"gradmax": level}`` and ``{"tiny": level}`` only: takes a model
        and returns the loss of a batch of training data; or a list of such.
    units : dict
        For hidden units, by their name in the plan, such as ``"0 units"``: the
        index of the old unit that each new one copies, or None for a fresh one.
        The copies of a unit share equally what it sends, and stay identical
        until something is added to them. Other units begin as ``symmetry`` says.
    freeze : str or list of str or Held
        What training is to leave as it is: ``"old"`` for all units of ``old``,
        names of its layers or weights, such as ``["encoder", "*.norm"]``, for
        what they are before the growth, or ``plan.held`` of an earlier growth,
        for what that holds. Surround each step of the optimizer by
        ``with plan.held.step():``.

    Returns
    -------
    Plan

    Raises
    ------
    NoRuleError
        If a layer, or the optimizer, is unknown.
    GrowthError
        If the two models do not fit, or the new one computes something else; if
        ``freeze`` names what is not there, or what the growth would change.

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

    Class 2 becomes classes 2 and 3, and class 4 is new:

    >>> larger = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 5))
    >>> plan = carry(new, larger, optimizer, outputs={"2": [2, None]})
    >>> before, after = new(inputs).softmax(1), larger(inputs).softmax(1)
    >>> torch.allclose(after[:, 2:4].sum(1), before[:, 2], atol=1e-6)
    True

    Only a new layer learns:

    >>> deeper = nn.Sequential(*larger, nn.Linear(5, 5))
    >>> plan = carry(larger, deeper, optimizer, freeze="old")
    >>> before = deeper[0].weight.detach().clone()
    >>> deeper(inputs).square().sum().backward()
    >>> with plan.held.step():
    ...     optimizer.step()
    >>> torch.equal(deeper[0].weight, before), plan.held.trained
    (True, 30)
    """
    optimizers, way, birth = check_arguments(
        optimizer, symmetry, seed, birth, fold, tolerance
    )
    losses = losses_of(batch, way)
    old, new = unwrap(old), unwrap(new)
    check_models(old, new)
    generator = torch.Generator().manual_seed(int(seed))
    folds = fold is not None
    drawn = way, generator, dict(units or {})
    plan, seen = traced(old, new, drawn, birth, folds, example, outputs)
    frozen = masks_of(freeze, plan, old, new)
    changed = changed_by(plan, frozen)
    if changed:
        raise GrowthError(changed)
    check_values(old, new, plan)
    check_optimizers(optimizers, old, plan)
    check_beside(old, new, plan)
    _say(plan, way)
    if not must_keep(way, plan) or tolerance == float("inf"):
        seen = None
    elif seen is None:
        seen = see_first(old, new, example)
    with undone_if_raised(new, seen is not None or way.fills):
        _put_weights(old, new, plan, way, generator)
        if way.fills and way.exact:
            plan = plan._replace(filled=fill(old, new, plan, way, losses))
        prove(old, new, plan, seen, tolerance)
        if way.fills and not way.exact:
            plan = plan._replace(filled=fill(old, new, plan, way, losses))
    carry_beside(old, new, plan)
    for name, (weights, dim) in plan.weights.items():
        weigh(new.get_submodule(name), weights, dim, fold)
    if birth.probe is not None:
        with torch.no_grad(), in_eval(new), calibrating(plan, new):
            new(birth.probe)
    follow(optimizers, old, new, plan)
    if plan.filled:
        _say_left(plan.filled, way)
    if freeze is None:
        return plan
    held = Held(new)
    held.hold(frozen, new)
    return plan._replace(held=held)


def _put_weights(old, new, plan, way, generator):
    """Gives the new model its weights."""
    after = state_of(new)
    adjust = partial(way.adjust, generator=generator)
    with torch.no_grad():
        # One by one, so that no second copy of the model stands beside it
        for name, tensor in carry_weights(plan, old, new, adjust):
            after[name].copy_(tensor)
        for name, tensor in born_tensors(plan, after):
            after[name].copy_(tensor)
        put_split_biases(after, plan)


def _say(plan, way):
    """Warns of what a user may not expect."""
    if plan.changes and not way.breaks:
        warnings.warn(
            f"symmetry {way}: the copies of a unit stay identical for ever; "
            "use shares, or {zero_sum: 0.1}",
            stacklevel=3,
        )
    for text in copied_outputs(plan):
        warnings.warn(
            f"{text}; if they are classes, use symmetry='fresh', so that new "
            "ones begin as the new model was built",
            stacklevel=3,
        )


def _say_left(filled, way):
    """Warns of units that no gradient could begin."""
    for name, why in filled.left.items():
        warnings.warn(
            f"symmetry {way}: the new units of {name} begin as fresh ones: "
            f"{why}",
            stacklevel=3,
        )
