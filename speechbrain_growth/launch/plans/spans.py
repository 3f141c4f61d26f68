"""Says between which epochs growths may happen, and what a run then costs.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.checks import least_epochs
from speechbrain_growth.schedule.conditions.registry import CONDITIONS

NEVER = float("inf")


def spans(growths, epochs, run, done=0, seen=0):
    """Returns for each growth after which epochs it may happen.

    Nobody knows beforehand what a condition on a metric will say: it may be due
    after each epoch, or never.

    Arguments
    ---------
    growths : list of Growth
        Those ahead, in order.
    epochs : int
        Number of the run's epochs.
    run : Run
        Its totals.
    done : int
        How many epochs are over.
    seen : int
        How many of them came since the last growth.

    Returns
    -------
    list of tuple
        The first and the last such epoch; None for a last one if the growth
        may not happen at all.

    Example
    -------
    >>> from speechbrain_growth.schedule.conditions.condition import Run
    >>> from speechbrain_growth.schedule.growth import parse
    >>> growth = [
    ...     {"after_epoch": 3, "width": 8},
    ...     {"on_plateau": {"metric": "PER", "not_after": 9}, "width": 16},
    ... ]
    >>> spans(parse(growth), 20, Run(totals={"epoch": 20}))
    [(3, 3), (6, 9)]
    """
    found, first, last = [], done - seen, done - seen
    # Only the first of all may come before the first epoch
    soonest = latest = done + 1 if done else 0
    for growth in growths:
        first = max(soonest, _due(growth.condition, first, run, min))
        last = max(latest, _due(growth.condition, last, run, max))
        found.append((first, last if last < epochs else None))
        soonest, latest = first + 1, last + 1
    return found


def _due(condition, before, run, pick):
    """The first or last epoch after which a condition is due.

    ``pick`` is ``min`` for the first one, ``max`` for the last one.
    """
    at = {key: number for key, _, number in condition.dates(run)}
    inside = [_due(one, before, run, pick) for one in condition.inside]
    foreseen = getattr(CONDITIONS[condition.name], "foreseen", None)
    if foreseen:
        epoch = foreseen({**condition.arguments, **at}, before, inside)
    else:
        epoch = pick(before + max(least_epochs(condition), 1), NEVER)
    # One that looks at metrics needs an epoch
    later = max(epoch, at.get("not_before", 0))
    return min(later, max(at.get("not_after", NEVER), 0))


def in_all(rows, epochs, done=0):
    """Returns what the epochs of a run cost, compared with its largest model.

    Arguments
    ---------
    rows : list of dict
        From ``plan_run``; ``growth`` is equal for the candidates of one growth.
    epochs : float
        How many epochs the run trains.
    done : int
        How many epochs are over.

    Returns
    -------
    tuple of float
        The least and the most, in epochs of the largest model.

    Example
    -------
    >>> rows = [
    ...     {"growth": None, "macs": 10},
    ...     {"growth": 0, "macs": 40, "span": (2, 3)},
    ... ]
    >>> in_all(rows, 5)
    (2.75, 3.5)
    """
    largest = max(row["macs"] for row in rows)
    sums = []
    for side, pick in ((1, min), (0, max)):
        total, macs, since = 0, rows[0]["macs"], done
        for number in dict.fromkeys(row["growth"] for row in rows[1:]):
            ways = [row for row in rows if row["growth"] == number]
            when = ways[0]["span"][side]
            if when is None or when >= epochs:
                break
            total += (when - since) * macs
            macs, since = pick(row["macs"] for row in ways), when
        sums.append((total + (epochs - since) * macs) / largest)
    return tuple(sums)
