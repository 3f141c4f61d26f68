"""Chooses candidates of all layers, within one budget.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, NamedTuple

from speechbrain_growth.engine.search.slots import Slot, with_more
from speechbrain_growth.errors import GrowthError


class Bundle(NamedTuple):
    """What 1 more of a size adds: a candidate in each of its layers, or a layer.

    Arguments
    ---------
    slot : Slot
        The size.
    score : float
        The sum of the scores.
    members : dict
        The candidate's number within each layer, by label; 0 of a new layer.
    """

    slot: Slot
    score: float
    members: Dict[str, int]


def bundles(slots, scores):
    """Puts the candidates together that one unit more can add.

    The best candidate of each layer that a size is the width of, then the second
    best, and so on. New layers stand alone. No score is 0 or above.

    Arguments
    ---------
    slots : list of Slot
        Sizes that may grow.
    scores : dict
        Scores of the candidates, by one of the slots' ``labels``.

    Returns
    -------
    list of Bundle
        The lowest score first.

    Example
    -------
    >>> one, two = (("x", 2),), (("y", 2), ("z", 2))
    >>> slots = [Slot("a", None, one), Slot("b", None, two)]
    >>> scores = {"x": [-1.0, 0.5], "y": [-3.0, -2.0], "z": [1.0, -0.5]}
    >>> [(str(one.slot), one.score) for one in bundles(slots, scores)]
    [('b', -3.5), ('a', -1.0)]
    """
    found: List[Bundle] = []
    for slot in slots:
        rows, labels = [], slot.labels
        for label in labels:
            good = [i for i, one in enumerate(scores[label]) if one < 0]
            rows.append(sorted(good, key=scores[label].__getitem__))
        for together in zip(*rows):
            members = dict(zip(labels, together))
            score = sum(scores[label][i] for label, i in members.items())
            found.append(Bundle(slot, score, members))
    return sorted(found, key=lambda one: one.score)


def affordable(slots, sizes, cost, budget):
    """The slots of which one unit, or one layer, fits a budget.

    Arguments
    ---------
    slots : list of Slot
        Sizes that may grow.
    sizes : dict
        All sizes of the present model.
    cost : callable
        Takes all sizes, and returns what such a model costs.
    budget : float
        What may be added to the cost.

    Returns
    -------
    list of Slot

    Raises
    ------
    GrowthError
        If none fits.
    """
    now = cost(sizes)
    more = {slot: cost(with_more(sizes, {slot: 1})) - now for slot in slots}
    found = [slot for slot in slots if more[slot] <= budget]
    if not found:
        least = min(slots, key=more.get)
        raise GrowthError(
            f"budget is {budget:g}, but one unit or layer adds "
            f"{more[least]:g} or more (of {least}); give at least that"
        )
    return found


def within(ranked, sizes, cost, budget):
    """The first bundles that fit a budget together.

    One that does not fit any more is passed over, with all others of its size:
    the budget then has room for smaller ones.

    Arguments
    ---------
    ranked : list of Bundle
        The best first.
    sizes : dict
        All sizes of the present model.
    cost : callable
        As for ``affordable``; a larger model costs more.
    budget : float
        What may be added to the cost of the whole model.

    Returns
    -------
    list of Bundle
        With any other one, the budget would be passed.

    Example
    -------
    >>> wide, deep = Slot("width", None, (("x", 2),)), Slot("deep")
    >>> ranked = [Bundle(one, 0.0, {}) for one in (wide, deep, wide)]
    >>> def cost(sizes):
    ...     return sizes["width"] + 10 * sizes["deep"]
    >>> kept = within(ranked, {"width": 2, "deep": 0}, cost, 5)
    >>> [str(one.slot) for one in kept]
    ['width', 'width']
    """
    now, kept, left = cost(sizes), [], list(ranked)
    while left:
        low, high = 0, len(left)
        while low < high:  # models are built, so few are tried
            middle = (low + high + 1) // 2
            larger = with_more(sizes, units_of(kept + left[:middle]))
            if cost(larger) - now <= budget:
                low = middle
            else:
                high = middle - 1
        kept += left[:low]
        left = [one for one in left[low:] if one.slot != left[low].slot]
    return kept


def units_of(chosen):
    """How many units, or layers, each slot gets.

    Arguments
    ---------
    chosen : list of Bundle
        Those that are kept.

    Returns
    -------
    dict
        By slot.
    """
    found = {}
    for one in chosen:
        found[one.slot] = found.get(one.slot, 0) + 1
    return found
