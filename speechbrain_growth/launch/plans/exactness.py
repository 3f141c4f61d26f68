"""Says how exact a growth is.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.schedule.afterwards.freezing import freezing_in_words
from speechbrain_growth.schedule.afterwards.new_outputs import FRESH


def exactness(plan, growth):
    """How exact a growth is, in a few words.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    growth : Growth
        An entry of the schedule.

    Returns
    -------
    str

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> from speechbrain_growth.schedule.growth import parse
    >>> (growth,) = parse(
    ...     [{"after_epoch": 1, "classes": 4, "outputs": "fresh"}]
    ... )
    >>> plan = trace(Linear(3, 2), Linear(3, 4), outputs=growth.outputs)
    >>> exactness(plan, growth)
    'old outputs exact; new outputs fresh'
    """
    words = [] if growth.symmetry.exact else [str(growth.symmetry)]
    words += ["firefly, as far as its step"] * bool(growth.amount.firefly)
    words += [
        f"{name} {state}"
        for name, state in plan.first_states.items()
        if state.exact > Exact.YES
    ]
    if growth.outputs == FRESH:
        words = words or ["old outputs exact"]
        words.append("new outputs fresh")
    elif growth.outputs is not None:
        words = words or ["exact"]
        words.append(_split_in_words(plan))
    if plan.weights:
        words = words or ["exact"]
        words.append(f"LayerNorms folded over {growth.fold} steps")
    words = words or ["exact"] * (bool(growth.sets) or growth.holds)
    words += [f"then sets {key} {value}" for key, value in growth.sets.items()]
    words += freezing_in_words(growth)
    return "; ".join(words) or "exact"


def _split_in_words(plan):
    """What becomes of outputs or tokens whose parents are given."""
    if all(width.is_identity for width in plan.outputs):
        return "new tokens begin as others, or as built"
    if all((one.share == 1).all() for one in plan.splits.values()):
        return "new outputs are copies"
    return "new outputs share posteriors"
