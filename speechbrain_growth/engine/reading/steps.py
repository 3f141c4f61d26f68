"""What a rule of a function sees: tensors in both models, axis by axis.

Authors
 * The speechbrain_growth authors 2026
"""

from dataclasses import dataclass, replace
from typing import Any, Optional, Tuple

from speechbrain_growth.engine.maps.plan import Axis
from speechbrain_growth.engine.maps.widths import WidthMap


class Refused(Exception):
    """A step that a growth would change, or may change."""


class Unknown(Refused):
    """A step without a rule."""


@dataclass(frozen=True)
class Two:
    """An argument that differs between the two models."""

    old: Any
    new: Any


@dataclass(frozen=True)
class Value:
    """A tensor in both models.

    Arguments
    ---------
    old : tuple of int
        Its shape in the old model.
    new : tuple of int
        Its shape in the new one. An axis whose size differs grows.
    axes : tuple of WidthMap
        The map of each axis that grows; None for the others, and where it is
        not known.
    own : str
        Name of the model's own tensor that it is, or shows in another shape.
    dims : tuple of int
        For each axis, that of the own tensor; None for one that was added.
    rows : tuple of tuple
        If the maps depend on the position on the first axis, as those of an
        LSTM's last states do: the axes of each position.
    unknown : str
        Why the map of an axis is not known.
    factor : float
        By what its numbers in the new model are multiplied.
    """

    old: Tuple[int, ...]
    new: Tuple[int, ...]
    axes: Tuple[Optional[WidthMap], ...]
    own: str = ""
    dims: Tuple[Optional[int], ...] = ()
    rows: Tuple[tuple, ...] = ()
    unknown: str = ""
    factor: float = 1.0

    def but(self, **changes):
        """The same value, but for some of its fields."""
        return replace(self, **changes)

    @property
    def growing(self):
        """The axes that grow, as positions."""
        sizes = zip(self.old, self.new)
        return [dim for dim, (old, new) in enumerate(sizes) if old != new]

    def size(self, dim):
        """Old and new size of an axis."""
        return self.old[dim], self.new[dim]


def axis_of(dim, value):
    """An axis counted from the first one, as a position.

    Arguments
    ---------
    dim : int
        As given to a function; the same in both models.
    value : Value
        The tensor.

    Returns
    -------
    int
    """
    if isinstance(dim, Two):
        raise Refused("counts axes otherwise in the larger model")
    return dim % len(value.old) if value.old else 0


def is_value(one):
    """Whether an argument is a tensor.

    Arguments
    ---------
    one : object
        Any argument of a step.

    Returns
    -------
    bool
    """
    return isinstance(one, Value)


def is_number(one):
    """Whether an argument is one whole number.

    Arguments
    ---------
    one : object
        Any argument of a step.

    Returns
    -------
    bool
    """
    return type(one) is int


def all_of(step, value):
    """The maps of all axes of a tensor.

    Arguments
    ---------
    step : Step
        Draws those of the model's own tensors.
    value : Value
        The tensor.

    Returns
    -------
    tuple of WidthMap
    """
    return tuple(step.width(value, dim) for dim in range(len(value.old)))


