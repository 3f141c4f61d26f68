"""The growth rule for any other class: its forward is read, step by step.

Steps are layers with rules, and the functions of functions.py. Any operation
on values that do not depend on the growing sizes is allowed.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import inspect
import operator
from typing import NamedTuple

from torch import fx, nn

from speechbrain.lobes.models.transformer import Transformer
from speechbrain.nnet import RNN, attention
from speechbrain_growth.engine.dispatch import rule_for
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.rules.functions import FUNCTIONS, METHODS, Shape
from speechbrain_growth.engine.rules.reading import constants, read
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.errors import GrowthError

# Layers that return a tuple; their rule describes its first element
SEVERAL = (
    nn.RNNBase,
    nn.LSTMCell,
    nn.MultiheadAttention,
    RNN.RNN,
    RNN.LSTM,
    RNN.GRU,
    RNN.LiGRU,
    RNN.SLiGRU,
    attention.MultiheadAttention,
    attention.RelPosMHAXL,
    attention.RoPEMHA,
    Transformer.TransformerEncoder,
    Transformer.TransformerEncoderLayer,
)


class State(NamedTuple):
    """What such a layer returns after the first element."""

    of: Signal


def is_step(module):
    """Whether a module is a layer with a rule, or has tensors of its own."""
    known = rule_for(rule, type(module)) is not rule.dispatch(object)
    own = [*module._parameters.values(), *module._buffers.values()]
    return known or any(tensor is not None for tensor in own)


@rule.register(object)
def _own_forward(old, new, signal, trace):
    """Any other module, if its forward can be read and every step is known."""
    try:
        ways = [*zip(read(old, is_step), read(new, is_step))]
    except GrowthError as error:
        trace.no_rule(old, f"its forward {error}")
        return signal
    leaving = [_walk(*way, (old, new), signal, trace) for way in ways]
    return leaving[0]


def _walk(before, after, models, signal, trace):
    """Goes through the steps of both models; returns what leaves."""
    if [(s.op, s.target) for s in before] != [(s.op, s.target) for s in after]:
        trace.problem(
            "its forward takes other steps in the larger model; put layers "
            "that are added into a Sequential"
        )
        return signal
    inputs, values = [signal], {}
    for step, larger in zip(before, after):
        if constants(step) != constants(larger):
            trace.problem(
                f"its forward gives {step.name} {constants(step)}, and in the "
                f"larger model {constants(larger)}; keep that number"
            )
        if step.op == "placeholder":
            values[step] = inputs.pop() if inputs else Signal(None)
        elif step.op == "get_attr":
            values[step] = _tensor(step.target, *models, trace)
        elif step.op == "call_module":
            values[step] = _layer(step, values, *models, trace)
        elif step.op != "output":
            values[step] = _function(step, values, models[0], trace)
    left = [values[node] for node in before[-1].all_input_nodes]
    left = [value for value in left if isinstance(value, Signal)]
    return left[0] if left else Signal(None)


def _tensor(name, old, new, trace):
    """A tensor of the module's own, which must not grow."""
    one, other = (_attribute(model, name) for model in (old, new))
    if one.shape != other.shape:
        trace.no_rule(old, f"its tensor {name} grows")
    elif name in old.state_dict():
        trace.tensor(name, *[None] * one.ndim)
    return 1.0 if one.numel() == 1 else Signal(None)  # a number, of any value


def _attribute(model, name):
    """The attribute with a dotted name."""
    return functools.reduce(getattr, name.split("."), model)


def _layer(step, values, old, new, trace):
    """A layer with a rule; only its first argument may grow."""
    pair = (model.get_submodule(step.target) for model in (old, new))
    arrives, *others = [values[node] for node in step.all_input_nodes]
    if not isinstance(arrives, Signal) or any(map(_grows, others)):
        trace.problem(
            f"its forward gives {step.target} more than one signal that "
            "grows; give it one, as the first argument"
        )
        arrives = Signal(None)
    return trace.child(step.target, *pair, arrives)


def _function(step, values, old, trace):
    """A function, or a method of a tensor."""
    args, kwargs = fx.map_arg((step.args, step.kwargs), values.get)
    given = [values[node] for node in step.all_input_nodes]
    if _is_tuple(step.args, old):
        return args[0] if args[1] == 0 else State(args[0])
    if step.target is operator.getitem and isinstance(args[0], State):
        return args[0]
    table = FUNCTIONS if step.op == "call_function" else METHODS
    found = table.get(step.target)
    if not any(isinstance(one, State) for one in given):
        if found is not None and _takes(found, trace, *args, **kwargs):
            return found(trace, *args, **kwargs)
    grown = [value for value in given if _grows(value)]
    if not grown:
        return Signal(None)
    trace.no_rule(old, f"its forward uses {step.name}")
    return grown[0] if isinstance(grown[0], Signal) else grown[0].of


def _takes(function, *args, **kwargs):
    """Whether a function has these arguments."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _grows(value):
    """Whether a value is larger in the new model."""
    if isinstance(value, (State, Shape)):
        value = value.of
    return isinstance(value, Signal) and value.grows


def _is_tuple(args, old):
    """Whether a step takes one element of what a layer returned."""
    source = args[0] if len(args) == 2 else None
    return (
        isinstance(source, fx.Node)
        and source.op == "call_module"
        and isinstance(args[1], int)
        and isinstance(old.get_submodule(source.target), SEVERAL)
    )
