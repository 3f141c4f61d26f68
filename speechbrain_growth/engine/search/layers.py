"""New layers as candidates: each is an identity plus a gate times something.

A layer begins as any new layer does, so that it returns its input. Its gate e
moves the weights that make it do so by e d. A block x + g f(x) gets g = e d, and
an identity matrix becomes I + e d: at first order both are I + e h. What they make
of the input, such as f, is trained with d, and does not depend on e.

Directions have the shape that the layer has at the present width. In a model
with more units, those of a split unit do as it did, and other new units pass by.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch
from torch.nn.modules.batchnorm import _NormBase

from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.maps.plan import owner_of
from speechbrain_growth.engine.search.slots import plan_of_ties
from speechbrain_growth.engine.tracing import trace, traced
from speechbrain_growth.engine.transfer import grown_weight

FRESH = Symmetry("fresh")


class Part(NamedTuple):
    """A parameter of a new layer.

    Arguments
    ---------
    gate : int
        Number of the candidate.
    opens : bool
        Whether the first state of the layer sets it, and so the gate moves it.
    built : torch.Tensor
        Its value as built.
    scale : float
        Root of the mean square of its first value; if that is 0, as it was
        built, or else 1.
    step : torch.Tensor
        The direction, relative to ``scale``; what is added to it as built if the
        gate does not move it.
    """

    gate: int
    opens: bool
    built: torch.Tensor
    scale: float
    step: torch.Tensor


class NewLayers:
    """The layers that a model may get, and their directions, which begin at 0.

    Batch norms that begin as an identity stay as they begin: a growth sets them
    once more, from a batch.

    Arguments
    ---------
    old : torch.nn.Module
        The present model.
    deeper : torch.nn.Module
        The same with all these layers, as built.
    slots : list of Slot
        Those that add layers; a candidate for each.
    first : int
        Number of the first candidate.
    example : object
        As for ``carry``.

    Attributes
    ----------
    count : int
        How many candidates there are.
    parts : dict
        A ``Part`` for each parameter with a direction, by name.
    """

    def __init__(self, old, deeper, slots, first, example=None):
        self.count, self.parts = len(slots), {}
        states = trace(old, deeper, example=example).first_states
        gates = {
            layer: first + number
            for number, slot in enumerate(slots)
            for layer in slot.born
        }
        for name, value in deeper.named_parameters():
            layer = owner_of(name, gates)
            if layer is None:
                continue
            begins = states[layer].tensors.get(name[len(layer) + 1 :])
            owner = deeper.get_submodule(name.rpartition(".")[0])
            if begins is not None and isinstance(owner, _NormBase):
                continue
            built = value.detach().clone()
            scale, opens = _size(built), begins is not None
            if opens:
                scale = _size(begins) or scale or 1.0
            step = torch.zeros_like(built).requires_grad_(True)
            self.parts[name] = Part(gates[layer], opens, built, scale, step)

    @property
    def leaves(self):
        """All directions."""
        return [part.step for part in self.parts.values()]

    def tensors(self, gates, places):
        """Returns the parameters of these layers in some model.

        Arguments
        ---------
        gates : torch.Tensor
            Shape (candidates,).
        places : dict
            From ``placed``, for that model.

        Returns
        -------
        dict
            By name; they depend on gates and directions.
        """
        found = {}
        for name, (axes, begins) in places.items():
            part = self.parts.get(name)
            if part is None:
                continue
            step = part.scale * part.step
            if part.opens:
                still = torch.zeros_like(begins)
                value = begins + _grown(gates[part.gate] * step, axes, still)
            else:
                value = _grown(part.built + step, axes, begins)
            found[name] = value
        return found

    def bound(self):
        """Shortens directions whose root mean square, over a layer, is above 1."""
        together = {}
        for part in self.parts.values():
            together.setdefault((part.gate, part.opens), []).append(part.step)
        with torch.no_grad():
            for steps in together.values():
                size = _size(torch.cat([one.flatten() for one in steps]))
                for one in steps:
                    one.div_(max(size, 1.0))


def placed(old, deeper, model, units, example=None):
    """Where the weights of new layers stand in a model with more units.

    Arguments
    ---------
    old : torch.nn.Module
        The present model.
    deeper : torch.nn.Module
        The same with the new layers.
    model : torch.nn.Module
        With the new layers and more units, as built.
    units : dict
        Parents of its new units, as for ``carry`` of ``old`` into it.
    example : object
        As for ``carry``.

    Returns
    -------
    dict
        By name of a parameter of a new layer: its axes, from ``deeper`` to
        ``model``, and the value that it begins with there.
    dict
        The weights of units in the LayerNorms of the new layers, as in ``Plan``.
    """
    args = None, True, example, None
    plan = traced(old, model, (FRESH, None, units), *args)[0]
    # A new layer that passes units on has units of its own in this plan
    apart = plan_of_ties(deeper, model, example)
    same = {}
    for name, axes in plan.tensors.items():
        for one, other in zip(axes, apart.tensors[name]):
            if one is not None and other is not None:
                parts = (other.width.drawn_by or (), one.width.drawn_by or ())
                same.update({b[0]: a[0] for (b, _), (a, _) in zip(*parts)})
    known = {own: units[label] for own, label in same.items() if label in units}
    wide = traced(deeper, model, (FRESH, None, known), *args)[0]
    places = {}
    for name, value in model.named_parameters():
        layer = plan.birthplace(name)
        if layer is not None:
            first = plan.first_states[layer].tensors
            begins = first.get(name[len(layer) + 1 :], value).detach()
            places[name] = wide.tensors[name], begins.to(value)
    weights = {n: w for n, w in wide.weights.items() if plan.birthplace(n)}
    return places, weights


def _grown(tensor, axes, begins):
    """A tensor along axes; what belongs to fresh units is as it begins."""
    if len(axes) == 1:
        tensor, flat = tensor.flatten(), begins.flatten()
        return grown_weight(tensor, axes, flat).view_as(begins)
    return grown_weight(tensor, axes, begins)


def _size(tensor):
    """Root of the mean square."""
    return float(tensor.double().square().mean().sqrt())
