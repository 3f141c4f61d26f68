"""Growth rules for the norms of ``torch.nn``.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.engine.rules.axes import along
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.weighted_norm import weights_of

INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


@rule.register(nn.BatchNorm1d)
@rule.register(nn.BatchNorm2d)
@rule.register(nn.BatchNorm3d)
@rule.register(nn.SyncBatchNorm)
@rule.register(nn.InstanceNorm1d)
@rule.register(nn.InstanceNorm2d)
@rule.register(nn.InstanceNorm3d)
def _batch_norm(old, new, signal, trace):
    """Statistics are per unit, so copies keep those of their original."""
    own = trace.arriving(signal, old.num_features, new.num_features)
    if old.affine:
        trace.tensor("weight", trace.out(own))
        trace.tensor("bias", trace.out(own))
    if old.track_running_stats:
        trace.tensor("running_mean", trace.out(own))
        trace.tensor("running_var", trace.out(own))
        trace.tensor("num_batches_tracked")
    if isinstance(old, INSTANCE_NORMS) and signal.channels_last:
        along([-1], signal, trace)
    return signal._replace(width=own)


@rule.register(nn.GroupNorm)
def _group_norm(old, new, signal, trace):
    """Averages over the units of a group.

    Exact if the units of each group have equally many copies, or if whole
    groups are copied; the layer that draws the units is asked for that.
    """
    own = trace.arriving(signal, old.num_channels, new.num_channels)
    problem = group_norm_width(old.num_groups, new.num_groups, own, trace)
    if problem:
        trace.problem(problem)
    if old.affine:
        trace.tensor("weight", trace.out(own))
        trace.tensor("bias", trace.out(own))
    return signal._replace(width=own)


def group_norm_width(groups, larger, own, trace):
    """Has channels drawn so that averages over their groups stay.

    Arguments
    ---------
    groups : int
        Number of groups of the old layer.
    larger : int
        Number of groups of the new one.
    own : WidthMap
        The channels.
    trace : Trace
        Draws their map.

    Returns
    -------
    str
        Why they cannot stay; empty if they do.
    """
    each = own.old // groups
    if larger * each == own.new:
        trace.formed(own, each=each)
    elif larger == groups and own.new % own.old == 0:
        group = trace.formed(own, blocks=groups)
        if group.fresh.any():
            return (
                f"averages over groups of {each}, and fresh units would count "
                "among them; use copies, or let the number of groups grow"
            )
        if len(group.counts.unique()) > 1:
            return (
                f"averages over groups of {each}, where each unit needs "
                "equally many copies; let all that is joined grow as much"
            )
    else:
        up = -(-own.new // own.old) * own.old
        return (
            f"averages over groups of {each}, so {groups} groups of {own.old} "
            f"cannot become {larger} of {own.new}; use {groups} groups "
            f"of {up}, or {up // each} of {up}"
        )
    return ""


@rule.register(nn.LayerNorm)
def _layer_norm(old, new, signal, trace):
    """Averages over units, so each needs equally many copies, or a weight.

    Axes before the last (frequency, in SpeechBrain's CNN_Block) do not grow.
    """
    if not signal.channels_last and signal.dims not in (None, 2):
        return _layer_norm_channels_first(old, new, signal, trace)
    shape, larger = old.normalized_shape, new.normalized_shape
    own = trace.arriving(signal, shape[-1], larger[-1])
    _averaged(old, new, own, len(shape) - 1, signal.width, trace)
    if old.elementwise_affine:
        axes = (None,) * (len(shape) - 1)
        trace.tensor("weight", *axes, trace.out(own))
        if old.bias is not None:
            trace.tensor("bias", *axes, trace.out(own))
    return signal._replace(width=own)


def _layer_norm_channels_first(old, new, signal, trace):
    """As torch's convolutions leave it: (channels, positions) or positions."""
    axes = [None] * len(old.normalized_shape)
    if len(axes) == signal.dims - 1:
        own = trace.arriving(
            signal, old.normalized_shape[0], new.normalized_shape[0]
        )
        axes[0] = trace.out(own)
        _averaged(old, new, own, 0, own, trace)
    if old.elementwise_affine:
        trace.tensor("weight", *axes)
        if old.bias is not None:
            trace.tensor("bias", *axes)
    return signal


def _averaged(old, new, width, dim, units, trace):
    """Notes how much each unit counts where a LayerNorm averages over them.

    A copy has to count as much as its share of the original did: then outputs
    and gradients are exact for any map. A stock LayerNorm counts all units
    alike, which is exact only if every unit has equally many copies. Otherwise
    the units get weights, or the growth is refused if it may not fold.
    """
    before = weights_of(old)
    alike = not width.fresh.any() and len(width.counts.unique()) == 1
    if old is new or width.new < width.old or (before is None and alike):
        return
    if not trace.fold:
        _not_alike(units, trace)
        return
    if before is None:
        before = torch.ones(width.old).double() / width.old
    weights = before[width.source] * width.share
    trace.weights[".".join(trace.path)] = (weights, dim)


def _not_alike(width, trace):
    """Refuses units that would count differently than they did."""
    times = width.new // width.old
    if width.fresh.any():
        why = "and fresh units would count among them; use copies"
    else:
        why = (
            f"so each needs equally many copies; {width.old} cannot become "
            f"{width.new}; use {width.old * times} or "
            f"{width.old * (times + 1)}"
        )
    trace.problem(
        f"LayerNorm averages over all units, {why}, or fold, which weighs the "
        "units for some steps"
    )
