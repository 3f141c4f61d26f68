"""Registers the measurements that conditions may name as a metric.

A measurement is a number that no validation reports. The Brain takes it only
if the condition of the next growth names it. ``training/measures`` has those
that there are.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable

# Function by name. These are registered once a Brain is there; a plan has none
MEASURES = dict.fromkeys(
    (
        "natural_gradient",
        "gradmax_gain",
        "feature_shift",
        "prediction_shift",
    )
)


def measurement(function: Callable[[Any], float]) -> Callable[[Any], float]:
    """Registers a function as a measurement; its name is that of the metric.

    Arguments
    ---------
    function : callable
        Takes the Brain, and returns a number. It leaves no trace in the Brain
        or in the random numbers. It runs on the main process only.

    Returns
    -------
    callable
        The function itself.

    Example
    -------
    >>> @measurement
    ... def largest_weight(brain):
    ...     "Largest weight of all modules."
    ...     return max(p.abs().max() for p in brain.modules.parameters())
    >>> del MEASURES["largest_weight"]  # it was an example only
    """
    MEASURES[function.__name__] = function
    return function


def measured_by(condition):
    """Lists what must be measured for a condition, beside a validation.

    Arguments
    ---------
    condition : Condition
        Of a growth.

    Returns
    -------
    list of str
    """
    return [name for name in condition.metrics if name in MEASURES]