class Step:
    """One call of a function in both models, as its rule sees it.

    Arguments
    ---------
    trace : Trace
        Draws and ties the maps.
    own : dict
        The axes of the model's own tensors, by name and axis; filled here.
    place : str
        Where the call is made; part of the name of what it draws.
    outs : list of Value
        What leaves; only the shapes are known.
    later : float
        By what the next step multiplies what leaves, in the new model more
        than in the old one; None if the step makes no scores of attention.
    """

    def __init__(self, trace, own, place, outs, later=None):
        self.trace, self.own = trace, own
        self.place, self.outs = place, outs
        self.later, self.factor, self.scored = later, 1.0, ()

    @property
    def out(self):
        """The first tensor that leaves."""
        return self.outs[0]

    def refuse(self, why):
        """Ends the step: a growth would change what it computes."""
        raise Refused(why)

    def width(self, value, dim):
        """The map of an axis; None if it does not grow."""
        if value.old[dim] == value.new[dim]:
            return None
        if value.axes[dim] is not None:
            return value.axes[dim]
        if not value.own or value.dims[dim] is None:
            self.refuse(
                f"uses {value.unknown or 'a tensor'}, of which it is not known "
                "how its units grow"
            )
        return self._write(value, value.dims[dim], *value.size(dim))

    def _write(self, value, axis, old, new):
        """The map of an own tensor's axis whose units leave it."""
        label = f"{value.own}[{axis}] units"
        width = self.trace.maps.draw(label, old, new)
        known = self.own[value.own].setdefault(axis, Axis(width, "out"))
        if known.role != "out":
            self._two_roles(value.own)
        return width

    def read(self, value, dim, width):
        """Lets an own tensor's axis share the units that it sums over."""
        axis = Axis(width, "in")
        known = self.own[value.own].setdefault(value.dims[dim], axis)
        if known.role != "in":
            self._two_roles(value.own)
        self.tie(known.width, width)

    def _two_roles(self, name):
        """Refuses a tensor that is copied in one place and shared in another."""
        self.refuse(
            f"sums over an axis of {name} whose units are copied elsewhere "
            "(tied weights); keep that size"
        )

    def tie(self, *widths):
        """The one map that some axes will have; None if there are none."""
        first, *others = [w for w in widths if w is not None] or [None]
        for other in others:
            if (first.old, first.new) != (other.old, other.new):
                self.refuse(
                    f"lets {first} meet {other}, unit by unit; let both grow "
                    "to the same size"
                )
            tied = self.trace.maps.tie(first, other)
            if tied is None:
                self.refuse(
                    f"lets {first} meet {other}, unit by unit, but they are "
                    "laid out differently; add a linear layer before one of "
                    "them"
                )
            first = tied
        return first

    def free(self, dim, old, new):
        """A map for an axis on which all units are alike, as of zeros."""
        return self.trace.maps.draw(f"{self.place}[{dim}] numbers", old, new)

    def formed(self, width, blocks=1, each=1):
        """The map inside of equal blocks, of groups of some units."""
        found = self.trace.maps.formed(width, blocks, each)
        if found is None:
            shape = f"{blocks} equal blocks" if blocks > 1 else ""
            shape += " of " if blocks > 1 and each > 1 else ""
            shape += f"groups of {each}" if each > 1 else ""
            self.refuse(
                f"needs {width} in {shape}, but it cannot be laid out so; use "
                "sizes that are multiples of that"
            )
        return found

    def cut(self, width, sizes):
        """The maps of parts that stand side by side, of some sizes."""
        found = self.trace.maps.cut(width, sizes)
        if found is None:
            parts = ", ".join(f"{old} -> {new}" for old, new in sizes)
            self.refuse(
                f"cuts {width} into parts of {parts}, but it cannot be laid "
                "out so; let each part grow, or keep its size"
            )
        return found

    def along(self, value, dims, what="works along"):
        """Refuses to reduce over, or reorder, units that grow."""
        for dim in dims:
            width = self.width(value, axis_of(dim, value))
            if width is not None:
                self.refuse(
                    f"{what} the axis of {width} (dim={dim}), where copies "
                    "would count several times; keep that size, or use "
                    "another axis"
                )

    def averaged(self, value, dims):
        """Refuses an average over units that do not have equally many copies."""
        for dim in dims:
            width = self.width(value, axis_of(dim, value))
            if width is None:
                continue
            if width.fresh.any() or len(width.counts.unique()) > 1:
                times = width.new // width.old + 1
                self.refuse(
                    f"averages over {width} (dim={dim}), so each needs equally "
                    f"many copies; use {width.old * times}, and copies instead "
                    "of fresh units"
                )
