"""A condition that waits until a metric is near the floor of its own curve.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.schedule.conditions.directions import which_is_better
from speechbrain_growth.schedule.conditions.kinds import Amount, Better, Metric
from speechbrain_growth.schedule.conditions.metrics.fitting import fit
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    needs_epochs,
)

EPOCHS = 6  # that a fit of three numbers needs at least


@needs_epochs(lambda values: EPOCHS)
@condition
def on_floor(seen, metric: Metric, above: Amount, better: Better = None):
    """Due when a metric is nearly as good as it can get at the present sizes.

    The curve F + B n^-b is fitted to what was seen since the last growth, over
    six epochs at least. The growth is due when the curve is less than
    ``above`` over its floor F. A network of two sizes is best made larger when
    it is Delta / (q - 1) above its floor: Delta is how far the floors of both
    sizes lie apart, and q = (rho r)^(b / (1 + b)) for a network whose epoch
    costs r times as much and which keeps the share rho of the compute.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric of the validation.
    above : float
        Distance from the floor, in units of the metric.
    better : str
        As for ``on_plateau``.

    Returns
    -------
    bool

    Example
    -------
    >>> falls = [{"epoch": n, "PER": 20 + 60 / n} for n in range(1, 13)]
    >>> on_floor(falls, "PER", above=6), on_floor(falls, "PER", above=4)
    (True, False)
    """
    sign = 1 if which_is_better("on_floor", metric, better) == "lower" else -1
    first = seen[0]["epoch"]
    points = [
        (past["epoch"] - first + 1, sign * past[metric])
        for past in seen
        if math.isfinite(past[metric])
    ]
    if len(points) < EPOCHS:
        return False
    values = [value for _, value in points]
    least, most = min(values), max(values)
    # An error or a loss is never below 0
    lowest = 0.0 if 0 <= least and sign > 0 else least - 10 * (most - least)
    return fit(points, lowest).above_floor(points[-1][0]) < above
