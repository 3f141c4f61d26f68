"""Conditions that ask for nothing but the epoch, or for nothing at all.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.registry import (
    Epoch,
    Yes,
    condition,
)


@condition
def after_epoch(seen, epoch: Epoch):
    """Due once this epoch is over; 0 means before the first epoch.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    epoch : int
        The last epoch that is trained at the old sizes.

    Returns
    -------
    bool

    Example
    -------
    >>> after_epoch([{"epoch": 3}], epoch=4)
    False
    """
    return seen[-1]["epoch"] >= epoch


@condition
def by_hand(seen, wait: Yes):
    """Due only when somebody makes the file ``grow_now`` in the output folder.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    wait : bool
        Always ``True``.

    Returns
    -------
    bool
        Always False. ``GrowthSchedule.decide`` looks at ``grow_now`` itself,
        for every condition.
    """
    return False
