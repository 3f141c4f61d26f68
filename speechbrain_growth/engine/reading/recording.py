"""Runs a forward and notes each call of a function, in order.

A layer with a rule is one call. The model is a twin, so that counters, running
statistics and random numbers of the living one stay as they are.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from speechbrain_growth.engine.dispatch import name_of
from speechbrain_growth.engine.probe import (
    Seen,
    Watching,
    repeatable,
    tensors_in,
    twin_of,
)

TORCH = os.path.dirname(torch.__file__)
OWN = os.path.dirname(os.path.dirname(__file__))


# What makes of a tensor's values a number that a forward may branch on
VALUES = "item tolist bool int float index equal allclose is_nonzero".split()


@dataclass(frozen=True)
class Ref:
    """Stands for a tensor: its number in ``Recording.tensors``."""

    number: int


class Tensor(NamedTuple):
    """What is known of a tensor.

    Arguments
    ---------
    shape : tuple of int
        Its shape.
    name : str
        Of a parameter, buffer or attribute of the model; empty of others.
    floating : bool
        Whether it holds floating-point numbers.
    number : float
        The one number that it is filled with, if no call returned it: zeros
        that ``torch.Tensor`` made, which cannot be seen. Otherwise None.
    """

    shape: Tuple[int, ...]
    name: str = ""
    floating: bool = True
    number: Optional[float] = None


class Call(NamedTuple):
    """A call of a function, or of a layer with a rule.

    Arguments
    ---------
    kind : str
        ``function``, ``layer``, or ``born`` for a layer that only the larger
        model has.
    name : str
        Of the function, or of the layer in the model.
    args : tuple
        As given, with a ``Ref`` in the place of each tensor.
    kwargs : dict
        The same.
    out : object
        What it returned, with such a ``Ref``.
    scope : str
        Name of the module whose forward makes the call.
    where : str
        File and line of that forward.
    """

    kind: str
    name: str
    args: tuple
    kwargs: Dict[str, Any]
    out: Any
    scope: str
    where: str


class Recording(NamedTuple):
    """All calls of a forward.

    Arguments
    ---------
    calls : list of Call
        In order.
    tensors : list of Tensor
        All that the calls take and return.
    out : object
        What the forward returned, with ``Ref`` in the place of tensors.
    born : dict
        What each block got that only the larger model has: its arguments by
        place, and by name.
    seen : Seen
        What the model computed; all that is left of the numbers.
    """

    calls: List[Call]
    tensors: List[Tensor]
    out: Any
    born: Dict[str, tuple]
    seen: Seen


class Recorder(Watching):
    """Notes each function that is called with tensors while it is active.

    Arguments
    ---------
    model : torch.nn.Module
        Its tensors are known by name.
    is_step : callable
        Takes a module and its name; returns the kind of call that it is, or
        None if its forward is looked into.
    """

    def __init__(self, model, is_step):
        super().__init__()
        self.names = {m: name for name, m in model.named_modules()}
        self.steps = {m: is_step(m, name) for m, name in self.names.items()}
        self.owners = dict(_tensors_of(model))
        self.known = WeakTensorKeyDictionary()  # no activation is kept
        self.calls, self.tensors = [], []
        self.inside, self.scopes, self.born = 0, [""], {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        call = super().__torch_function__
        if self.inside:
            return call(func, types, args, kwargs)
        given = self.refs(args), self.refs(kwargs or {})
        out = call(func, types, args, kwargs)
        name = name_of(func)
        left = args[0] if name == "setitem" else out  # which returns None
        self.note("function", name, *given, left)
        return out

    def refs(self, values):
        """The same values, with a ``Ref`` in the place of each tensor."""
        return tree_map(self._ref, values, is_leaf=_is_packed)

    def _ref(self, value, new=False):
        """The ``Ref`` of a tensor; other values as they are."""
        if _is_packed(value):
            return tuple(self._ref(part, new) for part in value)
        if not isinstance(value, torch.Tensor):
            return value
        if new or value not in self.known:
            self.known[value] = Ref(len(self.tensors))
            name = self.owners.get(id(value), "")
            shape, floating = tuple(value.shape), value.is_floating_point()
            number = None if new or name else _filling(value)
            self.tensors.append(Tensor(shape, name, floating, number))
        return self.known[value]

    def note(self, kind, name, args, kwargs, out):
        """Notes a call; what it returned counts as new, also if in place."""
        if kind == "function" and name not in VALUES and not _has_tensor(out):
            return  # a shape, a device: facts that need no rule
        new = partial(self._ref, new=True)
        out = tree_map(new, out, is_leaf=_is_packed)
        scope, where = self.scopes[-1], _place()
        self.calls.append(Call(kind, name, args, kwargs, out, scope, where))

    def call(self, forward, module, args, kwargs):
        """Calls a module, as one call or looking into it."""
        kind = self.steps.get(module)
        if self.inside or module not in self.names:
            return forward(module, *args, **kwargs)
        if kind is None:
            self.scopes.append(self.names[module])
            try:
                return forward(module, *args, **kwargs)
            finally:
                self.scopes.pop()
        given = self.refs(args), self.refs(kwargs)
        if kind == "born":
            self.born.setdefault(self.names[module], (args, kwargs))
        self.inside += 1
        try:
            out = forward(module, *args, **kwargs)
        finally:
            self.inside -= 1
        self.note(kind, self.names[module], *given, out)
        return out


def record(
    model: nn.Module, run: Callable, is_step: Callable, training: bool = False
) -> Recording:
    """Runs a twin of a model and notes what it does.

    Arguments
    ---------
    model : torch.nn.Module
        Stays as it is.
    run : callable
        Takes the twin, calls it, and returns its outputs.
    is_step : callable
        As for ``Recorder``.
    training : bool
        The mode of the twin.

    Returns
    -------
    Recording

    Example
    -------
    >>> class Twice(nn.Module):
    ...     def forward(self, x):
    ...         return torch.tanh(x) + x
    >>> inputs = torch.ones(2)
    >>> found = record(Twice(), lambda twin: twin(inputs), lambda m, n: None)
    >>> [call.name for call in found.calls]
    ['tanh', 'add']
    """
    model = twin_of(model).train(training)
    recorder = Recorder(model, is_step)
    forward = nn.Module.__call__

    def call(module, *args, **kwargs):
        """As ``torch.nn.Module.__call__``, and noted."""
        return recorder.call(forward, module, args, kwargs)

    with repeatable(), _patched(call), recorder:
        out = run(model)
    seen = Seen(run, tensors_in(out), recorder.dtypes)
    leaves, born = recorder.refs(out), recorder.born
    return Recording(recorder.calls, recorder.tensors, leaves, born, seen)


@contextlib.contextmanager
def _patched(call):
    """Inside this context, every call of a module goes through a function."""
    before, nn.Module.__call__ = nn.Module.__call__, call
    try:
        yield
    finally:
        nn.Module.__call__ = before


def _tensors_of(model):
    """The name of each tensor that a model holds, also outside its state."""
    for prefix, module in model.named_modules():
        held = {**vars(module), **module._buffers, **module._parameters}
        for name, value in held.items():
            if isinstance(value, torch.Tensor):
                yield id(value), ".".join(filter(None, (prefix, name)))


def _has_tensor(values):
    """Whether there is a tensor among nested values."""
    leaves = tree_flatten(values, is_leaf=_is_packed)[0]
    return any(torch.is_tensor(one) or _is_packed(one) for one in leaves)


def _filling(tensor):
    """The one number that a tensor is filled with; None if there are more."""
    with torch._C.DisableTorchFunction():
        if tensor.numel() and (tensor == tensor.flatten()[0]).all():
            return tensor.flatten()[0].item()
    return None


def _is_packed(value):
    """Whether a value is a sequence without padding, taken as a tuple."""
    return isinstance(value, PackedSequence)


def _place():
    """File and line of the forward that is running."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((TORCH, OWN)):
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def leaves_of(values):
    """All leaves of nested values; a slice is one.

    Arguments
    ---------
    values : object
        Tuples, lists, dicts, and what is registered as such.

    Returns
    -------
    list

    Example
    -------
    >>> leaves_of(((1, [2]), {"a": 3}))
    [1, 2, 3]
    """
    return tree_flatten(values)[0]
