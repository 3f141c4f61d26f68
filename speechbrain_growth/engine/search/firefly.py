"""Firefly growth: chooses units and layers by what they do to the loss.

Firefly neural architecture descent, https://arxiv.org/abs/2102.08574. The
candidates are splits of old units, ``1/2 s(w + e d) + 1/2 s(w - e d)``, new
units ``e s(w)``, and new layers ``I + e h``. All are trained together for a few
batches, behind gates e that a norm bound keeps small. Then those are kept that
lower the loss most.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial
from typing import Any, Callable, Dict, List, Optional

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
from speechbrain_growth.engine.search.layers import placed
from speechbrain_growth.engine.search.records import Found, Search
from speechbrain_growth.engine.search.scoring import scores, train
from speechbrain_growth.engine.search.slots import find_slots, with_more
from speechbrain_growth.engine.unwrap import unwrap
from speechbrain_growth.errors import GrowthError


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
    """Finds which units and layers a model is best given, within a budget.

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
        With the present sizes if no candidate lowers the loss.

    Raises
    ------
    GrowthError
        If the budget is below one unit or layer, or no size can grow by one.

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
    what = search.sizes, example, search.layers
    slots, left = slots or find_slots(old, build, sizes, *what)
    fitting = affordable(slots, sizes, cost, search.budget)
    for slot in slots:
        if slot not in fitting:
            left[str(slot)] = "1 more passes the budget"
    tried = candidate_sizes(sizes, fitting, search.new)
    deeper = _deeper(build, sizes, [slot for slot in fitting if slot.born])
    args = search.new, search.seed, example, deeper
    candidates = Candidates(old, build(tried), fitting, *args)
    gates = train(candidates, losses, search.step)
    values = scores(candidates, gates, losses, search.points).tolist()
    gate_of = candidates.gate_of
    ranked = bundles(
        fitting,
        {label: [values[n] for n in own] for label, own in gate_of.items()},
    )
    kept = within(ranked, sizes, cost, search.budget)
    larger = with_more(sizes, units_of(kept))
    found = Found(larger, {}, [], len(values), left, {}, tried)
    layers = candidates.units.layers
    open_gates, chosen = torch.zeros_like(gates), {}
    for bundle in kept:
        parents = {}
        for label, number in bundle.members.items():
            gate = gate_of[label][number]
            open_gates[gate] = gates[gate]
            if label in layers:
                one = layers[label]
                chosen.setdefault(label, []).append(one.unit(number))
                parents[label] = number if number < one.old else None
                found.units.setdefault(label, []).append(parents[label])
        entry = {
            "size": str(bundle.slot),
            "score": bundle.score,
            "from": parents,
        }
        if bundle.slot.born:
            entry["layers"] = list(bundle.slot.born)
        found.scores.append(entry)
    if kept:
        tensors = candidates.merged(open_gates, chosen)
        deep = [one.slot for one in kept if one.slot.born]
        if deep:
            models = old, _deeper(build, sizes, deep), build(larger)
            places, _ = placed(*models, found.units, example)
            tensors.update(candidates.new_layers.tensors(open_gates, places))
        found.tensors.update(
            {name: one.detach().cpu() for name, one in tensors.items()}
        )
    return found


def _deeper(build, sizes, slots):
    """The model with one more of each of some slots; None without any."""
    if not slots:
        return None
    return unwrap(build(with_more(sizes, dict.fromkeys(slots, 1))))


def _built(build, seed, sizes):
    """A model whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        return build(sizes)


def _parameters(model):
    """Number of parameters of a model."""
    return sum(one.numel() for one in unwrap(model).parameters())
