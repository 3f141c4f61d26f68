"""The plan of a growth: for every tensor, what each of its axes copies.

The axis of a weight that holds the layer's own units is its ``out`` axis
(fan-out); the axis of the units that it reads is its ``in`` axis (fan-in).

Authors
 * The speechbrain_growth authors 2026
"""

import re
from enum import IntEnum
from typing import Any, Dict, NamedTuple, Tuple

import torch

from speechbrain_growth.engine.maps.normed import Normed
from speechbrain_growth.engine.maps.widths import WidthMap


class Exact(IntEnum):
    """Whether a grown model computes what the old one did.

    Of several, the largest is the least exact.

    Example
    -------
    >>> print(max(Exact.YES, Exact.IN_EVAL))
    exact in eval, approximate in train once calibrated
    """

    YES = 0
    IN_EVAL = 1
    NO = 2

    def __str__(self):
        return {
            Exact.YES: "exact",
            Exact.IN_EVAL: "exact in eval, approximate in train once "
            "calibrated",
            Exact.NO: "not exact",
        }[self]


class Axis(NamedTuple):
    """How one axis of a tensor grows.

    Arguments
    ---------
    width : WidthMap
        What the axis copies.
    role : str
        ``out`` (fan-out): the layer's own units, whose values are copied.
        ``in`` (fan-in): the units of the layer before; the copies of each
        share its weights.
    """

    width: WidthMap
    role: str

    @property
    def shares(self):
        """Whether the weights of each unit take its share."""
        return (self.width.gains > 0) | (self.role == "in")

    def factor(self, powers):
        """By what the numbers of each unit are multiplied.

        Arguments
        ---------
        powers : tuple
            Power of the share of units that are copied, and of those that are
            shared. A gain takes the second, less the first.

        Returns
        -------
        torch.Tensor
            float64, shape (new units,).

        Example
        -------
        >>> key = WidthMap(torch.tensor([0]), torch.tensor([0.5]), 1)
        >>> Axis(key._replace(gain=torch.tensor([4.0])), "out").factor((0, 1))
        tensor([2.])
        """
        share, (out, into) = self.width.share, powers[:2]
        gain = torch.where(self.width.gains > 0, self.width.gains, 1)
        shared = share**into * gain ** (into - out)
        return torch.where(self.shares, shared, share**out)


def _listed(size):
    """A size as a list."""
    return size if isinstance(size, (list, tuple)) else [size]


def earlier(name, moved):
    """The old name of a tensor or layer, after some layers have moved.

    Arguments
    ---------
    name : str
        Its name in the new model.
    moved : dict
        New name of each layer that moved, and the old one.

    Returns
    -------
    str

    Example
    -------
    >>> earlier("net.4.weight", {"net.4": "net.2"})
    'net.2.weight'
    """
    longest = owner_of(name, moved) or ""
    return moved[longest] + name[len(longest) :] if longest else name


def owner_of(name, layers):
    """The innermost of some layers that a tensor or layer belongs to.

    Arguments
    ---------
    name : str
        Of the tensor or layer.
    layers : iterable of str
        Names of layers.

    Returns
    -------
    str
        None if it belongs to none of them.

    Example
    -------
    >>> owner_of("net.4.weight", ["net", "net.4", "net.44"])
    'net.4'
    """
    inside = [one for one in layers if f"{name}.".startswith(f"{one}.")]
    return max(inside, key=len, default=None)


