"""A condition on how much a metric still improves for its compute.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.blanks import (
    BLANK_ABOVE,
    says_blank,
)
from speechbrain_growth.schedule.conditions.directions import which_is_better
from speechbrain_growth.schedule.conditions.kinds import (
    Amount,
    Better,
    Count,
    Metric,
    Positive,
)
from speechbrain_growth.schedule.conditions.metrics.references import curve_of
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    needs,
    needs_epochs,
    refuses,
)


def _wrong(values, run):
    """What is wrong with a reference, or with an exponent."""
    path, exponent, metric = (
        values[key] for key in ("reference", "exponent", "metric")
    )
    if (path is None) == (exponent is None):
        return ["give reference or exponent, and not both"]
    if path is None:
        return []
    try:
        curve = curve_of(path, metric)
    except GrowthError as error:
        return error.problems
    known = values["better"] or run.better.get(metric)
    lower = which_is_better("on_slope", metric, known) == "lower"
    best = (min if lower else max)(value for _, value in curve)
    few = len(_answers(curve, metric)) < values["window"] + 1
    if few or best == curve[0][1]:
        return [
            f"{path}: {metric} goes from {curve[0][1]:g} to {best:g} in "
            f"{len(curve)} epochs, which reaches no value to compare with; "
            "name a longer run"
        ]
    return []


@refuses(_wrong)
@needs_epochs(lambda values: values["window"] + 1)
@needs("macs")
@condition
def on_slope(
    seen,
    metric: Metric,
    reference: str = None,
    rho: Positive = 1.0,
    window: Count = 3,
    exponent: Amount = None,
    better: Better = None,
):
    """Due when a larger network would improve more for the same compute.

    That is: when the metric improves less for each MAC than it did in a
    reference run, a network of the larger sizes, at the same value, over
    ``rho`` (the rule of staged training, ICML 2022, which has no ``rho``). A
    value that the reference did not reach is no reason to grow.
    Without a reference: due when 1 % more compute improves the metric by less
    than ``exponent`` %.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric of the validation.
    reference : str
        ``run_log.jsonl`` of the reference run.
    rho : float
        What a growth carries over: a grown network goes on like a large one
        that had ``rho`` times the compute it needs to get that far.
    window : int
        Number of epochs over which a slope is measured.
    exponent : float
        A slope on logarithmic scales.
    better : str
        As for ``on_plateau``.

    Returns
    -------
    bool

    Example
    -------
    >>> falls = [{"macs": n, "loss": 4 / n} for n in range(1, 6)]
    >>> on_slope(falls, "loss", exponent=1.2)
    True
    >>> on_slope(falls, "loss", exponent=0.8)
    False
    """
    lower = which_is_better("on_slope", metric, better) == "lower"
    sign = 1 if lower else -1
    points = [(past["macs"], past[metric]) for past in seen[-window - 1 :]]
    finite = all(math.isfinite(value) for _, value in points)
    if len(points) <= window or not finite:
        return False
    if exponent is not None:
        if min(min(pair) for pair in points) <= 0:
            return False
        logs = [tuple(map(math.log, pair)) for pair in points]
        return -sign * _slope(logs) < exponent
    value = sum(value for _, value in points) / len(points)
    curve = _answers(curve_of(reference, metric), metric)
    there = _around(curve, sign, value, window)
    if not there:
        return False
    return -sign * _slope(points) < -sign * _slope(there) / rho


def _answers(curve, metric):
    """The epochs of a curve in which the network does not say blank."""
    return [p for p in curve if not says_blank({metric: p[1]}, BLANK_ABOVE)]


def _around(curve, sign, value, window):
    """The epochs of a curve around its first that is as good as a value."""
    good = (at for at, (_, v) in enumerate(curve) if sign * v <= sign * value)
    at = next(good, None)
    if at is None:
        return []
    first = max(0, min(at - (window + 1) // 2, len(curve) - window - 1))
    return curve[first : first + window + 1]


def _slope(points):
    """The slope of the straight line through points."""
    xs, ys = zip(*points)
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((one - x) ** 2 for one in xs)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / spread
