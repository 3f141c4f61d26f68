"""Refuses runs from which no forecast can be made, and names the run to add.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import numpy as np

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.forecast.fitting import fit, fit_at, misfit
from speechbrain_growth.experiments.forecast.law import Pair
from speechbrain_growth.experiments.forecast.seeds import curve_of

SPAN = 2  # budgets of one network must differ by this factor
APART = 1.3  # the same, to say of networks that they no longer improve
DIFFERENT = 3  # budgets that tell b from B
FAR = 5  # crossings beyond which growing cannot be told from the large network
USUAL = 0.25, 0.5, 0.75, 1.0  # what b is in the literature
OFF = 0.05  # of the fall of the losses: how far a law may be from them
ENOUGH = 5  # epochs below which a run is no example


def common_fit(networks):
    """Fits one power law to all networks.

    Arguments
    ---------
    networks : list of Network
        The small one, the large one, then others.

    Returns
    -------
    Fit

    Raises
    ------
    GrowthError
        If the runs do not determine the law, or follow none in common.
    """
    problems = [*_wrong_costs(networks), *_too_few(networks)]
    if problems:
        raise GrowthError(problems)
    curves = list(map(curve_of, networks))
    found = fit(curves)
    if found is None:
        raise GrowthError(
            _no_law(networks, "no b fits them better than others")
        )
    off = misfit(found, curves)
    if off > _tolerance(networks):
        words = f"the best b leaves a gap of {off:.2g} (root mean square)"
        raise GrowthError(_no_law(networks, words))
    return found


def pair_of(found, networks):
    """Returns the small and the large network as their law has them.

    Arguments
    ---------
    found : Fit
        The law.
    networks : list of Network
        The small one, the large one, then others.

    Returns
    -------
    Pair
    """
    costs = [network.cost for network in networks[:2]]
    return Pair(*found.floors[:2], found.scale, found.exponent, *costs)


def longest(network):
    """Returns the epochs of the longest run of a network."""
    return max(point.epochs for point in network.points)


def shortest(network):
    """Returns the epochs of the shortest run of a network."""
    return min(point.epochs for point in network.points)


def _wrong_costs(networks):
    """The small network must be the cheaper one."""
    small, large = networks[:2]
    if small.cost < large.cost:
        return []
    return [
        f"{large.place}: an epoch costs {large.cost:.4g}, one of {small.place} "
        f"{small.cost:.4g}; name the small network first"
    ]


def _too_few(networks):
    """Budgets that are too few, or too much alike, for F, B and b."""
    budgets = [sorted({p.epochs for p in n.points}) for n in networks]
    numbers = list(map(len, budgets))
    narrow = max(some[-1] / some[0] for some in budgets) < SPAN
    if _determined(budgets) and not narrow:
        return []
    at = 0 if narrow else numbers.index(min(numbers))
    words = "; ".join(
        f"{network.name} {' and '.join(f'{n:.4g}' for n in some)} epochs"
        for network, some in zip(networks, budgets)
    )
    return [
        f"{_places(networks)}: found runs of {words}; one network needs "
        f"budgets that differ by a factor of {SPAN}, and networks with at "
        f"least two budgets need {DIFFERENT} different ones"
        f"{_far_past(networks)}; add a run of {networks[at].name} with "
        f"{_epochs_to_add(budgets, at)} epochs"
    ]


def _determined(budgets):
    """Whether there is one b at most for some budgets of each network."""
    known = [set(some) for some in budgets if len(some) > 1]
    return len(set().union(*known)) >= DIFFERENT


def _epochs_to_add(budgets, at):
    """The budget that a network lacks: half of its shortest one, or more."""
    some = budgets[at]
    ways = [some[0] / SPAN, SPAN * some[-1], SPAN**2 * some[-1]]
    ways = list(map(math.floor, ways))
    ways = [epochs for epochs in ways if epochs >= ENOUGH] or ways[-1:]
    for epochs in ways:
        more = [*budgets[:at], [*some, epochs], *budgets[at + 1 :]]
        if _determined(more):
            return epochs
    return ways[0]


def _no_law(networks, words):
    """What to say of networks that follow no law in common."""
    far = _far_past(networks)
    add = " and ".join(
        f"a run of {network.name} with "
        f"{max(1, shortest(network) // 4) if far else SPAN * longest(network):.0f} "
        "epochs"
        for network in networks[:2]
    )
    return f"{_places(networks)}: no common b exists, {words}{far}; add {add}"


def _far_past(networks):
    """That runs are far past their crossing, if so, whatever b is."""
    if min(longest(n) / shortest(n) for n in networks) < APART:
        return ""
    budget = networks[1].cost * longest(networks[1])
    curves = list(map(curve_of, networks))
    fits = [fit_at(b, curves) for b in USUAL]
    pairs = [pair_of(found, networks) for found in fits]
    last = max(pair.crossing for pair in pairs)
    off = max(misfit(found, curves) for found in fits)
    if budget < FAR * last or off > _tolerance(networks):
        return ""
    times = f"{budget / last:.0f}" if last > 0 else "very many"
    return (
        f"; for every b from {USUAL[0]} to {USUAL[-1]:.0f}, the longest run of "
        f"large costs about {times} times the crossing: these runs are far past their "
        "crossing, where growing cannot be told from the large network"
    )


def _places(networks):
    """Where the runs are."""
    return " and ".join(network.place for network in networks)


def _tolerance(networks):
    """How far a law may be from the means of its runs."""
    losses = [loss for network in networks for loss in _means(network)]
    return max(OFF * (max(losses) - min(losses)), 3 * _error(networks))


def _means(network):
    """The mean loss of each budget of a network."""
    epochs, losses = curve_of(network)
    return [losses[epochs == n].mean() for n in np.unique(epochs)]


def _error(networks):
    """Standard error of such a mean, from seeds that differ."""
    spread, freedom, number = 0.0, 0, 0
    for epochs, losses in map(curve_of, networks):
        for n in np.unique(epochs):
            group = losses[epochs == n]
            spread += ((group - group.mean()) ** 2).sum()
            freedom += len(group) - 1
            number += 1
    if not freedom:
        return 0.0
    seeds = 1 + freedom / number
    return float(np.sqrt(spread / freedom / seeds))
