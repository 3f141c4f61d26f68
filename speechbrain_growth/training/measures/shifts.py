"""Measures whether the data have changed, by what a module gets or returns.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import torch

from speechbrain_growth.schedule.conditions.measured import measurement


@measurement
def feature_shift(brain):
    """How far the features have moved since the epoch before.

    The energy distance of what the last module got in the last steps of the
    epoch before and in the first steps of this one, in between which the
    weights have hardly changed. It is normalised: 0 for one distribution, 1
    for two that are concentrated at two points. NaN if there is nothing to compare.
    """
    return _shift(brain.windows.of["feature_shift"])


@measurement
def prediction_shift(brain):
    """The same of what the last module returned."""
    return _shift(brain.windows.of["prediction_shift"])


def _shift(window):
    """The distance of the two sides of a window."""
    sides = window["earlier"], window["first"]
    if not all(sides):
        return math.nan
    one, other = (torch.cat(side).double() for side in sides)
    if one.shape[1] != other.shape[1]:
        return math.nan  # the model has grown in between
    return energy_distance(one, other)


def energy_distance(one, other):
    """The energy distance of two samples, as a share of the largest possible.

    Arguments
    ---------
    one : torch.Tensor
        Shape (examples, features).
    other : torch.Tensor
        The same features of other examples.

    Returns
    -------
    float
        (2 E|x - y| - E|x - x'| - E|y - y'|) / 2 E|x - y|, from 0 to 1 (Székely
        and Rizzo, 2013).

    Example
    -------
    >>> energy_distance(torch.tensor([[0.0]]), torch.tensor([[3.0]]))
    1.0
    """
    between = 2 * torch.cdist(one, other).mean()
    within = torch.cdist(one, one).mean() + torch.cdist(other, other).mean()
    return float((between - within) / between) if between > 0 else 0.0
