"""Plans a layer that has a rule, as one call among others.

A rule of a layer knows one axis that grows. Here it is found, and what leaves
the layer gets its map on the right axis again.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain.nnet import attention, embedding, linear, normalization
from speechbrain_growth.engine.dispatch import kind_of, rule_for
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.reading.functions.scores import plain
from speechbrain_growth.engine.reading.recording import leaves_of
from speechbrain_growth.engine.reading.steps import Value, all_of
from speechbrain_growth.engine.rules.axes import SPATIAL
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.rules.units import unit_by_unit

# On which axis, counted from the end, a layer has its units
CONVOLUTIONS = {
    getattr(nn, f"{kind}{count}d"): -count - 1
    for kind in ("Conv", "ConvTranspose")
    for count in (1, 2, 3)
}
LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, linear.Linear)
LAST += (normalization.LayerNorm, embedding.Embedding, nn.RNNBase)
SECOND = (nn.modules.batchnorm._NormBase, nn.GroupNorm)
ATTENTION = (nn.MultiheadAttention, attention.MultiheadAttention)
# Layers that leave the other axes as they are
PASS = (nn.Linear, nn.LayerNorm, linear.Linear, normalization.LayerNorm)


def plan_layer(step, old, new, args, models):
    """Plans one call of a layer.

    Arguments
    ---------
    step : Step
        Its outputs.
    old : Call
        In the old model.
    new : Call
        In the new one.
    args : tuple
        Its arguments, with ``Value`` in the place of tensors.
    models : tuple of torch.nn.Module
        Both.

    Returns
    -------
    list of Value
        What leaves.
    """
    pair = models[0].get_submodule(old.name), models[1].get_submodule(new.name)
    given = [one for one in leaves_of(args) if isinstance(one, Value)]
    plain(step, given)
    if isinstance(pair[0], attention.RelPosMHAXL):
        beside = (*args[0], args[1].get("pos_embs"))[3]
        step.trace.positions = step.width(beside, -1)
        given = [one for one in given if one is not beside]
    first = given[0] if given else step.out
    for other in given[1:]:
        if not other.growing or other is first:
            continue
        if isinstance(pair[0], ATTENTION) and len(other.growing) == 1:
            # queries, keys and values have the same units
            step.tie(step.width(first, -1), step.width(other, -1))
        else:
            step.refuse("gets more than one tensor that grows")
    trace, known = step.trace, step.trace.path
    trace.path = new.name.split(".")
    try:
        if rule_for(rule, kind_of(pair[0])) is unit_by_unit:
            trace.layer(*pair, Signal(None))
            return [one.but(axes=all_of(step, first)) for one in step.outs]
        return _one_axis(step, pair, first)
    finally:
        trace.path = known


def _one_axis(step, pair, first):
    """Plans a layer by the axis on which it has its units."""
    kind, count = type(pair[0]), len(first.old)
    at = _axis(pair[0], first)
    others = [dim for dim in first.growing if dim != at]
    if isinstance(pair[0], tuple(SPATIAL)):
        others = []
        pooled = next(n for k, n in SPATIAL.items() if isinstance(pair[0], k))
        pooled = count - 2 if isinstance(pair[0], nn.Upsample) else pooled
        step.along(first, range(-pooled, 0), "pools, or resamples,")
        step.trace.layer(*pair, Signal(None))
        return [one.but(axes=all_of(step, first)) for one in step.outs]
    if others and not isinstance(pair[0], PASS):
        step.refuse(
            f"gets {step.width(first, others[0])} on axis {others[0]}, but "
            f"{kind.__name__} has its units on another; keep that size"
        )
    if isinstance(pair[0], nn.LayerNorm):
        averaged = len(pair[0].normalized_shape)
        step.along(first, range(-averaged, -1), "averages over")
    width = step.width(first, at) if at is not None else None
    last = at is None or at == count - 1
    convolution = isinstance(pair[0], tuple(CONVOLUTIONS))
    signal = Signal(width, last and not convolution, count)
    leaves = step.trace.layer(*pair, signal)
    passed = {dim: step.width(first, dim) for dim in others}
    return _place(step, pair[0], leaves, passed, at)


def _axis(layer, value):
    """The axis of a layer's units; None if nothing grows where it may be."""
    count = len(value.old)
    for kind, at in CONVOLUTIONS.items():
        if isinstance(layer, kind):
            return count + at
    if isinstance(layer, SECOND):
        return 1 if count > 1 else 0
    if isinstance(layer, LAST):
        return count - 1
    growing = value.growing
    if len(growing) == 1 and growing[0] in (1, count - 1):
        return growing[0]
    return None


def _place(step, layer, leaves, passed, at):
    """What leaves a layer, with its map on the axis where it belongs."""
    out, width = step.out, leaves.width
    axes = [passed.get(dim) for dim in range(len(out.old))]
    if out.growing and width is not None and not width.is_identity:
        count = len(out.old)
        dim = count - 1 if leaves.channels_last else min(1, count - 1)
        if isinstance(layer, tuple(CONVOLUTIONS)):
            dim = at
        if out.size(dim) != (width.old, width.new):
            fit = [
                d
                for d in out.growing
                if d not in passed and out.size(d) == (width.old, width.new)
            ]
            if len(fit) != 1:
                step.refuse(f"leaves {width}, but it is not clear on what axis")
            (dim,) = fit
        axes[dim] = width
    name = ".".join(step.trace.path)
    rest = [
        one.but(unknown=f"output {number} of {name}")
        for number, one in enumerate(step.outs[1:], start=1)
    ]
    states = step.trace.states.get(name)
    if isinstance(layer, nn.RNNBase) and states:
        rest = [_states(one, states) for one in rest]
    return [out.but(axes=tuple(axes)), *rest]


def _states(value, maps):
    """The last states of a recurrent layer: a map for each layer and way."""
    batch = (None,) * (len(value.old) - 2)
    rows = tuple(
        (*batch, None if width.is_identity else width) for width in maps
    )
    axes = (None, *rows[0]) if len(rows) == 1 else value.axes
    return value.but(rows=rows, axes=axes)
