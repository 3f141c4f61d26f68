"""Conditions on a number that is measured, rather than on a curve.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.kinds import Count, Metric, Number
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    least_or_most,
    needs_epochs,
    refuses,
)


@refuses(least_or_most("on_change"))
@needs_epochs(lambda values: values["wait"])
@condition
def on_change(
    seen,
    metric: Metric,
    below: Number = None,
    above: Number = None,
    wait: Count = 1,
):
    """Due when a number leaves its range: the data have changed.

    The number may be a metric that the recipe reports, such as the share of
    examples on which two networks agree (SEDEM grows when it falls below 0.14),
    or one of the measurements below. A number that is not finite, as before
    there is anything to compare, is no reason to grow.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric of the validation, or of a measurement.
    below : float
        Due if the number is smaller.
    above : float
        Due if the number is larger.
    wait : int
        Number of epochs since the last growth before the next one.

    Returns
    -------
    bool

    Example
    -------
    >>> seen = [{"epoch": n, "agreement": 1 / n} for n in (1, 2, 3, 4)]
    >>> on_change(seen, "agreement", below=0.3, wait=4)
    True
    >>> on_change(seen, "agreement", below=0.3, wait=5)
    False
    """
    now = seen[-1][metric]
    left = below is not None and now < below
    left = left or (above is not None and now > above)
    return left and len(seen) >= wait


@condition
def on_gradient(seen, above: Number, metric: Metric = "natural_gradient"):
    """Due when the gradient promises enough of the units that would be added.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    above : float
        Due if the number is larger.
    metric : str
        Name of the measurement; see below.

    Returns
    -------
    bool

    Example
    -------
    >>> on_gradient([{"epoch": 3, "natural_gradient": 0.7}], above=0.5)
    True
    """
    return seen[-1][metric] > above
