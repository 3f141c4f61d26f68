"""Growth rules for the layers of ``torch.nn``: units, norms, containers.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.rules.axes import along
from speechbrain_growth.engine.rules.registry import rule

UNIT_BY_UNIT = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Softsign,
    nn.Tanhshrink,
    nn.Hardshrink,
    nn.Softshrink,
    nn.Threshold,
    nn.Hardtanh,
    nn.Hardswish,
    nn.Hardsigmoid,
)


def unit_by_unit(old, new, signal, trace):
    """Layers that treat every unit alone and own no tensor."""
    return signal


for _kind in UNIT_BY_UNIT:
    rule.register(_kind, unit_by_unit)


@rule.register(nn.Sequential)
@rule.register(nn.ModuleList)
@rule.register(nn.ModuleDict)
def sequence(old, new, signal, trace):
    """Children in the order of the signal."""
    return trace.chain(children(old), children(new), signal)


def children(module):
    """Named children, and again those without tensors that come again.

    A layer with tensors that comes again is left out, so that its second name
    is found to have no plan: the widths of its two places would differ.
    """
    once = dict(module.named_children())
    return {
        name: child
        for name, child in module._modules.items()
        if name in once or (child is not None and not child.state_dict())
    }


@rule.register(nn.Linear)
def _linear(old, new, signal, trace):
    """Rows are copied, columns are shared; the bias follows the rows."""
    arriving = trace.arriving(signal, old.in_features, new.in_features)
    own = trace.widen(old.out_features, new.out_features)
    trace.tensor("weight", trace.out(own), trace.into(arriving))
    if old.bias is not None:
        trace.tensor("bias", trace.out(own))
    return Signal(own, dims=signal.dims)


@rule.register(nn.Embedding)
@rule.register(nn.EmbeddingBag)
def _embedding(old, new, signal, trace):
    """Columns are copied; the row of the padding stays zero."""
    own = trace.widen(old.embedding_dim, new.embedding_dim)
    if old.max_norm is not None and not own.is_identity:
        trace.problem(
            f"bounds the norm of {own}, which counts the copies; without "
            "max_norm it would do"
        )
    trace.tensor("weight", None, trace.out(own))
    return Signal(own)


@rule.register(nn.PReLU)
def _prelu(old, new, signal, trace):
    """One slope for all units, or one for each."""
    if old.num_parameters == new.num_parameters == 1:
        trace.tensor("weight")
        return signal
    own = trace.arriving(signal, old.num_parameters, new.num_parameters)
    trace.tensor("weight", trace.out(own))
    return signal._replace(width=own)


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


INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


@rule.register(nn.GroupNorm)
def _group_norm(old, new, signal, trace):
    """Averages over the units of a group.

    Exact if each group's units have equally many copies, or if whole groups
    are copied; the layer that draws the units is asked for that.
    """
    own = trace.arriving(signal, old.num_channels, new.num_channels)
    groups, each = old.num_groups, own.old // old.num_groups
    if new.num_groups * each == own.new:
        trace.formed(own, each=each)
    elif new.num_groups == groups and own.new % own.old == 0:
        if trace.formed(own, blocks=groups).fresh.any():
            trace.problem(
                f"averages over groups of {each}, and fresh units would count "
                "among them; copies, or whole groups, would do"
            )
    else:
        up = -(-own.new // own.old) * own.old
        trace.problem(
            f"averages over groups of {each}, so {groups} groups of {own.old} "
            f"cannot become {new.num_groups} of {own.new}; {groups} groups of "
            f"{up}, or {up // each} of {up}, would do"
        )
    if old.affine:
        trace.tensor("weight", trace.out(own))
        trace.tensor("bias", trace.out(own))
    return signal._replace(width=own)


@rule.register(nn.LayerNorm)
def _layer_norm(old, new, signal, trace):
    """Averages over units, so each needs as many copies, or a weight.

    Axes before the last (frequency, in SpeechBrain's CNN_Block) do not grow.
    """
    if not signal.channels_last and signal.dims not in (None, 2):
        return _layer_norm_channels_first(old, new, signal, trace)
    shape, larger = old.normalized_shape, new.normalized_shape
    own = trace.arriving(signal, shape[-1], larger[-1])
    if not trace.averaged(old, new, own, len(shape) - 1):
        _not_alike(signal.width, trace)
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
        if not trace.averaged(old, new, own, 0):
            _not_alike(own, trace)
    if old.elementwise_affine:
        trace.tensor("weight", *axes)
        if old.bias is not None:
            trace.tensor("bias", *axes)
    return signal


def _not_alike(width, trace):
    """Refuses units that would count differently than they did."""
    times = width.new // width.old
    would_do = (
        "and fresh units would count; copies would do"
        if width.fresh.any()
        else "so each needs equally many copies; "
        f"{width.old} cannot become {width.new}, but {width.old * times} "
        f"and {width.old * (times + 1)} would do"
    )
    trace.problem(
        f"LayerNorm averages over all units, {would_do}, or fold, which "
        "weighs them for some steps"
    )
