"""Growth rules for convolutions, grouped and transposed ones too.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import identity, repeat_each
from speechbrain_growth.engine.rules.registry import rule


def _channels(old, new, signal, trace):
    """The two channel axes of a convolution's weight, and its output's map.

    Returns the axis of the output channels, of the input channels as the
    weight has them (those of one group), and the output's map.
    """
    arriving = trace.arriving(signal, old.in_channels, new.in_channels)
    groups, each = old.groups, old.in_channels // old.groups
    if groups == new.groups:
        block = trace.formed(arriving, blocks=groups)
        own = trace.widen(
            old.out_channels, new.out_channels, "channels", groups
        )
        return trace.out(own), trace.into(block), own
    out = old.out_channels // groups
    if (each, out) == (
        new.in_channels // new.groups,
        new.out_channels // new.groups,
    ):
        # Groups are copied, and each reads its own copy: nothing to share
        group = trace.formed(arriving, each=each)
        own = (
            arriving
            if out == each
            else repeat_each(group, out, f"{out} x {arriving.label}")
        )
        return trace.out(own), None, own
    trace.problem(
        f"{groups} groups of {each} -> {out} channels would become "
        f"{new.groups} of {new.in_channels // new.groups} -> "
        f"{new.out_channels // new.groups}; keep the number of groups, or "
        "their size"
    )
    own = identity(old.out_channels)
    return trace.out(own), None, own


@rule.register(nn.Conv1d)
@rule.register(nn.Conv2d)
@rule.register(nn.Conv3d)
def _convolution(old, new, signal, trace):
    """As a linear layer, at every position of the kernel."""
    out, into, own = _channels(old, new, signal, trace)
    kernel = (None,) * len(old.kernel_size)
    trace.tensor("weight", out, into, *kernel)
    return _leaves(old, own, trace)


@rule.register(nn.ConvTranspose1d)
@rule.register(nn.ConvTranspose2d)
@rule.register(nn.ConvTranspose3d)
def _transposed(old, new, signal, trace):
    """The weight has the input channels first, all groups of them."""
    out, into, own = _channels(old, new, signal, trace)
    arriving = trace.arriving(signal, old.in_channels, new.in_channels)
    kernel = (None,) * len(old.kernel_size)
    if into is None:
        trace.tensor("weight", trace.out(arriving), None, *kernel)
    else:
        block = trace.formed(own, blocks=old.groups)
        trace.tensor("weight", trace.into(arriving), trace.out(block), *kernel)
    return _leaves(old, own, trace)


def _leaves(old, own, trace):
    """The bias, and the signal that leaves: channels before positions."""
    if old.bias is not None:
        trace.tensor("bias", trace.out(own))
    return Signal(own, False, len(old.kernel_size) + 2)
