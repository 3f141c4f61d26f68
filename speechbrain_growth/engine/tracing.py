"""Walks an old and a new model side by side and writes the plan of a growth.

Every type of layer has one rule, found by ``singledispatch``. A rule reads the
map of the units that arrive, says what each axis of the layer's tensors copies,
and returns the map of the units that leave. Nothing is changed here; everything
that does not fit is collected and raised at once.

A rule for a new type of layer takes a few lines:

    @rule.register(MyScale)
    def _my_scale(old, new, signal, trace):
        trace.tensor("scale", trace.out(signal.width))
        return signal

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Optional

import torch

from speechbrain_growth.engine.births.blocks import Births
from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.carried.new_outputs import (
    maps_of_outputs,
    with_outputs,
)
from speechbrain_growth.engine.checks import check_shapes, check_sharing
from speechbrain_growth.engine.maps.parents import check_parents
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.ties import Maps
from speechbrain_growth.engine.reading.closed import is_closed
from speechbrain_growth.engine.reading.ends import outputs_of, unused
from speechbrain_growth.engine.reading.reading import read
from speechbrain_growth.engine.reading.tied import tie_tokens, untie
from speechbrain_growth.engine.reading.walking import Walk
from speechbrain_growth.engine.tracer import Trace
from speechbrain_growth.engine.unwrap import Model, state_of, unwrap
from speechbrain_growth.errors import GrowthError, NoRuleError

WALKS = 30  # two or three are enough, unless layers contradict each other


def trace(
    old: Model,
    new: Model,
    symmetry: Optional[Symmetry] = None,
    generator: Optional[torch.Generator] = None,
    birth: Optional[Birth] = None,
    fold: bool = False,
    example: Any = None,
    outputs: Any = None,
) -> Plan:
    """Plans the growth of ``old`` into ``new``; changes nothing.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth: a module, or a ``ModuleDict`` or list of
        modules in signal order.
    new : torch.nn.Module
        The same model built with larger sizes.
    symmetry : Symmetry
        How the new units begin.
    generator : torch.Generator
        Draws which units are copied, and their shares.
    birth : Birth
        How layers begin that only the new model has.
    fold : bool
        Lets a LayerNorm weigh its units where some have more copies.
    example : torch.Tensor, tuple, dict or callable
        An input of the models, as for ``carry``. Where a forward has no rule,
        both models are run on it; if it is None, one is made up.
    outputs : dict or str
        How new outputs begin, as for ``carry``.

    Returns
    -------
    Plan

    Raises
    ------
    NoRuleError
        Naming every layer that no rule knows.
    GrowthError
        Naming everything else that does not fit.

    Example
    -------
    >>> from torch.nn import Linear, ReLU, Sequential
    >>> old = Sequential(Linear(2, 4), ReLU(), Linear(4, 3))
    >>> new = Sequential(Linear(2, 6), ReLU(), Linear(6, 3))
    >>> print(trace(old, new))
    0.weight: out 0 units 4 -> 6, in inputs 2
    0.bias: out 0 units 4 -> 6
    2.weight: out 2 units 3, in 0 units 4 -> 6
    2.bias: out 2 units 3
    """
    way = symmetry or Symmetry(), generator, {}
    return traced(old, new, way, birth, fold, example, outputs)[0]


def traced(old, new, way, birth, fold, example, outputs):
    """As ``trace``, and what the old model was seen to compute on the way.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The same model built with larger sizes.
    way : tuple
        How new units begin: a ``Symmetry``, a generator for it, and the
        parents of those that are named, as ``units`` of ``carry``.
    birth : Birth
        As for ``trace``.
    fold : bool
        As for ``trace``.
    example : torch.Tensor, tuple, dict or callable
        As for ``trace``.
    outputs : dict or str
        As for ``trace``.

    Returns
    -------
    Plan
        Of the growth.
    Seen
        In eval mode; None if every layer has a rule, so that none was run.
    """
    old, new = unwrap(old), unwrap(new)
    splits = maps_of_outputs(old, new, outputs)
    check_shapes(old, new)
    symmetry, generator, units = way
    maps = Maps(symmetry, generator, splits.values(), units)
    walks, seen = _walks(old, new, birth, fold, example)
    for _ in range(WALKS):
        maps.changed = False
        walk = Trace(maps, birth, fold)
        leaving = walks(walk)
        if not maps.changed:
            break
    else:
        walk.problem(
            "layers need maps that contradict each other; add a linear layer "
            "between them"
        )
    if walk.unknown or walk.unborn:
        unruled = [
            f"{', and '.join(filter(None, (text, '; '.join(why))))}; write "
            "one and register it by speechbrain_growth.rule.register"
            for text, why in walk.unknown.items()
        ]
        raise NoRuleError(unruled + walk.unborn)
    held = state_of(new)
    plan = Plan(
        {name: axes for name, axes in walk.tensors.items() if name in held},
        tuple(walk.fresh),
        leaving,
        walk.first_states,
        walk.moved,
        walk.weights,
        {name: a for name, a in walk.tensors.items() if name not in held},
        walk.scales,
        {
            one.direction: one
            for one in walk.norms.values()
            if one.direction in walk.tensors
        },
    )
    problems = list(dict.fromkeys(walk.problems)) or _unexplained(
        old, new, plan
    )
    problems = problems or check_sharing(old, new, plan)
    if problems:
        raise GrowthError(problems)
    if units:
        check_parents(units, maps.drawn)
    return with_outputs(plan, outputs, splits, new), seen


def _walks(old, new, birth, fold, example):
    """A function that walks both models once, and what the old one computed.

    Each walk returns the outputs' maps. Where every layer has a rule, the rules
    go through them in the order of the signal, and no model is run. Other
    forwards are run, once, and each walk goes through what they did.
    """
    if is_closed(old) and is_closed(new):
        return lambda walk: _closed(walk, old, new), None
    births = Births(old, new, birth or Birth())
    pairs = read(old, new, births, example)
    births.run(pairs[0][1].born)

    def walk_all(walk):
        """Walks the recordings of each mode, and of each layout."""
        walk.first_states.update(births.states)
        walk.moved.update(births.moved)
        walk.unborn += births.wrong
        for before, after in pairs:
            leaves = Walk(before, after, (old, new), walk).run()
            if walk.problems or walk.unborn:
                if example is None:
                    _say_made_up(walk, before)
                break
        unused(old, new, walk)
        tie_tokens(new, walk)
        untie(pairs[0][1], new, walk)
        return outputs_of(leaves)

    return walk_all, pairs[0][0].seen


def _closed(walk, old, new):
    """The map of what leaves models that rules go through, if it is known."""
    signal = walk.layer(old, new, Signal(None))
    tie_tokens(new, walk)
    return () if signal.width is None else (signal.width,)


def _say_made_up(walk, recording):
    """Adds to a problem that nobody gave the input on which it was found."""
    found = walk.problems or walk.unborn
    shape = recording.tensors[0].shape if recording.tensors else ()
    found[-1] += (
        f" (found on a made-up input of shape {shape}; if the model takes "
        "none such, give one that it takes: example=batch)"
    )


def _unexplained(old, new, plan):
    """Tensors whose shapes the plan does not account for."""
    left, after = state_of(old), state_of(new)
    before = {n: left.pop(plan.before(n), None) for n in after}
    before.update(left)
    problems = []
    for name in sorted(before):
        if name in plan.fresh or plan.birthplace(name):
            continue
        if before[name] is None or name not in after:
            problems.append(
                f"{name}: stands in one of the two models only; give both "
                "models the same layers"
            )
        elif name not in plan.tensors:
            problems.append(
                f"{name}: no rule plans this tensor; add it to the rule of its "
                "layer"
            )
        elif not _fits(plan.tensors[name], before[name], after[name]):
            problems.append(
                f"{name}: {tuple(before[name].shape)} would become "
                f"{tuple(after[name].shape)}, which the rule of its layer did "
                "not plan; mend that rule"
            )
    return problems


def _fits(axes, before, after):
    """Whether axes explain how one tensor's shape becomes another's."""
    axes = axes or (None,) * before.ndim
    if len(axes) < before.ndim:  # of the flattened tensor
        before, after = before.flatten(), after.flatten()
    return len(axes) == before.ndim == after.ndim and all(
        (b, a) == ((axis.width.old, axis.width.new) if axis else (b, b))
        for axis, b, a in zip(axes, before.shape, after.shape)
    )
