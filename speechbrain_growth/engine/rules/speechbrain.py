"""Growth rules for SpeechBrain's layers; most wrap one layer of torch.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.nnet import (
    CNN,
    activations,
    containers,
    dropout,
    embedding,
    linear,
    normalization,
    pooling,
)
from speechbrain.processing.features import InputNormalization
from speechbrain_growth.engine.maps.widths import replicate
from speechbrain_growth.engine.rules.axes import along
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.rules.units import sequence, unit_by_unit

for _kind in (dropout.Dropout2d, activations.Swish, InputNormalization):
    rule.register(_kind, unit_by_unit)

for _kind in (
    containers.Sequential,
    containers.LengthsCapableSequential,
    containers.ModuleList,
    CNN.DepthwiseSeparableConv1d,
    CNN.DepthwiseSeparableConv2d,
):
    rule.register(_kind, sequence)

MEETING = (torch.add, torch.sub, torch.mul, torch.div)


@rule.register(linear.Linear)
@rule.register(normalization.LayerNorm)
def _last(old, new, signal, trace):
    """The layer inside works on the last axis, as SpeechBrain does."""
    _max_norm(old, signal, trace)
    if getattr(old, "combine_dims", False) and signal.dims == 4:
        signal = signal._replace(dims=3)
    return sequence(old, new, signal, trace)


@rule.register(CNN.Conv1d)
@rule.register(CNN.Conv2d)
@rule.register(CNN.ConvTranspose1d)
@rule.register(normalization.BatchNorm1d)
@rule.register(normalization.BatchNorm2d)
@rule.register(normalization.InstanceNorm1d)
@rule.register(normalization.InstanceNorm2d)
@rule.register(normalization.GroupNorm)
def _transposed(old, new, signal, trace):
    """The layer inside has channels first; outside they are last."""
    _max_norm(old, signal, trace)
    if getattr(old, "combine_batch_time", False) and signal.dims == 4:
        along([-1], signal, trace)
    inside = signal._replace(channels_last=False)
    leaves = sequence(old, new, inside, trace)
    last = not getattr(old, "skip_transpose", False)
    return leaves._replace(channels_last=last)


@rule.register(embedding.Embedding)
def _embedding(old, new, signal, trace):
    """One of torch inside; or all tokens but the blank, one-hot."""
    if old.consider_as_one_hot and old.num_embeddings != new.num_embeddings:
        trace.problem(
            f"is one-hot, so that its {old.num_embeddings - 1} numbers would "
            f"have to become {new.num_embeddings - 1} with the tokens; use "
            "consider_as_one_hot: False, or keep their number"
        )
    return sequence(old, new, signal, trace)


def _max_norm(old, signal, trace):
    """Refuses to share weights whose norm is bounded at the next forward."""
    if getattr(old, "max_norm", None) is not None and signal.grows:
        trace.problem(
            f"bounds the norm of the weights that {signal.width} share; remove "
            "max_norm"
        )


@rule.register(activations.Softmax)
@rule.register(activations.GumbelSoftmax)
def _softmax(old, new, signal, trace):
    """Merges batch and time, so that only axes from the end are known."""
    dim = getattr(old, "dim", -1)
    return along([dim], signal._replace(dims=None), trace)._replace(
        dims=signal.dims
    )


@rule.register(pooling.Pooling1d)
@rule.register(pooling.Pooling2d)
def _pooling(old, new, signal, trace):
    """Along one axis or two."""
    if isinstance(old, pooling.Pooling2d):
        return along(old.pool_axis, signal, trace)
    flat = isinstance(old.pool_layer, (torch.nn.AvgPool1d, torch.nn.MaxPool1d))
    along([old.pool_axis], signal._replace(dims=3 if flat else 4), trace)
    return signal


@rule.register(pooling.AdaptivePool)
def _adaptive_pooling(old, new, signal, trace):
    """Along all axes between the first and the last."""
    return signal if signal.channels_last else along([1], signal, trace)


@rule.register(pooling.StatisticsPooling)
def _statistics(old, new, signal, trace):
    """Mean and deviation over time, side by side."""
    if not signal.channels_last:
        along([1], signal, trace)
    both = old.return_mean and old.return_std
    if signal.width is None or not both:
        return signal
    label = f"[mean; deviation] x {signal.width.label}"
    return signal._replace(width=replicate(signal.width, 2, label))


@rule.register(containers.ConnectBlocks)
def _connect_blocks(old, new, signal, trace):
    """Blocks in a row; a block's output has the map of its shortcut."""
    if old.shortcut_combine_fn not in MEETING:
        names = ", ".join(f"torch.{function.__name__}" for function in MEETING)
        trace.problem(f"shortcut_combine_fn is unknown; use one of {names}")
    before, after = list(old.blocks), list(new.blocks)
    if len(before) != len(after):
        trace.problem(
            f"{len(before)} blocks would become {len(after)}; keep their number"
        )
        return signal
    shortcut = signal
    for number, (small, large) in enumerate(zip(before, after)):
        signal = trace.child(f"blocks.{number}", small, large, signal)
        if old.shortcut_projection:
            place = f"projections.{number}"
            pair = (m.projections[number] for m in (old, new))
            meets = trace.tie(trace.child(place, *pair, shortcut), signal)
        else:
            meets = trace.tie(shortcut, signal)
        if old.shortcut_type == "residual":
            signal = meets
        elif old.shortcut_type == "skip":
            shortcut = meets
        else:
            signal = shortcut = meets
    return shortcut if old.shortcut_type == "skip" else signal
