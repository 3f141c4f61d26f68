"""Growth rules for functions that a forward calls, such as ``torch.relu``.

A rule has the arguments of its function, with a ``Signal`` in the place of each
tensor. Methods of tensors have the rule of the function of that name.

Authors
 * The speechbrain_growth authors 2026
"""

import builtins
import functools
import operator
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_growth.engine.dispatch import rule_for
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import concat
from speechbrain_growth.engine.rules.axes import along
from speechbrain_growth.engine.rules.registry import rule

UNIT_BY_UNIT = """
    abs alpha_dropout celu clone contiguous cos dropout dropout1d dropout2d
    dropout3d elu exp feature_alpha_dropout gelu hardshrink hardsigmoid
    hardswish hardtanh leaky_relu log1p logsigmoid mish neg relu relu6 selu
    sigmoid silu sin softplus softshrink softsign square tanh tanhshrink
    threshold
"""
POOLS = "avg max adaptive_avg adaptive_max"
FUNCTIONS, METHODS = {}, {}


class Size(NamedTuple):
    """How long one axis of a signal is."""

    axis: int


class Shape(NamedTuple):
    """All sizes of a signal."""

    of: Signal


def _function_rule(names):
    """Registers a rule for functions, and for methods, of some names."""

    def register(found):
        """Takes the rule."""
        for name in names.split():
            METHODS[name] = found
            for module in (torch, F, operator, builtins):
                if hasattr(module, name):
                    FUNCTIONS[getattr(module, name)] = found
        return found

    return register


@_function_rule(UNIT_BY_UNIT + " relu_ tanh_ sigmoid_")
def _unit_by_unit(trace, input, *args, **kwargs):
    """Every unit alone; other arguments are numbers."""
    return input


@_function_rule("add add_ iadd sub sub_ isub mul mul_ imul truediv div div_")
def _meet(trace, input, other, *, alpha=1, rounding_mode=None):
    """Two signals, unit by unit; or a signal and a number."""
    if not (isinstance(input, Signal) and isinstance(other, Signal)):
        return input if isinstance(input, Signal) else other
    if not (input.grows or other.grows):
        return input if other.width is None else other
    known = {signal.dims for signal in (input, other)} - {None}
    if len(known) > 1 or input.channels_last != other.channels_last:
        trace.problem(
            f"{input.width} and {other.width} meet, but their axes differ or "
            "are unknown; give both the same shape"
        )
    grows, other = (input, other) if input.grows else (other, input)
    return trace.tie(grows, other)._replace(dims=next(iter(known), None))


@_function_rule("flatten")
def _flatten(trace, input, start_dim=0, end_dim=-1):
    """As the layer of that name."""
    layer = nn.Flatten(start_dim, end_dim)
    return rule_for(rule, nn.Flatten)(layer, layer, input, trace)


@_function_rule("view reshape")
def _view(trace, input, *shape):
    """Of a growing signal, only all axes after the first, or the first two."""
    listed = isinstance(shape[0], (list, tuple)) and type(shape[0]) is not Size
    *kept, rest = shape[0] if listed else shape
    axes = [size.axis for size in kept if isinstance(size, Size)]
    known = axes == [*range(len(kept))] and rest == -1
    if input.grows and not (known and (len(kept) == 1 or input.dims)):
        trace.problem(
            f"gives {input.width} another shape; use torch.flatten, or "
            "view(x.size(0), -1)"
        )
        return input
    return _flatten(trace, input, len(kept)) if known else Signal(None)


@_function_rule("size")
def _size(trace, input, dim=None):
    """All sizes, or one; the number of units must not be read."""
    if dim is None:
        return Shape(input)
    along([dim], input, trace)
    return Size(dim)


@_function_rule("getattr")
def _attribute(trace, input, name):
    """The shape; or what does not depend on it."""
    if name in ("device", "dtype", "ndim"):
        return Signal(None)
    if name != "shape" and input.grows:
        trace.problem(f"reads .{name} of {input.width}; use .shape")
    return Shape(input)


@_function_rule("transpose swapaxes")
def _transpose(trace, input, dim0, dim1):
    """Exchanges two axes."""
    order = list(range(input.dims or 2))
    if input.dims:
        order[dim0], order[dim1] = order[dim1], order[dim0]
    return _permute(trace, input, order)


@_function_rule("permute")
def _permute(trace, input, *dims):
    """Reorders axes; the units must be the second or the last of them."""
    order = dims[0] if isinstance(dims[0], (tuple, list)) else dims
    if not input.grows:
        return Signal(None)
    if input.dims == len(order):
        units = input.dims - 1 if input.channels_last else 1
        units = [dim % input.dims for dim in order].index(units)
        if units in (1, input.dims - 1):
            return input._replace(channels_last=units == input.dims - 1)
    trace.problem(
        f"moves (or may move) the axis of {input.width}; make that axis the "
        "second or the last of a known number of axes"
    )
    return input


@_function_rule("mean sum amax amin")
def _reduce(trace, input, dim=None, keepdim=False):
    """Over positions."""
    dims = list(dim) if isinstance(dim, (tuple, list)) else [dim]
    along([1, -1] if 0 in dims else dims, input, trace)
    left = input.dims and input.dims - (0 if keepdim else len(dims))
    return input._replace(dims=left)


@_function_rule("softmax log_softmax softmin")
def _softmax(trace, input, dim=None, dtype=None, **kwargs):
    """As the layer of that name."""
    return along([dim], input, trace)


@_function_rule("cat concatenate")
def _concatenate(trace, tensors, dim=0):
    """Units side by side, or positions behind each other."""
    first = tensors[0]
    if not any(signal.grows for signal in tensors):
        return Signal(None)
    alike = {(s.channels_last, s.dims) for s in tensors}
    if len(alike) > 1 or any(s.width is None for s in tensors):
        trace.problem(
            "joins signals whose axes differ, or whose number of units is "
            "unknown here; join outputs of layers, of the same shape"
        )
        return first
    if not first.is_unit_axis(dim):
        for signal in tensors[1:]:
            first = trace.tie(first, signal)
        return first
    if dim != (-1 if first.channels_last else 1) and first.dims is None:
        along([dim], first, trace)
    label = "; ".join(signal.width.label for signal in tensors)
    width = concat(*(s.width for s in tensors), label=f"[{label}]")
    return first._replace(width=width)


@_function_rule("getitem")
def _index(trace, input, index):
    """Some positions; or one of the sizes that ``shape`` gave."""
    if isinstance(input, Shape):
        return _size(trace, input.of, index)
    if not input.grows:
        return input if input.width is None else Signal(None)
    items = index if isinstance(index, tuple) else (index,)
    axes = [axis for axis, item in enumerate(items) if item != slice(None)]
    odd = [i for i in items if not isinstance(i, (int, slice))]
    along([1, -1] if odd or 0 in axes else axes, input, trace)
    gone = sum(isinstance(item, int) for item in items)
    return input._replace(dims=input.dims and input.dims - gone)


def _pool(trace, input, *args, dims, **kwargs):
    """Pools over some last axes, as the layers of these names."""
    return along(range(-dims, 0), input, trace)


for _dims in (1, 2, 3):
    _names = " ".join(f"{kind}_pool{_dims}d" for kind in POOLS.split())
    _function_rule(_names)(functools.partial(_pool, dims=_dims))
