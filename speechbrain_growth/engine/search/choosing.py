"""Chooses candidates of all layers, within one budget.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, NamedTuple

from speechbrain_growth.engine.search.slots import Slot, with_more
from speechbrain_growth.errors import GrowthError


class Bundle(NamedTuple):
    """What one unit more of a size adds: a candidate in each of its layers.

    Arguments
    ---------
    slot : Slot
        The size.
    score : float
        The sum of the scores.
    members : dict
        The candidate's number within each layer, by label.
    """

    slot: Slot
    score: float
    members: Dict[str, int]


def bundles(slots, scores):
    """Puts the candidates together that one unit more can add.

    The best candidate of each layer that a size is the width of, then the second
    best, and so on. None of them has a score that is 0 or above.

    Arguments
    ---------
    slots : list of Slot
        Sizes that may grow.
    scores : dict
        Scores of the candidates of each layer, by label.

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
        rows, labels = [], [label for label, _ in slot.layers]
        for label in labels:
            good = [i for i, one in enumerate(scores[label]) if one < 0]
            rows.append(sorted(good, key=scores[label].__getitem__))
        for together in zip(*rows):
            members = dict(zip(labels, together))
            score = sum(scores[label][i] for label, i in members.items())
            found.append(Bundle(slot, score, members))
    return sorted(found, key=lambda one: one.score)


def affordable(slots, sizes, cost, budget):
    """The slots of which one unit fits a budget.

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
        If no unit fits.
    """
    now = cost(sizes)
    more = {slot: cost(with_more(sizes, {slot: 1})) - now for slot in slots}
    found = [slot for slot in slots if more[slot] <= budget]
    if not found:
        least = min(slots, key=more.get)
        raise GrowthError(
            f"budget is {budget:g}, but one unit adds {more[least]:g} or more "
            f"(of {least}); give at least that"
        )
    return found


def within(ranked, sizes, cost, budget):
    """The first bundles, as many as fit a budget.

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
        With one more, the budget would be passed.
    """
    now = cost(sizes)
    low, high = 0, len(ranked)
    while low < high:  # models are built, so few are tried
        middle = (low + high + 1) // 2
        larger = with_more(sizes, units_of(ranked[:middle]))
        if cost(larger) - now <= budget:
            low = middle
        else:
            high = middle - 1
    return ranked[:low]


def units_of(chosen):
    """How many units each slot gets.

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
