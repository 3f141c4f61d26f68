"""How a layer begins that only the new model has.

Growth in depth adds layers to a trained model. There are three ways:

    identity   the layer returns its input (Net2DeeperNet,
               https://arxiv.org/abs/1511.05641)
    gate       x + g f(x) begins with g = 0, and f as it was built
    copy       the layer begins as a copy of the one before it (as in G_stack,
               https://arxiv.org/abs/2405.15319); not exact

Each way is one function for each type of layer, found by ``singledispatch``.
It returns the layer's first state, which says how exact it is.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import singledispatch
from typing import Dict, NamedTuple, Tuple, Union

import torch

from speechbrain_growth.engine.dispatch import rule_for
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError, NoRuleError


class Birth(NamedTuple):
    """What a growth in depth asks for.

    Arguments
    ---------
    way : str
        ``gate``, ``identity`` or ``copy``; None: a gate for layers that have
        one, an identity for others.
    names : tuple of str
        Dotted names of the new layers, where types do not tell which they are.
    probe : torch.Tensor
        A batch for the model, on which new batch norms are calibrated.
    """

    way: Union[str, None] = None
    names: Tuple[str, ...] = ()
    probe: Union[torch.Tensor, None] = None


class FirstState(NamedTuple):
    """What a layer that only the new model has begins with.

    Arguments
    ---------
    tensors : dict
        For each name in the layer a tensor, or the name of the tensor of the
        new model that it copies. Other tensors stay as they were built.
    exact : Exact
        Whether the new model still computes what the old one did.
    note : str
        Why it does not.
    """

    tensors: Dict[str, Union[torch.Tensor, str]]
    exact: Exact = Exact.YES
    note: str = ""

    def __str__(self):
        return f"{self.exact}: {self.note}" if self.note else str(self.exact)


class Place(NamedTuple):
    """Where a new layer stands.

    Arguments
    ---------
    earlier : tuple
        Pairs of a dotted name and a layer: those before it in the same
        container, nearest last.
    grown : tuple
        The layers among them that the old model has, too.
    """

    earlier: tuple = ()
    grown: tuple = ()

    def after(self, name, layer, grown):
        """The place behind one more layer."""
        return Place(
            (*self.earlier, (name, layer)),
            (*self.grown, layer) if grown else self.grown,
        )


@singledispatch
def identity(layer: torch.nn.Module, place: Place) -> FirstState:
    """The layer returns its input, as in Net2DeeperNet.

    Arguments
    ---------
    layer : torch.nn.Module
        As the new model has it.
    place : Place
        What stands before it.

    Returns
    -------
    FirstState

    Raises
    ------
    GrowthError
        If the layer cannot be an identity there.
    """
    raise NoRuleError(
        f"{type(layer).__name__} has no rule to begin as an identity; write "
        "one and register it by speechbrain_growth.identity.register"
    )


@singledispatch
def gate(layer, place):
    """The gate of the block is closed, so that it returns its input.

    Arguments and errors are those of ``identity``.
    """
    raise GrowthError(
        f"{type(layer).__name__} has no gate; use birth: identity or copy"
    )


@singledispatch
def copy(layer, place):
    """The layer is a copy of the one before it, which is not exact.

    Arguments and errors are those of ``identity``.
    """
    return copy_of(layer, place, type(layer))


WAYS = {"gate": gate, "identity": identity, "copy": copy}


def first_state(layer, place, way=None):
    """Returns the first state of a layer.

    Arguments
    ---------
    layer : torch.nn.Module
        As the new model has it.
    place : Place
        What stands before it.
    way : str
        As in ``Birth``.

    Returns
    -------
    FirstState

    Example
    -------
    >>> first_state(torch.nn.Linear(2, 2), Place()).tensors["weight"]
    tensor([[1., 0.],
            [0., 1.]])
    """
    kind = type(layer)
    if way is None:
        way = "identity" if gate.dispatch(kind) is _ungated else "gate"
    return rule_for(WAYS[way], kind)(layer, place)


_ungated = gate.dispatch(object)


def first_states(layers, old, names, way=None):
    """The first states of the new layers in one container.

    Arguments
    ---------
    layers : dict
        Layers of the new model by name, in order.
    old : dict
        Its keys are the names of those that the old model has, too.
    names : dict
        Dotted name of each layer.
    way : str
        As in ``Birth``.

    Returns
    -------
    dict
        A ``FirstState`` for each dotted name.
    list
        Pairs of a dotted name and the error that was raised for it.
    """
    states, wrong, place = {}, [], Place()
    for name, layer in layers.items():
        if name not in old:
            try:
                states[names[name]] = first_state(layer, place, way)
            except GrowthError as error:
                wrong.append((names[name], error))
        place = place.after(names[name], layer, name in old)
    return states, wrong


def copy_of(layer, place, kind):
    """The state of the last layer of one type before this one.

    Arguments
    ---------
    layer : torch.nn.Module
        The new layer.
    place : Place
        What stands before it.
    kind : type
        The type that is looked for.

    Returns
    -------
    FirstState
    """
    wanted = state_of(layer)
    if not wanted:
        return FirstState({}, Exact.NO, f"one more {kind.__name__}")
    found = [
        (".".join(filter(None, (name, inner))), module)
        for name, outer in place.earlier
        for inner, module in outer.named_modules()
        if type(module) is kind
    ]
    if not found:
        raise GrowthError(
            f"there is no {kind.__name__} before it to copy; use birth: "
            "identity or gate"
        )
    name, twin = found[-1]
    state = state_of(twin)
    for key, tensor in wanted.items():
        if key not in state or state[key].shape != tensor.shape:
            size = tuple(state[key].shape) if key in state else "none"
            raise GrowthError(
                f"it cannot be a copy of {name}: {key} needs shape "
                f"{tuple(tensor.shape)}, but there is {size}; let both layers "
                "have the same sizes"
            )
    copies = {key: f"{name}.{key}" for key in wanted}
    return FirstState(copies, Exact.NO, f"a copy of {name}")


def born_tensors(plan, state):
    """Gives, one by one, the tensors that new layers begin with.

    Arguments
    ---------
    plan : Plan
        Has the first states.
    state : dict
        The new model's tensors, after those of the old layers were carried.

    Yields
    ------
    str
        A name in the new model.
    torch.Tensor
        The first value of that tensor.
    """
    for name, first in plan.first_states.items():
        for key, value in first.tensors.items():
            tensor = state[value] if isinstance(value, str) else value
            yield f"{name}.{key}", tensor
