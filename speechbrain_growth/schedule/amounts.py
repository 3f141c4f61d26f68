"""How much a growth adds: sizes in, larger sizes out.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, NamedTuple, Optional

from speechbrain_growth.schedule.searches.firefly import Firefly
from speechbrain_growth.schedule.state import Sizes

HALVINGS = 40  # of the share of the way, when steps are equal in MACs
CHOOSE_STEPS = 8


class Amount(NamedTuple):
    """How much one growth adds.

    Arguments
    ---------
    sizes : dict
        Sizes that are given as such, by YAML key.
    adds : dict
        Numbers that are added to sizes.
    at_most : dict
        Sizes that ``adds`` does not pass.
    towards : dict
        Sizes that are reached in several growths.
    equal : str
        What these have in common: as much more ``width``, or as many more
        ``macs``.
    max_params : int
        Number of parameters that a model must not pass; the growth is left out
        instead.
    max_macs : float
        The same for the MACs of one example.
    choose : dict
        Other amounts by name, one of which is chosen by measuring it.
    choose_steps : int
        Number of optimizer steps that each of them is trained for that.
    firefly : Firefly
        What a search may add; None if nothing is searched.
    """

    sizes: Sizes = {}
    adds: Sizes = {}
    at_most: Sizes = {}
    towards: Sizes = {}
    equal: str = "width"
    max_params: Optional[int] = None
    max_macs: Optional[float] = None
    choose: Dict[str, "Amount"] = {}
    choose_steps: int = CHOOSE_STEPS
    firefly: Optional[Firefly] = None

    @property
    def candidates(self):
        """The amounts to choose from by name, with the limits of this one."""
        limits = {"max_params": self.max_params, "max_macs": self.max_macs}
        return {n: one._replace(**limits) for n, one in self.choose.items()}

    @property
    def named(self):
        """All sizes that it names, by key."""
        inner = [amount.named for amount in self.choose.values()]
        return {
            key: size
            for held in (self.sizes, self.adds, self.towards, *inner)
            for key, size in held.items()
        }


def next_sizes(amount, now, left=1, cost=None):
    """Returns the sizes that a growth sets.

    Arguments
    ---------
    amount : Amount
        How much it adds; one that chooses must have been chosen from.
    now : dict
        All sizes of the model.
    left : int
        Number of growths in which ``towards`` is reached, this one included.
    cost : callable
        Takes all sizes; returns the parameters of such a model, and the MACs
        of one example. Only needed for ``equal: macs`` and the limits.

    Returns
    -------
    dict
        Empty if the growth adds nothing, or would pass a limit.

    Example
    -------
    >>> next_sizes(Amount(adds={"hidden": 8}), {"hidden": [16, 32]})
    {'hidden': [24, 40]}
    >>> next_sizes(Amount(towards={"width": 100}), {"width": 10}, left=3)
    {'width': 40}
    """
    larger = {**amount.sizes, **_added(amount, now)}
    larger.update(_nearer(amount, now, left, cost))
    if all(now.get(key) == size for key, size in larger.items()):
        return {}
    limits = amount.max_params, amount.max_macs
    if any(limits):
        costs = cost({**now, **larger})
        if any(lim and one > lim for one, lim in zip(costs, limits)):
            return {}
    return larger


def candidate_sizes(amount, now, cost=None):
    """Returns the sizes that each candidate of a growth sets.

    Arguments
    ---------
    amount : Amount
        Has candidates to choose from.
    now : dict
        All sizes of the model.
    cost : callable
        As for ``next_sizes``.

    Returns
    -------
    dict
        By name; without those that add nothing, or would pass a limit.

    Example
    -------
    >>> few, many = Amount({"width": 5}), Amount({"width": 9})
    >>> amount = Amount(choose={"few": few, "many": many})
    >>> candidate_sizes(amount, {"width": 5})
    {'many': {'width': 9}}
    """
    found = {
        name: next_sizes(one, now, cost=cost)
        for name, one in amount.candidates.items()
    }
    return {name: sizes for name, sizes in found.items() if sizes}


def _added(amount, now):
    """The sizes after ``adds``."""
    found = {}
    for key, more in amount.adds.items():
        size = _each(lambda a, b: a + b, now[key], more)
        if key in amount.at_most:
            # One that is larger already stays
            most = _each(max, now[key], amount.at_most[key])
            size = _each(min, size, most)
        found[key] = size
    return found


def _nearer(amount, now, left, cost):
    """The sizes after one of the growths that are left of ``towards``."""
    share = 1 / left
    if left == 1 or amount.equal == "width":
        return _on_the_way(amount, now, share)
    whole = cost({**now, **amount.towards})[1]
    goal = cost(now)[1] + (whole - cost(now)[1]) * share
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        macs = cost({**now, **_on_the_way(amount, now, share)})[1]
        low, high = (share, high) if macs < goal else (low, share)
    return _on_the_way(amount, now, high)


def _on_the_way(amount, now, share):
    """Sizes between the present ones and those of ``towards``."""
    return {
        key: _each(lambda a, b: round(a + share * (b - a)), now[key], goal)
        for key, goal in amount.towards.items()
    }


def _each(function, size, other):
    """Applies a function to two sizes, or to each pair of two lists."""
    if not isinstance(size, list):
        return function(size, other)
    others = other if isinstance(other, list) else [other] * len(size)
    return [function(*pair) for pair in zip(size, others)]