class Plan(NamedTuple):
    """For every tensor of the new model, what it copies from the old one.

    Arguments
    ---------
    tensors : dict
        For each tensor's name, one ``Axis`` or None (unchanged) for each axis.
        If there is one axis only, it is that of the flattened tensor.
    fresh : tuple of str
        Names of the buffers that the new model keeps as it was built.
    outputs : tuple of WidthMap
        What the axes of the model's outputs copy, at least those that grow.
    first_states : dict
        A ``FirstState`` for each layer that only the new model has.
    moved : dict
        New name of each layer whose name changed, and the old one.
    weights : dict
        For each LayerNorm that will weigh its units: their weights, shape (new
        units,), sum 1, and their axis of its normalized shape.
    loose : dict
        As ``tensors``, of those that are not in the state of the new model.
    scales : dict
        By what some tensors are multiplied, as the larger model multiplies
        what they compute by a smaller number, or a larger one.
    normed : dict
        A ``Normed`` for each direction of weights under weight norm.
    splits : dict
        For each layer whose outputs split, the map of its outputs.
    filled : Filled
        Which new units begin from gradients; None if nothing was filled.
    held : Held
        What ``freeze`` holds of the new model; None if ``carry`` was not told
        to freeze anything.
    """

    tensors: Dict[str, tuple]
    fresh: Tuple[str, ...]
    outputs: Tuple[WidthMap, ...] = ()
    first_states: Dict[str, tuple] = {}
    moved: Dict[str, str] = {}
    weights: Dict[str, tuple] = {}
    loose: Dict[str, tuple] = {}
    scales: Dict[str, float] = {}
    normed: Dict[str, Normed] = {}
    splits: Dict[str, WidthMap] = {}
    filled: Any = None
    held: Any = None

    @property
    def output(self):
        """What the model's first output copies; None if it is not known."""
        return next(iter(self.outputs), None)

    @property
    def born(self):
        """For each layer that only the new model has, how exact it is."""
        return {name: str(state) for name, state in self.first_states.items()}

    @property
    def promise(self):
        """How exact the growth in depth is: as its least exact new layer."""
        states = self.first_states.values()
        return max((state.exact for state in states), default=Exact.YES)

    def birthplace(self, name):
        """The new layer that a tensor or layer belongs to, or None."""
        return owner_of(name, self.first_states)

    def before(self, name):
        """A tensor's name in the old model; None if only the new one has it."""
        if self.birthplace(name) is not None:
            return None
        return earlier(name, self.moved)

    @property
    def changes(self):
        """Names of the tensors that grow."""
        return [
            name
            for name, axes in self.tensors.items()
            if any(axis and not axis.width.is_identity for axis in axes)
        ]

    def text(self, before, after):
        """The plan as text, with the YAML's names of sizes instead of layers'.

        A layer's units get the name of a size if no other size has the same
        values before and after.

        Arguments
        ---------
        before : dict
            Sizes of the old model: integers, or lists of them.
        after : dict
            Sizes of the new model.

        Returns
        -------
        str
        """
        changes = {}
        for key, size in after.items():
            for pair in zip(_listed(before.get(key, size)), _listed(size)):
                changes.setdefault(pair, set()).add(key)
        names = {}
        for axis in (a for axes in self.tensors.values() for a in axes if a):
            width, label = axis.width, axis.width.label
            keys = changes.get((width.old, width.new), ())
            if not width.is_identity and label.count(" ") == 1:
                names[label] = keys
        text = str(self)
        for label, keys in sorted(names.items(), key=lambda n: -len(n[0])):
            if len(keys) == 1:
                text = re.sub(
                    rf"(?<!\S){re.escape(label)} ", f"{min(keys)} ", text
                )
        return text

    def __str__(self):
        lines = []
        for name, axes in self.tensors.items():
            words = ", ".join(
                f"{axis.role} {axis.width}" if axis else "-" for axis in axes
            )
            lines.append(f"{name}: {words or 'copied'}")
        lines += [f"{n}: times {by:.6g}" for n, by in self.scales.items()]
        lines += [
            f"{one.norm}: the norms of weights along {one.direction}"
            for one in self.normed.values()
        ]
        lines += [f"{name}: as the new model has it" for name in self.fresh]
        lines += [f"{name}: born, {words}" for name, words in self.born.items()]
        lines += [f"{new}: was {old}" for new, old in self.moved.items()]
        lines += [
            f"{name}: units weighted, until folded" for name in self.weights
        ]
        lines += [str(self.filled)] * bool(self.filled)
        return "\n".join(lines)
