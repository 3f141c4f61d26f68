"""Says how exact a growth is.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.plan import Exact


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
    """
    words = [] if growth.symmetry.exact else [str(growth.symmetry)]
    words += [
        f"{name} {state}"
        for name, state in plan.first_states.items()
        if state.exact > Exact.YES
    ]
    if plan.weights:
        words = words or ["exact"]
        words.append(f"LayerNorms folded over {growth.fold} steps")
    words = words or ["exact"] * bool(growth.sets)
    words += [f"sets {key} {value}" for key, value in growth.sets.items()]
    return "; ".join(words) or "exact"
