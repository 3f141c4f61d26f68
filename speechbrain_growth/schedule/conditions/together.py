"""Conditions that are made of others.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.kinds import Conditions
from speechbrain_growth.schedule.conditions.registry import condition, foreseen


@foreseen(lambda values, before, inside: min(inside))
@condition
def any_of(seen, conditions: Conditions):
    """Due as soon as one of several conditions is.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    conditions : list
        Each a mapping, such as ``{after_epoch: 10}``. Here: whether each is
        due.

    Returns
    -------
    bool

    Example
    -------
    >>> any_of([{"epoch": 3}], [False, True])
    True
    """
    return any(conditions)


@foreseen(lambda values, before, inside: max(inside))
@condition
def all_of(seen, conditions: Conditions):
    """Due when several conditions are, after the same epoch.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    conditions : list
        As for ``any_of``.

    Returns
    -------
    bool

    Example
    -------
    >>> all_of([{"epoch": 3}], [False, True])
    False
    """
    return all(conditions)
