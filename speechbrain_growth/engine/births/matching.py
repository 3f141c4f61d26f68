"""Which layers of a container are the old ones, and which are new.

Authors
 * The speechbrain_growth authors 2026
"""

from itertools import islice

from speechbrain_growth.engine.births.layers import first_states
from speechbrain_growth.engine.dispatch import kind_of
from speechbrain_growth.engine.maps.plan import earlier
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError, NoRuleError

TRIES = 1000


def chain(old, new, signal, trace):
    """Plans layers that stand in a row; some may be new.

    A new layer returns what arrives, so widths pass through it.

    Arguments
    ---------
    old : dict
        Layers of the old model by name, in order.
    new : dict
        Those of the new model.
    signal : Signal
        What arrives at the first of them.
    trace : Trace
        Takes the plan.

    Returns
    -------
    Signal
        What leaves the last of them.
    """
    way = way_of(old, new, trace)
    if way is None:
        return signal
    for name in new:
        if name in way:
            signal = trace.child(name, old[way[name]], new[name], signal)
    return signal


def way_of(old, new, trace):
    """Finds the old layers among the new ones, and how the others begin.

    Arguments
    ---------
    old : dict
        Layers of the old model by name, in order.
    new : dict
        Those of the new model.
    trace : Trace
        Takes the first states, and the names that changed.

    Returns
    -------
    dict
        The old name of each layer that the old model has, too. None if there
        is a problem, which the trace has then.
    """
    names = {name: ".".join([*trace.path, name]) for name in new}
    chosen = [n for n in new if names[n] in trace.birth.names]
    try:
        found = matches(old, new, chosen)
    except GrowthError as error:
        trace.problem(str(error))
        return None
    tried = [
        (way, *first_states(new, way, names, trace.birth.way)) for way in found
    ]
    good = {id(w): (w, states) for w, states, wrong in tried if not wrong}
    ways = distinct([way for way, _ in good.values()], old)
    ways = ways[:1] if _is_stack(new.values()) else ways
    if len(ways) != 1:
        _unmatched(old, new, tried, ways, trace)
        return None
    way, states = good[id(ways[0])]
    was = earlier(".".join(trace.path), trace.moved)
    for name in new:
        if name not in way:
            trace.first_states[names[name]] = states[names[name]]
        elif name != way[name]:
            source = ".".join(filter(None, (was, way[name])))
            trace.moved[names[name]] = source
    return way


def _is_stack(layers):
    """Whether layers are blocks of one type, so that the last may be new."""
    kinds = set(map(type, layers))
    return len(kinds) == 1 and all(list(m.children()) for m in layers)


def _unmatched(old, new, tried, ways, trace):
    """Notes why it is not clear which layers are the old ones."""
    if len(ways) > 1:
        born = (", ".join(n for n in new if n not in way) for way in ways)
        trace.problem(
            f"the layers {' or '.join(born)} could be the new ones; name the "
            "new ones in Birth(names=)"
        )
        return
    wrong = min((wrong for _, _, wrong in tried), key=len, default=[])
    if set(old) == set(new):
        trace.problem(
            f"the layers {', '.join(old)} would stand in the order "
            f"{', '.join(new)}; keep their order"
        )
        return
    extra = ", ".join(sorted(set(old) ^ set(new)))
    why = [f"{name}: {error}" for name, error in wrong]
    if any(isinstance(error, NoRuleError) for _, error in wrong):
        trace.unborn += why
    else:
        why = "; ".join(why) or "keep the old layers, in their order"
        trace.problem(f"the layers {extra} stand in one model only; {why}")


def matches(old, new, chosen=()):
    """All ways in which the old layers can stand among the new ones, in order.

    Layers with names are found by name. Layers with numbers move when others
    are inserted, so they are found by type, and by sizes that do not shrink.

    Arguments
    ---------
    old : dict
        Layers by name, in order.
    new : dict
        The same of the larger model.
    chosen : tuple of str
        Names of the new layers, if they are known.

    Returns
    -------
    list of dict
        For each way, the old name of every layer that the old model has, too.

    Raises
    ------
    GrowthError
        If there are too many to look at.

    Example
    -------
    >>> from torch.nn import Linear, Tanh
    >>> old = {"0": Linear(2, 2), "1": Tanh()}
    >>> matches(old, {"0": Linear(2, 2), "1": Tanh(), "2": Tanh()})
    [{'0': '0', '1': '1'}, {'0': '0', '2': '1'}]
    """
    stay = [name for name in new if name not in chosen]
    if list(old) == stay or (chosen and len(old) == len(stay)):
        return [dict(zip(stay, old))]
    ways = list(islice(_ways(list(old.items()), list(new.items())), TRIES))
    if len(ways) == TRIES:
        raise GrowthError(
            f"{len(old)} layers can stand among {len(new)} in too many ways; "
            "name the new ones in Birth(names=)"
        )
    return ways


def _ways(old, new):
    """Finds a place for the first old layer, then for the rest."""
    if not old:
        yield {}
    for place in range(len(new) - len(old) + 1) if old else ():
        if _follows(*old[0], *new[place]):
            for rest in _ways(old[1:], new[place + 1 :]):
                yield {new[place][0]: old[0][0], **rest}


def _follows(name, old, other, new):
    """Whether a layer may be the larger form of another."""
    if not (name.isdigit() and other.isdigit()):
        return name == other
    before, after = state_of(old), state_of(new)
    return kind_of(old) is kind_of(new) and all(
        key in after
        and tensor.ndim == after[key].ndim
        and all(a >= b for a, b in zip(after[key].shape, tensor.shape))
        for key, tensor in before.items()
    )


def distinct(ways, old):
    """Drops ways that put the same tensors at the same places as another.

    Arguments
    ---------
    ways : list of dict
        From ``matches``.
    old : dict
        The old layers by name.

    Returns
    -------
    list of dict
    """
    owners = {name for name, layer in old.items() if state_of(layer)}
    kept = {}
    for way in ways:
        places = frozenset((n, o) for n, o in way.items() if o in owners)
        kept.setdefault(places, way)
    return list(kept.values())
