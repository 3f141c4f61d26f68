"""Which sizes of a model can grow by single units, and whose units these are.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional, Tuple

from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.errors import GrowthError


class Slot(NamedTuple):
    """One number among the sizes of a model.

    Arguments
    ---------
    key : str
        The size.
    place : int
        Position in it, if it is a list; else None.
    layers : tuple of tuple
        The label in the plan, and the number of units, of each layer whose width
        it is. A unit more is one more in each of them.
    """

    key: str
    place: Optional[int] = None
    layers: Tuple[Tuple[str, int], ...] = ()

    @property
    def most(self):
        """The most units of one of its layers."""
        return max(units for _, units in self.layers)

    def __str__(self):
        return self.key if self.place is None else f"{self.key}[{self.place}]"


def with_more(sizes, more):
    """Returns sizes in which some slots have more units.

    Arguments
    ---------
    sizes : dict
        All sizes; they stay as they are.
    more : dict
        How many units more, by slot.

    Returns
    -------
    dict

    Example
    -------
    >>> with_more({"hidden": [4, 5]}, {Slot("hidden", 1): 2})
    {'hidden': [4, 7]}
    """
    found = dict(sizes)
    for slot, units in more.items():
        if slot.place is None:
            found[slot.key] = found[slot.key] + units
        else:
            row = list(found[slot.key])
            row[slot.place] += units
            found[slot.key] = type(found[slot.key])(row)
    return found


def find_slots(old, build, sizes, names, example=None):
    """Finds the sizes that can grow by a single unit.

    Each is tried: a model is built in which it is larger by 1.

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
    >>> [str(one) for one in find_slots(build(sizes), build, sizes, None)[0]]
    ['hidden[0]', 'hidden[1]']
    """
    unknown = [name for name in names or () if name not in sizes]
    if unknown:
        raise GrowthError(
            f"sizes: found {', '.join(unknown)}, which are no sizes of the "
            f"model; use {', '.join(sizes)}"
        )
    found, left = [], {}
    for slot in _numbers(sizes, names):
        try:
            new = build(with_more(sizes, {slot: 1}))
            plan = trace(
                old, new, Symmetry("fresh"), fold=True, example=example
            )
        except Exception as error:  # any size is tried, and may break a class
            left[str(slot)] = f"cannot grow by one unit: {error}"
            continue
        layers, why = _layers(plan)
        taken = [str(one) for one in found if {*one.layers} & {*layers}]
        if taken:
            why = f"its units are also those of {', '.join(taken)}"
        if why:
            left[str(slot)] = why
        else:
            found.append(slot._replace(layers=layers))
    if not found or (names and left):
        raise GrowthError(
            [f"{name}: {why}" for name, why in left.items()]
            or ["sizes: there is no whole number that could grow"]
        )
    return found, left


def _numbers(sizes, names):
    """All numbers of some sizes."""
    for key, size in sizes.items():
        if names and key not in names:
            continue
        if type(size) is int:
            yield Slot(key)
        elif isinstance(size, (list, tuple)):
            places = [i for i, one in enumerate(size) if type(one) is int]
            yield from (Slot(key, place) for place in places)


def _layers(plan):
    """The layers that get a unit more, or why this is no growth of units."""
    if plan.first_states:
        return (), "adds layers, and only units are candidates"
    if any(not width.is_identity for width in plan.outputs):
        return (), "the outputs of the model grow with it"
    axes = [a for axes in plan.tensors.values() for a in axes if a is not None]
    grown = [axis.width for axis in axes if not axis.width.is_identity]
    parts = [width.drawn_by for width in grown]
    if not grown:
        return (), "nothing grows with it"
    if not all(parts):
        return (), "what grows with it is drawn by no layer"
    if any(width.gain is not None for width in grown) or plan.normed:
        return (), "keys of attention, or weights under weight norm, grow"
    keys = {key for row in parts for key, _ in row if key[2] > key[1]}
    several = [key[0] for key in keys if key[2] != key[1] + 1 or not key[1]]
    if several:
        return (), f"{', '.join(several)} grow by more than one unit"
    return tuple((label, old) for label, old, _ in sorted(keys)), ""
