"""Growth rules for the layers of ``torch.nn``.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.tracing import Signal, rule
from speechbrain_growth.widths import identity

UNIT_BY_UNIT = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
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
    nn.Hardtanh,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
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
    before, after = dict(old.named_children()), dict(new.named_children())
    return trace.chain(before, after, signal)


@rule.register(nn.Linear)
def _linear(old, new, signal, trace):
    """Rows are copied, columns are shared; the bias follows the rows."""
    arriving = trace.arriving(signal, old.in_features, new.in_features)
    own = trace.widen(old.out_features, new.out_features)
    trace.tensor("weight", trace.out(own), trace.into(arriving))
    if old.bias is not None:
        trace.tensor("bias", trace.out(own))
    return Signal(own, signal.channels_last)


@rule.register(nn.Conv1d)
@rule.register(nn.Conv2d)
def _convolution(old, new, signal, trace):
    """As a linear layer, at every position of the kernel."""
    if old.groups != 1 or new.groups != 1:
        trace.problem(
            f"{old.groups} groups cannot be widened yet; groups=1 can"
        )
        return signal
    arriving = trace.arriving(signal, old.in_channels, new.in_channels)
    own = trace.widen(old.out_channels, new.out_channels, "channels")
    kernel = (None,) * len(old.kernel_size)
    trace.tensor("weight", trace.out(own), trace.into(arriving), *kernel)
    if old.bias is not None:
        trace.tensor("bias", trace.out(own))
    return Signal(own, channels_last=False)


@rule.register(nn.BatchNorm1d)
@rule.register(nn.BatchNorm2d)
@rule.register(nn.BatchNorm3d)
@rule.register(nn.SyncBatchNorm)
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
    return signal


@rule.register(nn.LayerNorm)
def _layer_norm(old, new, signal, trace):
    """Averages over units, so exact only if each has as many copies.

    Axes before the last (frequency, in SpeechBrain's CNN_Block) do not grow.
    """
    shape, larger = old.normalized_shape, new.normalized_shape
    width = signal.width or identity(shape[-1], "inputs")
    own = trace.arriving(Signal(width), shape[-1], larger[-1])
    if len(own.counts.unique()) > 1:
        times = own.new // own.old
        trace.problem(
            "LayerNorm averages over all units, so each needs equally many "
            f"copies; {own.old} cannot become {own.new}, but "
            f"{own.old * times} and {own.old * (times + 1)} would do"
        )
    if old.elementwise_affine:
        axes = (None,) * (len(shape) - 1)
        trace.tensor("weight", *axes, trace.out(own))
        if old.bias is not None:
            trace.tensor("bias", *axes, trace.out(own))
    return Signal(width, signal.channels_last)
