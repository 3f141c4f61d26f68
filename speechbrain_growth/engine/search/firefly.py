"""Firefly growth: chooses units of all layers by what they do to the loss.

Firefly neural architecture descent, https://arxiv.org/abs/2102.08574. The
candidates are splits of old units, ``1/2 s(w + e d) + 1/2 s(w - e d)``, and new
units ``e s(w)``. All are trained together for a few batches, behind gates e that
a norm bound keeps small. Then those are kept that lower the loss most.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import torch
from torch import nn

from speechbrain_growth.engine.search.candidates import (
    Candidates,
    candidate_sizes,
)
from speechbrain_growth.engine.search.choosing import (
    affordable,
    bundles,
    units_of,
    within,
)
from speechbrain_growth.engine.search.scoring import scores, train
from speechbrain_growth.engine.search.slots import find_slots, with_more
from speechbrain_growth.engine.unwrap import state_of, unwrap
from speechbrain_growth.errors import GrowthError


class Found(NamedTuple):
    """What a search found.

    Arguments
    ---------
    sizes : dict
        All sizes of the larger model.
    units : dict
        The parent of each new unit, or None, as ``units`` of ``carry``.
    scores : list of dict
        Of the units that are kept, the best first: the ``size`` that grows, the
        ``score``, and ``from``, the old unit that splits in each layer, or None.
    candidates : int
        How many there were.
    left : dict
        Why some sizes were not touched, by name.
    tensors : dict
        By name: what ``write`` gives the larger model, on the CPU.
    tried : dict
        All sizes of the model of all candidates.
    """

    sizes: Dict[str, Any]
    units: Dict[str, List[Optional[int]]]
    scores: List[Dict[str, Any]]
    candidates: int
    left: Dict[str, str]
    tensors: Dict[str, torch.Tensor]
    tried: Dict[str, Any]

    @property
    def predicted(self):
        """By how much the loss changes, to first order."""
        return sum(one["score"] for one in self.scores)

    def write(self, new: nn.Module) -> None:
        """Gives a carried model what was found.

        This changes what it computes: by the square of the gate for a split, and
        by the gate for a new unit.

        Arguments
        ---------
        new : torch.nn.Module
            Built at ``sizes``, and carried with ``units``.
        """
        state = state_of(unwrap(new))
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                state[name].copy_(tensor.view_as(state[name]))


class Search(NamedTuple):
    """How candidates are searched.

    Arguments
    ---------
    budget : float
        What may be added to the cost of the model.
    sizes : list of str
        The sizes that may grow; None for all that can.
    new : int
        Number of fresh units in each layer.
    step : float
        The largest gate.
    points : int
        Points of the path along which candidates are scored.
    seed : int
        Of the directions, and of the models that are built.
    """

    budget: float
    sizes: Optional[List[str]] = None
    new: int = 8
    step: float = 0.01
    points: int = 3
    seed: int = 0

    def check(self) -> None:
        """Raises if one of the numbers cannot be used."""
        problems = [
            f"{key} is {value!r}; use a whole number, {least} or above"
            for key, value, least in (
                ("new", self.new, 0),
                ("points", self.points, 1),
            )
            if type(value) is not int or value < least
        ]
        problems += [
            f"{key} is {value!r}; use a number above 0"
            for key, value in (("budget", self.budget), ("step", self.step))
            if type(value) not in (int, float) or not value > 0
        ]
        if problems:
            raise GrowthError(problems)


def firefly(
    old: nn.Module,
    build: Callable[[Dict[str, Any]], nn.Module],
    sizes: Dict[str, Any],
    losses: List[Callable],
    search: Search,
    example: Any = None,
    cost: Optional[Callable[[Dict[str, Any]], float]] = None,
    slots: Optional[tuple] = None,
) -> Found:
    """Finds which units a model is best given, within a budget.

    Nothing is changed. Build a model at the sizes that were found, carry the
    weights with the units that were found, and let ``write`` add the rest.

    Arguments
    ---------
    old : torch.nn.Module
        The present model.
    build : callable
        Takes all sizes, and returns a model.
    sizes : dict
        All sizes of the present model: whole numbers, or lists of them.
    losses : list of callable
        Each takes a model and returns the loss of one batch of training data.
    search : Search
        The budget, and how candidates are searched.
    example : object
        As for ``carry``.
    cost : callable
        Takes all sizes, and returns what the budget counts; None for the number
        of parameters.
    slots : tuple
        What ``find_slots`` returned; None to call it.

    Returns
    -------
    Found
        Without units if no candidate lowers the loss.

    Raises
    ------
    GrowthError
        If the budget is below one unit, or no size can grow by one.

    Example
    -------
    >>> from speechbrain_growth import MLP, carry
    >>> def build(sizes):
    ...     return MLP(2, sizes["hidden"], 1, nn.Tanh)
    >>> _ = torch.manual_seed(0)
    >>> inputs = torch.randn(16, 2)
    >>> targets = inputs.prod(1, keepdim=True)
    >>> def loss(model):
    ...     return (model(inputs) - targets).square().mean()
    >>> sizes = {"hidden": [4]}
    >>> old = build(sizes)
    >>> found = firefly(old, build, sizes, [loss] * 4, Search(budget=10))
    >>> found.sizes
    {'hidden': [6]}
    >>> new = build(found.sizes)
    >>> plan = carry(old, new, units=found.units)
    >>> found.write(new)
    >>> bool(loss(new) < loss(old))
    True
    """
    search.check()
    build = partial(_built, build, search.seed)
    if not losses or not all(callable(loss) for loss in losses):
        raise GrowthError(
            f"losses is {losses!r}; give a list of functions that take a model "
            "and return the loss of a batch"
        )
    cost = cost or (lambda sizes: _parameters(build(sizes)))
    slots, left = slots or find_slots(old, build, sizes, search.sizes, example)
    fitting = affordable(slots, sizes, cost, search.budget)
    for slot in slots:
        if slot not in fitting:
            left[str(slot)] = "one unit passes the budget"
    tried = candidate_sizes(sizes, fitting, search.new)
    model = build(tried)
    args = fitting, search.new, search.seed, example
    candidates = Candidates(old, model, *args)
    gates = train(candidates, losses, search.step)
    values = scores(candidates, gates, losses, search.points).tolist()
    layers = candidates.units.layers
    by_layer = {
        label: values[one.gate : one.gate + one.old + one.fresh]
        for label, one in layers.items()
    }
    ranked = bundles(fitting, by_layer)
    kept = within(ranked, sizes, cost, search.budget)
    larger = with_more(sizes, units_of(kept))
    found = Found(larger, {}, [], len(values), left, {}, tried)
    open_gates, chosen = torch.zeros_like(gates), {}
    for bundle in kept:
        for label, number in bundle.members.items():
            one = layers[label]
            chosen.setdefault(label, []).append(one.unit(number))
            open_gates[one.gate + number] = gates[one.gate + number]
            parent = number if number < one.old else None
            found.units.setdefault(label, []).append(parent)
        found.scores.append(
            {
                "size": str(bundle.slot),
                "score": bundle.score,
                "from": {
                    label: number if number < layers[label].old else None
                    for label, number in bundle.members.items()
                },
            }
        )
    if kept:
        merged = candidates.merged(open_gates, chosen)
        found.tensors.update({n: one.cpu() for n, one in merged.items()})
    return found


def _built(build, seed, sizes):
    """A model whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        return build(sizes)


def _parameters(model):
    """Number of parameters of a model."""
    return sum(one.numel() for one in unwrap(model).parameters())
