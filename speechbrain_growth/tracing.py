"""Walks an old and a new model side by side and writes the plan of a growth.

Every type of layer has one rule, found by ``singledispatch``. A rule reads the
widths that arrive, says what each axis of the layer's tensors copies, and
returns the widths that leave. Nothing is changed here; whatever does not fit
is collected and raised at once.

A new type of layer is taught in a few lines:

    @rule.register(MyScale)
    def _my_scale(old, new, signal, trace):
        trace.tensor("scale", trace.out(signal.width))
        return signal

Authors
 * The speechbrain_growth authors 2026
"""

from functools import singledispatch
from typing import NamedTuple

import torch

from speechbrain_growth import widths
from speechbrain_growth.errors import GrowthError, NoRuleError
from speechbrain_growth.plan import Axis, Plan


class Signal(NamedTuple):
    """What flows between two layers.

    Arguments
    ---------
    width : WidthMap
        The units (features, channels) of the signal; None if the first layer
        is still to say how many there are.
    channels_last : bool
        How (position, channel) is flattened: channel innermost, as
        SpeechBrain does, or outermost, as ``torch.nn.Flatten`` does.
    """

    width: widths.WidthMap
    channels_last: bool = True


@singledispatch
def rule(old, new, signal, trace):
    """Plans one layer; there is one for each type.

    Arguments
    ---------
    old : torch.nn.Module
        The layer as it is.
    new : torch.nn.Module
        The same layer of the larger model.
    signal : Signal
        What arrives.
    trace : Trace
        Takes the axes of each tensor.

    Returns
    -------
    Signal
        What leaves.
    """
    trace.unknown.append(f"{trace.name}: {type(old).__name__}")
    return signal


class Trace:
    """Collects the plan, and everything that is wrong, during one walk.

    Arguments
    ---------
    generator : torch.Generator
        Draws which units are copied, and their shares.
    equal : bool
        Gives all copies of a unit the same share.
    """

    def __init__(self, generator=None, equal=False):
        self.generator = generator
        self.equal = equal
        self.tensors, self.fresh = {}, []
        self.problems, self.unknown = [], []
        self.path = []

    @property
    def name(self):
        """Dotted name of the layer that is looked at."""
        return ".".join(self.path) or "model"

    def problem(self, text):
        """Notes what does not fit at this layer."""
        self.problems.append(f"{self.name}: {text}")

    def tensor(self, name, *axes):
        """Plans one tensor of this layer."""
        self.tensors[".".join([*self.path, name])] = axes

    def keep_fresh(self, *names):
        """Notes buffers that the new model keeps as it was built."""
        self.fresh += [".".join([*self.path, name]) for name in names]

    @staticmethod
    def out(width):
        """Axis of the layer's own units."""
        return Axis(width, "out")

    @staticmethod
    def into(width):
        """Axis of the units of the layer before."""
        return Axis(width, "in")

    def child(self, name, old, new, signal):
        """Plans a layer inside this one."""
        self.path.append(name)
        signal = self.layer(old, new, signal)
        self.path.pop()
        return signal

    def layer(self, old, new, signal):
        """Plans a layer by the rule of its type, if that rule speaks for it.

        A subclass with a forward of its own may do anything, so it needs a
        rule of its own.
        """
        kind = type(old)
        if kind is not type(new):
            self.problem(
                f"was {kind.__name__} and would become "
                f"{type(new).__name__}; growth keeps the type of a layer"
            )
            return signal
        known = next(k for k in kind.__mro__ if k in rule.registry)
        if known is not object and kind.forward is not known.forward:
            known = object
        return rule.dispatch(known)(old, new, signal, self)

    def chain(self, old, new, signal):
        """Plans named children one after the other."""
        if list(old) != list(new):
            extra = sorted(set(old) ^ set(new))
            self.problem(
                f"the layers {', '.join(extra)} stand in one model only; "
                "widening keeps the layers as they are"
            )
            return signal
        for name in old:
            signal = self.child(name, old[name], new[name], signal)
        return signal

    def widen(self, old, new, what="units"):
        """Draws the map of a layer's own units."""
        if new < old:
            self.problem(
                f"{old} {what} cannot shrink to {new}; growth only adds {what}"
            )
            return widths.identity(old)._replace(
                source=torch.arange(new), share=torch.ones(new).double()
            )
        return widths.widen(
            old, new, self.generator, self.equal, f"{self.name} {what}"
        )

    def arriving(self, signal, old, new):
        """The signal's map as the layer's inputs have it, flattened or not."""
        width = signal.width or widths.identity(old, "inputs")
        times = old // width.old
        if times * width.old != old or times * width.new != new:
            self.problem(
                f"takes {old} inputs, then {new}, but {width.old} units, then "
                f"{width.new}, arrive; inputs must be a whole multiple of them"
            )
            return widths.identity(old, "inputs")
        if times == 1:
            return width
        flatten = widths.replicate if signal.channels_last else widths.spread
        return flatten(width, times, f"{times} x {width.label}")


def trace(old, new, generator=None, equal=False):
    """Plans the growth of ``old`` into ``new``; changes nothing.

    Arguments
    ---------
    old : torch.nn.Module
        The model as it is: a module, or a ``ModuleDict`` in signal order.
    new : torch.nn.Module
        The same model built with larger sizes.
    generator : torch.Generator
        Draws which units are copied, and their shares.
    equal : bool
        Gives all copies of a unit the same share.

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
    walk = Trace(generator, equal)
    signal = walk.layer(old, new, Signal(None))
    if walk.unknown:
        raise NoRuleError(
            [
                f"{layer} has no growth rule; teach it one with "
                "speechbrain_growth.tracing.rule.register"
                for layer in walk.unknown
            ]
        )
    problems = walk.problems or _unexplained(old, new, walk)
    if problems:
        raise GrowthError(problems)
    return Plan(walk.tensors, tuple(walk.fresh), signal.width)


def _unexplained(old, new, walk):
    """Tensors whose shapes the plan does not account for."""
    before, after = old.state_dict(), new.state_dict()
    problems = []
    for name in sorted(set(before) | set(after)):
        if name in walk.fresh:
            continue
        if name not in before or name not in after:
            problems.append(f"{name}: stands in one of the two models only")
        elif name not in walk.tensors:
            problems.append(f"{name}: no rule says what becomes of this tensor")
        elif not _fits(walk.tensors[name], before[name], after[name]):
            problems.append(
                f"{name}: {tuple(before[name].shape)} would become "
                f"{tuple(after[name].shape)}, which the plan does not explain"
            )
    return problems


def _fits(axes, before, after):
    """Whether axes explain how one tensor's shape becomes another's."""
    axes = axes or (None,) * before.ndim
    return len(axes) == before.ndim == after.ndim and all(
        (b, a) == ((axis.width.old, axis.width.new) if axis else (b, b))
        for axis, b, a in zip(axes, before.shape, after.shape)
    )
