"""How a layer that only the new model has is born.

Growth in depth adds layers to a trained model. There are three ways:

    identity   the layer starts as one (Net2DeeperNet,
               https://arxiv.org/abs/1511.05641)
    gate       x + g f(x) starts at g = 0, with f as it was built
    copy       the layer starts as a copy of the one before it (as in G_stack,
               https://arxiv.org/abs/2405.15319); not exact

Each way is one function for each type of layer, found by ``singledispatch``.
It says what the layer's tensors are, and in one phrase how exact that is.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import singledispatch
from typing import Dict, NamedTuple, Tuple, Union

import torch

from speechbrain_growth.engine.dispatch import spoken_for
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.errors import GrowthError, NoRuleError


class Birth(NamedTuple):
    """What a growth in depth asks for.

    Arguments
    ---------
    way : str
        ``gate``, ``identity`` or ``copy``; None: a gate for layers that have
        one, an identity for others.
    names : tuple of str
        Dotted names of the layers that are born, where types do not tell.
    probe : torch.Tensor
        A batch for the model, on which the batch norms that are born are
        calibrated.
    """

    way: Union[str, None] = None
    names: Tuple[str, ...] = ()
    probe: Union[torch.Tensor, None] = None


class FirstState(NamedTuple):
    """What a layer that only the new model has begins with.

    Arguments
    ---------
    tensors : dict
        For each name in the layer a tensor, or the name of that tensor in the
        new model which it copies. The rest stays as it was built.
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
    """Where a layer is born.

    Arguments
    ---------
    earlier : tuple
        Pairs of a dotted name and a layer: all that stands before it in the
        same container, nearest last.
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
def identity(layer, place):
    """The state in which a layer returns what it gets.

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
        f"{type(layer).__name__} has no birth rule; teach it one with "
        "speechbrain_growth.identity.register"
    )


@singledispatch
def gate(layer, place):
    """The state in which a gate is closed; for arguments see ``identity``."""
    raise GrowthError(
        f"{type(layer).__name__} has no gate; birth: identity or copy would do"
    )


@singledispatch
def copy(layer, place):
    """The state of the layer before it; for arguments see ``identity``."""
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
    return spoken_for(WAYS[way], kind)(layer, place)


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
        The one that is born.
    place : Place
        What stands before it.
    kind : type
        The type that is looked for.

    Returns
    -------
    FirstState
    """
    wanted = layer.state_dict()
    if not wanted:
        return FirstState({}, Exact.NO, f"one more {kind.__name__}")
    found = [
        (".".join(filter(None, (name, inner))), module)
        for name, outer in place.earlier
        for inner, module in outer.named_modules()
        if type(module) is kind
    ]
    if not found:
        raise GrowthError(f"there is no {kind.__name__} before it to copy")
    name, twin = found[-1]
    state = twin.state_dict()
    for key, tensor in wanted.items():
        if key not in state or state[key].shape != tensor.shape:
            size = tuple(state[key].shape) if key in state else "none"
            raise GrowthError(
                f"it cannot be a copy of {name}: {key} would need shape "
                f"{tuple(tensor.shape)}, and there is {size}"
            )
    copies = {key: f"{name}.{key}" for key in wanted}
    return FirstState(copies, Exact.NO, f"a copy of {name}")


def born_tensors(plan, state):
    """Gives, one by one, the tensors that new layers begin with.

    Arguments
    ---------
    plan : Plan
        Says what they are.
    state : dict
        The new model's tensors, those of its old layers as they are to be.

    Yields
    ------
    str
        A name in the new model.
    torch.Tensor
        What that tensor becomes.
    """
    for name, first in plan.first_states.items():
        for key, value in first.tensors.items():
            tensor = state[value] if isinstance(value, str) else value
            yield f"{name}.{key}", tensor
