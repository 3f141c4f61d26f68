"""Maps of units whose parents are named, in place of drawn ones.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.maps.widths import WidthMap
from speechbrain_growth.errors import GrowthError


def with_parents(old, parents):
    """Returns the map whose new units have given parents, or none.

    The copies of a unit share equally what it sends.

    Arguments
    ---------
    old : int
        Number of old units, which come first.
    parents : list
        For each new unit the index of the old one that it copies; None for a
        fresh one.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> with_parents(2, [1, None]).share
    tensor([1.0000, 0.5000, 0.5000, 0.0000], dtype=torch.float64)
    """
    fresh = torch.tensor([False] * old + [one is None for one in parents])
    source = torch.tensor([*range(old), *(one or 0 for one in parents)]).long()
    counts = torch.bincount(source[~fresh], minlength=max(old, 1)).double()
    share = (1 / counts)[source].masked_fill(fresh, 0)
    if not fresh.any():
        return WidthMap(source, share, old)
    origin = torch.arange(len(source)).masked_fill(~fresh, -1)
    return WidthMap(source, share, old, "", origin, torch.zeros_like(share))


def check_parents(units, drawn):
    """Raises if units are named that are not drawn, or do not fit.

    Arguments
    ---------
    units : dict
        Parents of the new units, by what the units are called.
    drawn : iterable of tuple
        What was drawn: such a name, and an old and a new size.

    Raises
    ------
    GrowthError
        Naming each.

    Example
    -------
    >>> check_parents({"net units": [0]}, [("net units", 4, 6)])
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: units: net units: found 1 parents, but 4 units become 6; give one for each new unit
    """
    sizes = {label: (old, new) for label, old, new in drawn}
    problems = []
    for label, parents in units.items():
        if label not in sizes:
            problems.append(
                f"units: {label}: no layer draws such units; use "
                f"{', '.join(sorted(sizes)) or 'none'}"
            )
            continue
        old, new = sizes[label]
        strange = [
            one
            for one in parents
            if one is not None and not (type(one) is int and 0 <= one < old)
        ]
        if len(parents) != new - old:
            problems.append(
                f"units: {label}: found {len(parents)} parents, but {old} units "
                f"become {new}; give one for each new unit"
            )
        if strange:
            problems.append(
                f"units: {label}: found the parents "
                f"{', '.join(map(repr, strange))}; use 0 to {old - 1}, or None"
            )
    if problems:
        raise GrowthError(problems)
