"""Fits one power law to networks of several sizes.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import NamedTuple

import numpy as np

EXPONENTS = 0.05, 4.0  # b is looked for between these
FIRST, NEXT, ROUNDS = 161, 9, 14  # points of the first grid and of finer ones


class Fit(NamedTuple):
    """F of each size, B and b of all."""

    floors: tuple  # of float, in the order of the sizes
    scale: float  # B
    exponent: float  # b


def fit(curves, weights=None):
    """Fits F + B n^-b by least squares; F differs between sizes.

    Arguments
    ---------
    curves : list of tuple
        For each size two arrays: epochs and losses of its points.
    weights : list of array
        How often each point counts; None for once.

    Returns
    -------
    Fit
        None if no b between 0.05 and 4 is better than its neighbours, or if
        the loss does not fall.

    Example
    -------
    >>> epochs = np.array([5.0, 10.0, 20.0])
    >>> found = fit([(epochs, 3 + 8 / epochs), (epochs, 1 + 8 / epochs)])
    >>> [round(floor, 6) for floor in found.floors]
    [3.0, 1.0]
    >>> round(found.scale, 6), round(found.exponent, 6)
    (8.0, 1.0)
    """
    if weights is None:
        weights = [np.ones(len(losses)) for _, losses in curves]
    low, high = map(math.log, EXPONENTS)
    grid, exponent = np.linspace(low, high, FIRST), None
    for _ in range(ROUNDS):
        errors = [_solve(math.exp(b), curves, weights)[0] for b in grid]
        best = int(np.argmin(errors))
        if best in (0, len(grid) - 1):
            break  # no b is best, or the grid is as fine as numbers go
        exponent = math.exp(grid[best])
        grid = np.linspace(grid[best - 1], grid[best + 1], NEXT)
    if exponent is None:
        return None
    _, floors, scale = _solve(exponent, curves, weights)
    return Fit(floors, scale, exponent) if scale > 0 else None


def fit_at(exponent, curves):
    """Fits F and B at a given b.

    Arguments
    ---------
    exponent : float
        b.
    curves : list of tuple
        As for ``fit``.

    Returns
    -------
    Fit
        Its B is 0 if the loss does not fall.
    """
    ones = [np.ones(len(losses)) for _, losses in curves]
    _, floors, scale = _solve(exponent, curves, ones)
    return Fit(floors, scale, exponent)


def misfit(found, curves):
    """Returns how far the mean of each size and budget is from its law.

    Arguments
    ---------
    found : Fit
        The law.
    curves : list of tuple
        As for ``fit``.

    Returns
    -------
    float
        Root mean square over sizes and budgets.
    """
    gaps = [
        losses[epochs == n].mean() - floor - found.scale * n**-found.exponent
        for (epochs, losses), floor in zip(curves, found.floors)
        for n in np.unique(epochs)
    ]
    return float(np.sqrt(np.mean(np.square(gaps))))


def _solve(exponent, curves, weights):
    """Sum of squares, floors and B at one b; B is never below 0."""
    centered = []
    for (epochs, losses), weight in zip(curves, weights):
        powers, total = epochs**-exponent, weight.sum()
        middle = weight @ powers / total, weight @ losses / total
        centered.append((powers - middle[0], losses - middle[1], *middle))
    pairs = list(zip(centered, weights))
    spread = sum(weight @ x**2 for (x, *_), weight in pairs)
    common = sum(weight @ (x * y) for (x, y, *_), weight in pairs)
    scale = max(common / spread, 0.0) if spread > 0 else 0.0
    error = sum(weight @ (y - scale * x) ** 2 for (x, y, *_), weight in pairs)
    floors = tuple(float(y - scale * x) for *_, x, y in centered)
    return float(error), floors, float(scale)
