"""Fits F + B n^-b to a metric over the epochs.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

LEAST, MOST = 0.1, 3.0  # exponents b of networks that were measured are inside
GRID, REFINEMENTS = 20, 30
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

    For each b, F and B have a closed form; b is searched for on a grid, then by
    golden sections. The same points always give the same curve.

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
    kept, found = list(points), _least_squares(points, lowest)
    for _ in range(len(points) // PART):
        worst = max(kept, key=lambda point: abs(_residual(found, *point)))
        rest = [point for point in kept if point is not worst]
        again = _least_squares(rest, lowest)
        if _squares(rest, again) * OUTLYING > _squares(kept, found):
            break
        kept, found = rest, again
    return found


def _residual(curve, n, y):
    """How far a point is above a curve."""
    return y - curve.floor - curve.above_floor(n)


def _squares(points, curve):
    """The sum of squares that a curve leaves."""
    return sum(_residual(curve, *point) ** 2 for point in points)


def _least_squares(points, lowest):
    """The curve with the smallest sum of squares."""
    ratio = (MOST / LEAST) ** (1 / GRID)
    grid = [LEAST * ratio**step for step in range(GRID + 1)]
    at = min(range(GRID + 1), key=lambda i: _error(points, lowest, grid[i]))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, GRID)]
    golden = (5**0.5 - 1) / 2
    for _ in range(REFINEMENTS):
        left = high - golden * (high - low)
        right = low + golden * (high - low)
        if _error(points, lowest, left) < _error(points, lowest, right):
            high = right
        else:
            low = left
    return _line(points, lowest, (low + high) / 2)


def _line(points, lowest, exponent):
    """The best F and B for one exponent."""
    xs, ys = zip(*((n**-exponent, y) for n, y in points))
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((one - x) ** 2 for one in xs)
    scale = sum((a - x) * (b - y) for a, b in zip(xs, ys)) / spread
    floor = y - scale * x
    if scale < 0:
        floor, scale = y, 0.0
    elif floor < lowest:
        squares = sum(one**2 for one in xs)
        floor = lowest
        scale = sum(a * (b - floor) for a, b in zip(xs, ys)) / squares
    return Fit(floor, scale, exponent)


def _error(points, lowest, exponent):
    """The sum of squares that an exponent leaves."""
    return _squares(points, _line(points, lowest, exponent))
