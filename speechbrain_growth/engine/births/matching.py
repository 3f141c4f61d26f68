"""Which layers of a container are the old ones, and which are born.

Authors
 * The speechbrain_growth authors 2026
"""

from itertools import islice

from speechbrain_growth.errors import GrowthError

TRIES = 1000


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
        Names of those that are born, if they are known.

    Returns
    -------
    list of dict
        For each way, the old name of every new layer that has one.

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
            "say which are born, by Birth(names=)"
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
    before, after = old.state_dict(), new.state_dict()
    return type(old) is type(new) and all(
        key in after
        and tensor.ndim == after[key].ndim
        and all(a >= b for a, b in zip(after[key].shape, tensor.shape))
        for key, tensor in before.items()
    )


def distinct(ways, old):
    """One of those ways that place the same tensors; the others say the same.

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
    owners = {name for name, layer in old.items() if layer.state_dict()}
    kept = {}
    for way in ways:
        places = frozenset((n, o) for n, o in way.items() if o in owners)
        kept.setdefault(places, way)
    return list(kept.values())
