"""Which sizes of a model can grow by single units, and whose units these are.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional, Tuple

import torch

from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.errors import GrowthError


class Slot(NamedTuple):
    """One number among the sizes of a model, or one that a list may get.

    Arguments
    ---------
    key : str
        The size.
    place : int
        Position in it, if it is a list; else None. That behind the last number
        is of one more, which begins as large as the last.
    layers : tuple of tuple
        The label in the plan, and the number of units, of each layer whose width
        it is. A unit more is one more in each of them.
    born : tuple of str
        The new layers that 1 more adds, if it is no width.
    """

    key: str
    place: Optional[int] = None
    layers: Tuple[Tuple[str, int], ...] = ()
    born: Tuple[str, ...] = ()

    @property
    def labels(self):
        """Where 1 more adds a candidate: the layers, or its own name."""
        return [label for label, _ in self.layers] or [str(self)]

    @property
    def most(self):
        """The most units of one of its layers."""
        return max(units for _, units in self.layers)

    def __str__(self):
        return self.key if self.place is None else f"{self.key}[{self.place}]"


def with_more(sizes, more):
    """Returns sizes in which some slots are larger.

    Arguments
    ---------
    sizes : dict
        All sizes; they stay as they are.
    more : dict
        By how much, by slot. A list gets one number more, whatever stands here.

    Returns
    -------
    dict

    Example
    -------
    >>> with_more({"hidden": [4, 5]}, {Slot("hidden", 1): 2})
    {'hidden': [4, 7]}
    >>> with_more({"hidden": [4]}, {Slot("hidden", 1): 1, Slot("hidden", 0): 2})
    {'hidden': [6, 6]}
    """
    found = dict(sizes)
    # A new number is that of the last, once that has grown
    for slot, units in sorted(more.items(), key=lambda one: one[0].place or 0):
        if slot.place is None:
            found[slot.key] = found[slot.key] + units
        else:
            row = list(found[slot.key])
            if slot.place == len(row):
                row.append(row[-1])
            else:
                row[slot.place] += units
            found[slot.key] = type(found[slot.key])(row)
    return found


def find_slots(old, build, sizes, names, example=None, layers=True):
    """Finds the sizes that can grow by a single unit, or by a single layer.

    Each is tried: a model is built in which it is larger by 1, or, if it is a
    list, has one more number.

    Arguments
    ---------
    old : torch.nn.Module
        The model.
    build : callable
        Takes all sizes, and returns such a model.
    sizes : dict
        All sizes of the model: whole numbers, or lists of them.
    names : list of str
        Those to try; None for all.
    example : object
        As for ``carry``.
    layers : bool
        Whether layers may be added.

    Returns
    -------
    list of Slot
    dict
        Why others cannot, by their name.

    Raises
    ------
    GrowthError
        If none can, or one of ``names`` cannot.

    Example
    -------
    >>> from speechbrain_growth import MLP
    >>> def build(sizes):
    ...     return MLP(2, sizes["hidden"], 3)
    >>> sizes = {"hidden": [4, 5]}
    >>> found, left = find_slots(build(sizes), build, sizes, None)
    >>> [(str(one), one.born) for one in found]
    [('hidden[0]', ()), ('hidden[1]', ()), ('hidden[2]', ('hidden_2',))]
    """
    unknown = [name for name in names or () if name not in sizes]
    if unknown:
        raise GrowthError(
            f"sizes: found {', '.join(unknown)}, which are no sizes of the "
            f"model; use {', '.join(sizes)}"
        )
    found, left, missed = [], {}, []
    for slot in _numbers(sizes, names):
        further = slot.place is not None and slot.place == len(sizes[slot.key])
        if further and not layers:
            continue
        try:
            new = build(with_more(sizes, {slot: 1}))
            plan = plan_of_ties(old, new, example)
        except Exception as error:  # any size is tried, and may break a class
            why = f"cannot grow by one unit or layer: {error}"
        else:
            slot, why = _filled(slot, plan, layers)
        taken = [str(one) for one in found if _overlap(one, slot)]
        if taken and not why:
            why = f"what it adds is also added by {', '.join(taken)}"
        if not why:
            found.append(slot)
            continue
        left[str(slot)] = why
        missed += [str(slot)] * (not further)
    if not found or (names and missed):
        raise GrowthError(
            [f"{name}: {left[name]}" for name in missed or left]
            or ["sizes: there is no whole number that could grow"]
        )
    return found, left


def plan_of_ties(old, new, example=None):
    """Plans a growth in which only units that are tied have equal maps.

    So they have one name. Fresh units would have equal maps everywhere.

    Arguments
    ---------
    old : torch.nn.Module
        The model.
    new : torch.nn.Module
        A larger one.
    example : object
        As for ``carry``.

    Returns
    -------
    Plan
    """
    generator = torch.Generator().manual_seed(0)
    args = Symmetry("shares"), generator
    return trace(old, new, *args, fold=True, example=example)


def _numbers(sizes, names):
    """All numbers of some sizes, and one more of each list."""
    for key, size in sizes.items():
        if names and key not in names:
            continue
        if type(size) is int:
            yield Slot(key)
        elif isinstance(size, (list, tuple)):
            places = [i for i, one in enumerate(size) if type(one) is int]
            yield from (Slot(key, place) for place in places)
            if places and places[-1] == len(size) - 1:
                yield Slot(key, len(size))


def _overlap(one, other):
    """Whether two slots add the same units, or the same layers."""
    return bool({*one.layers} & {*other.layers} or {*one.born} & {*other.born})


def _filled(slot, plan, layers):
    """The slot with what 1 more adds; or why this is no candidate."""
    axes = [a for axes in plan.tensors.values() for a in axes if a is not None]
    grown = [axis.width for axis in axes if not axis.width.is_identity]
    parts = [width.drawn_by for width in grown]
    if any(not width.is_identity for width in plan.outputs):
        return slot, "the outputs of the model grow with it"
    if plan.first_states:
        why = _no_layer(plan, grown, layers)
        return slot._replace(born=tuple(plan.first_states)), why
    if not grown:
        return slot, "nothing grows with it"
    if not all(parts):
        return slot, "what grows with it is drawn by no layer"
    if any(width.gain is not None for width in grown) or plan.normed:
        return slot, "keys of attention, or weights under weight norm, grow"
    keys = {key for row in parts for key, _ in row if key[2] > key[1]}
    several = [key[0] for key in keys if key[2] != key[1] + 1 or not key[1]]
    if several:
        return slot, f"{', '.join(several)} grow by more than one unit"
    found = tuple((label, old) for label, old, _ in sorted(keys))
    return slot._replace(layers=found), ""


def _no_layer(plan, grown, layers):
    """Why the layers that a size adds are no candidate; empty if they are."""
    if not layers:
        return "adds layers, which are left out here"
    if grown:
        return "adds layers, and units beside them"
    if plan.moved:
        names = ", ".join(f"{new} was {old}" for new, old in plan.moved.items())
        return f"adds layers, and renames others ({names}); give them names"
    if plan.promise is Exact.NO:
        return "adds layers that do not begin as identities"
    return ""
