"""Conditions that wait until a metric stops improving.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.schedule.conditions.directions import which_is_better
from speechbrain_growth.schedule.conditions.kinds import (
    Amount,
    Better,
    Count,
    Metric,
)
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    needs_epochs,
)


@needs_epochs(lambda values: values["patience"] + 1)
@condition
def on_plateau(
    seen,
    metric: Metric,
    patience: Count = 2,
    min_delta: Amount = 0.5,
    better: Better = None,
):
    """Due when a metric has stopped improving.

    That is: when ``patience`` epochs in a row were not better, by at least
    ``min_delta``, than the best epoch before them (the rule of torch's
    ``ReduceLROnPlateau``). The count starts anew after each growth. Epochs
    whose metric is not finite do not count.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric of the validation.
    patience : int
        Number of epochs without improvement.
    min_delta : float
        Smallest difference that counts as an improvement, in units of the
        metric.
    better : str
        Which values of the metric are better. If it is not given, the run's
        logger says it of its own metric, and the name of a common one (a loss,
        an error rate, an accuracy).

    Returns
    -------
    bool

    Raises
    ------
    GrowthError
        If it is not known which values are better.

    Example
    -------
    >>> falls = [{"epoch": n, "PER": 50.0 - n} for n in range(1, 5)]
    >>> on_plateau(falls, "PER", patience=2)
    False
    >>> on_plateau(falls, "PER", patience=2, better="higher")
    True
    >>> stands = [{"epoch": n, "PER": 50.0} for n in range(1, 5)]
    >>> on_plateau(stands, "PER", patience=2)
    True
    """
    sign = 1 if which_is_better("on_plateau", metric, better) == "lower" else -1
    best, waited = float("inf"), 0
    for past in seen:
        now = sign * past[metric]
        if not math.isfinite(now):
            continue  # what is wrong there is no reason to grow
        improved = now < best and best - now >= min_delta
        best = now if improved else best
        waited = 0 if improved else waited + 1
    return waited >= patience
