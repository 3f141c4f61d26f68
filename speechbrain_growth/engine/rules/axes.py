"""Growth rules for layers that work on one axis: pooling, softmax, flatten.

Over positions, each unit stays alone; over the units themselves, copies would
count twice.

Authors
 * The speechbrain_growth authors 2026
"""

from math import prod

from torch import nn

from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.rules.registry import rule

# Layers that work on the positions of each channel: on how many last axes
SPATIAL = {
    getattr(nn, f"{name}{dims}d"): dims
    for dims in (1, 2, 3)
    for name in (
        "MaxPool",
        "AvgPool",
        "LPPool",
        "AdaptiveAvgPool",
        "AdaptiveMaxPool",
        "ZeroPad",
        "ConstantPad",
        "ReflectionPad",
        "ReplicationPad",
        "CircularPad",
    )
    if hasattr(nn, f"{name}{dims}d")
}
SPATIAL[nn.Upsample] = 1
SPATIAL[nn.UpsamplingNearest2d] = SPATIAL[nn.UpsamplingBilinear2d] = 2
SOFTMAX = (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d)


def along(dims, signal, trace):
    """Refuses what reduces over the units, if they grow."""
    if signal.grows and any(signal.is_unit_axis(dim) for dim in dims):
        trace.problem(
            f"reduces over (or may reduce over) the growing axis "
            f"{signal.width}; keep that size, or reduce over another axis"
        )
    return signal


def _spatial(old, new, signal, trace):
    """Pooling, padding and resampling."""
    dims = next(dims for kind, dims in SPATIAL.items() if isinstance(old, kind))
    return along(range(-dims, 0), signal, trace)


for _kind in SPATIAL:
    rule.register(_kind, _spatial)


def _softmax(old, new, signal, trace):
    """Sums over an axis; over copies it would sum more."""
    dim = -3 if isinstance(old, nn.Softmax2d) else old.dim
    return along([dim], signal, trace)


for _kind in SOFTMAX:
    rule.register(_kind, _softmax)


@rule.register(nn.GLU)
def _glu(old, new, signal, trace):
    """Halves: units, then their gates; both halves grow alike."""
    if signal.width is None or not signal.is_unit_axis(old.dim):
        return signal
    return signal._replace(width=trace.formed(signal.width, blocks=2))


@rule.register(nn.Flatten)
def _flatten(old, new, signal, trace):
    """The next layer finds out how often each unit stands."""
    start, end, dims = old.start_dim, old.end_dim, signal.dims
    if start == 0:
        along([1, -1], signal, trace)
    if dims is None:
        rest = (start, end) == (1, -1)
        return signal._replace(dims=2 if rest else None)
    return signal._replace(dims=dims - (end % dims - start % dims))


@rule.register(nn.Unflatten)
def _unflatten(old, new, signal, trace):
    """The axis that grows is the first of the new ones, or the last."""
    shape, larger = old.unflattened_size, new.unflattened_size
    last = shape[:-1] == larger[:-1] and shape != larger
    flat = trace.arriving(signal, prod(shape), prod(larger))
    if last:
        width = trace.formed(flat, blocks=prod(shape[:-1]))
    else:
        width = trace.formed(flat, each=prod(shape[1:]))
    dims = signal.dims and signal.dims + len(shape) - 1
    return Signal(width, last, dims)
