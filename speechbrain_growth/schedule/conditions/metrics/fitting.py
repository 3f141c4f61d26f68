"""Fits F + B n^-b to a metric over the epochs.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import numpy as np

LEAST, MOST = 0.1, 3.0  # exponents b of networks that were measured are inside
GRID, ROUNDS = 21, 8
OUTLYING = 10.0  # so much smaller the sum of squares is without an outlier
PART = 7  # one point of so many may be an outlier


class Fit(NamedTuple):
    """A curve F + B n^-b.

    Arguments
    ---------
    floor : float
        F, what the metric falls to in the end.
    scale : float
        B, at least 0.
    exponent : float
        b, from 0.1 to 3.
    """

    floor: float
    scale: float
    exponent: float

    def above_floor(self, n):
        """How far the curve is above its floor.

        Arguments
        ---------
        n : float
            The epoch, from 1 on.

        Returns
        -------
        float
        """
        return self.scale * n**-self.exponent


def fit(points, lowest):
    """Fits F + B n^-b by least squares, without outliers.

    For each b, F and B have a closed form; b is searched for on grids that are
    finer and finer. The same points always give the same curve.

    Arguments
    ---------
    points : list of tuple
        n, from 1 on, and the value there; at least three.
    lowest : float
        F is not below it.

    Returns
    -------
    Fit

    Example
    -------
    >>> points = [(n, 20 + 60 / n) for n in range(1, 9)]
    >>> [round(value, 6) for value in fit(points, lowest=0.0)]
    [20.0, 60.0, 1.0]
    """
    kept = list(points)
    error, found = _least_squares(kept, lowest)
    for _ in range(len(points) // PART):
        worst = max(kept, key=lambda point: abs(_residual(found, *point)))
        rest = [point for point in kept if point is not worst]
        less, again = _least_squares(rest, lowest)
        if less * OUTLYING > error:
            break
        kept, error, found = rest, less, again
    return found


def _residual(curve, n, y):
    """How far a point is above a curve."""
    return y - curve.floor - curve.above_floor(n)


def _least_squares(points, lowest):
    """The smallest sum of squares, and its curve."""
    n, y = np.array(points, dtype=float).T
    low, high = LEAST, MOST
    for _ in range(ROUNDS):
        exponents = np.geomspace(low, high, GRID)
        x = n ** -exponents[:, None]
        mean = x.mean(1)
        apart = x - mean[:, None]
        scale = np.maximum(apart @ y / (apart**2).sum(1), 0)
        floor = y.mean() - scale * mean
        under = floor < lowest
        bound = x @ (y - lowest) / (x**2).sum(1)
        scale = np.where(under, bound, scale)
        floor = np.where(under, lowest, floor)
        curves = floor[:, None] + scale[:, None] * x
        errors = ((y - curves) ** 2).sum(1)
        at = int(errors.argmin())
        low, high = exponents[max(at - 1, 0)], exponents[min(at + 1, GRID - 1)]
    found = Fit(*(float(one[at]) for one in (floor, scale, exponents)))
    return float(errors[at]), found
