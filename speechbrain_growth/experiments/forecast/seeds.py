"""How many seeds a difference needs to be seen, and how uncertain a fit is.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import math

import numpy as np
from scipy import special

from speechbrain_growth.experiments.forecast.fitting import fit

DRAWS = 200  # bootstrap samples
MIDDLE = 2.5, 97.5  # percentiles: a 95 % interval
LEVEL, POWER, MOST = 0.05, 0.8, 10_000
POINTS = 1_000  # of the mean that a power is


def resampled(networks):
    """Fits networks again and again, with seeds drawn with replacement.

    A seed is drawn with all of its runs, also those of other networks.

    Arguments
    ---------
    networks : list of Network
        The first is fitted with the others.

    Returns
    -------
    list of Fit
        One for each draw, None where no b is common; empty for a single seed.
    """
    seeds = sorted({p.seed for network in networks for p in network.points})
    if len(seeds) < 2:
        return []
    place = {seed: i for i, seed in enumerate(seeds)}
    where = [
        np.array([place[p.seed] for p in network.points])
        for network in networks
    ]
    curves, fits, found = list(map(curve_of, networks)), {}, []
    for draw in np.random.default_rng(0).integers(
        len(seeds), size=(DRAWS, len(seeds))
    ):
        times = np.bincount(draw, minlength=len(seeds)).astype(float)
        if tuple(times) not in fits:  # few seeds: many draws are alike
            weights = [times[at] for at in where]
            whole = all(weight.sum() for weight in weights)
            fits[tuple(times)] = fit(curves, weights) if whole else None
        found.append(fits[tuple(times)])
    return found


def curve_of(network):
    """Returns the epochs and the losses of a network's points as arrays."""
    points = [(point.epochs, point.loss) for point in network.points]
    return tuple(np.array(points, dtype=float).T)


def interval(values):
    """Returns the 95 % interval of what resampled fits say.

    Arguments
    ---------
    values : list of float
        One for each draw.

    Returns
    -------
    tuple of float
        None if there are no values.

    Example
    -------
    >>> interval(list(range(201)))
    (5.0, 195.0)
    >>> interval([1.0, float("inf")])
    (1.0, inf)
    """
    if not values:
        return None
    low, high = np.percentile(values, MIDDLE, method="nearest")
    return float(low), float(high)


def paired_deviation(networks):
    """Returns the deviation between two kinds of run, paired over seeds.

    Arguments
    ---------
    networks : list of Network
        Two budgets of one network are two kinds of run.

    Returns
    -------
    float
        Over all pairs of kinds; None if none has two seeds in common.
    """
    kinds = {}
    for network in networks:
        for point in network.points:
            if point.end:
                kind = kinds.setdefault((network.name, point.epochs), {})
                kind[point.seed] = point.loss
    variances = [
        np.var([one[seed] - other[seed] for seed in common], ddof=1)
        for one, other in itertools.combinations(kinds.values(), 2)
        for common in [sorted(one.keys() & other.keys())]
        if len(common) > 1
    ]
    return math.sqrt(np.mean(variances)) if variances else None


def seeds_needed(gain, deviation):
    """Returns how many seeds show a difference with a power of 80 %.

    Arguments
    ---------
    gain : float
        The difference, above 0.
    deviation : float
        Its deviation over seeds.

    Returns
    -------
    int
        For a two-sided paired t-test at 5 %; None if above 10,000.

    Example
    -------
    >>> seeds_needed(0.5, 1.0), seeds_needed(1.0, 1.0)
    (34, 10)
    """
    low, high = 1, MOST + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _power(middle, gain / max(deviation, 1e-9)) < POWER:
            low = middle
        else:
            high = middle
    return high if high <= MOST else None


def difference_seen(number, deviation, family=1):
    """Returns the difference that some seeds show with a power of 80 %.

    Arguments
    ---------
    number : int
        How many seeds, at least 2.
    deviation : float
        Of the difference over seeds.
    family : int
        How many differences are tested. The one with the smallest p of them is
        tested at 5 % divided by their number (Holm).

    Returns
    -------
    float
        For a two-sided paired t-test at 5 %.

    Example
    -------
    >>> [round(difference_seen(seeds, 0.55), 2) for seeds in (3, 5, 8)]
    [1.8, 0.93, 0.64]
    """
    level, low, high = LEVEL / family, 0.0, 1.0
    while _power(number, high, level) < POWER:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if _power(number, middle, level) < POWER:
            low = middle
        else:
            high = middle
    return deviation * high


def _power(number, effect, level=LEVEL):
    """How often a difference is seen, in deviations, with some seeds."""
    # SciPy's noncentral t has no values far out, where few seeds need them: the
    # mean over the deviations that seeds may show, each as likely as the others
    limit = special.stdtrit(number - 1, 1 - level / 2)
    shares = (np.arange(POINTS) + 0.5) / POINTS
    shown = np.sqrt(special.chdtri(number - 1, shares) / (number - 1))
    center = effect * math.sqrt(number)
    sides = special.ndtr([center - limit * shown, -center - limit * shown])
    return float(sides.sum(axis=0).mean())
