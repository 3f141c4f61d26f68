"""The best network that does not grow, by its law and as it was measured.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import NamedTuple

import numpy as np

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.forecast.carry_over import end_of, spans_of
from speechbrain_growth.experiments.forecast.checks import common_fit, pair_of
from speechbrain_growth.experiments.forecast.fitting import Fit
from speechbrain_growth.experiments.forecast.sources import network_of
from speechbrain_growth.experiments.frontier.kinds import label_of
from speechbrain_growth.experiments.networks import CLOSE


class Law(NamedTuple):
    """One power law for all networks that do not grow, in one unit of cost.

    Losses are those of a metric of which lower is better.
    """

    networks: tuple  # of Network: the smallest, the largest, others
    sizes: tuple  # of Size, one for each
    fit: Fit

    @property
    def pair(self):
        """The smallest and the largest network."""
        return pair_of(self.fit, self.networks)

    def best(self, cost):
        """Returns the loss of the best network at a cost."""
        return min(
            self.pair.loss(floor, cost / network.cost)
            for floor, network in zip(self.fit.floors, self.networks)
        )

    def needed(self, loss):
        """Returns the cost at which the first network reaches a loss.

        Arguments
        ---------
        loss : float
            Of a network that grows.

        Returns
        -------
        float
            Infinite if it is below all floors.
        """
        return min(
            network.cost
            * ((loss - floor) / self.fit.scale) ** (-1 / self.fit.exponent)
            if loss > floor
            else math.inf
            for floor, network in zip(self.fit.floors, self.networks)
        )

    def gain(self, cost, rho):
        """Returns how far the best growth is below the best network."""
        return self.best(cost) - self.pair.grown_at(cost, rho)

    def end(self, kind, rho, unit):
        """Returns where the law has a kind of run end.

        Arguments
        ---------
        kind : Kind
            It may grow, between sizes that the law has.
        rho : float
            Its carry-over.
        unit : str
            What costs are counted in.

        Returns
        -------
        float
            A mean over seeds; NaN if the law does not know a size of the runs.
        """
        known = dict(zip(self.sizes, zip(self.fit.floors, self.networks)))
        if not kind.grew:
            floor, network = known[kind.size]
            return self.pair.loss(floor, kind.cost(unit) / network.cost)
        ends = []
        for run, has in zip(kind.runs, kind.sizes):
            if not set(has) <= set(known):
                return math.nan
            epochs = spans_of(run, known[has[-1]][1].whole)
            if not epochs[0]:
                return math.nan
            floors = [known[size][0] for size in has]
            ends.append(end_of(self.fit, floors, epochs, rho))
        return sum(ends) / len(ends)


def law_of(sizes, unit):
    """Fits one power law to networks that do not grow.

    Arguments
    ---------
    sizes : dict
        Lists of Kind by Size, two at least.
    unit : str
        What an epoch costs: ``macs`` or ``cpu_seconds``.

    Returns
    -------
    Law

    Raises
    ------
    GrowthError
        If the runs do not determine a law, or follow none in common.
    """
    found, problems = {}, []
    for size, kinds in sizes.items():
        runs = [run for kind in kinds for run in kind.runs]
        try:
            found[size] = network_of(label_of(kinds), runs, unit)
        except GrowthError as error:
            problems += error.problems
    if problems:
        raise GrowthError(problems)
    order = sorted(found, key=lambda size: found[size].cost)
    order = [order[0], order[-1], *order[1:-1]]
    networks = [found[size] for size in order]
    return Law(tuple(networks), tuple(order), common_fit(networks))


def ends_of(sizes, unit):
    """Returns where networks that do not grow ended.

    Arguments
    ---------
    sizes : dict
        Lists of Kind by Size.
    unit : str
        What costs are counted in.

    Returns
    -------
    list of tuple
        For each size its costs, from the least on, and the losses.
    """
    return [
        tuple(zip(*sorted((kind.cost(unit), kind.loss) for kind in kinds)))
        for kinds in sizes.values()
    ]


def measured(ends, cost):
    """Returns the loss of the best network at a cost, between measured ends.

    Between two ends of one size, the loss is linear in the logarithm of the
    cost. A size counts from its first end on; beyond its last end, with the
    loss of that, as long as another size was measured there.

    Arguments
    ---------
    ends : list of tuple
        From ``ends_of``.
    cost : float
        Where.

    Returns
    -------
    float
        NaN below the first end of all sizes, and beyond the last.

    Example
    -------
    >>> measured([((1.0, 100.0), (9.0, 5.0)), ((10.0, 30.0), (8.0, 4.0))], 10.0)
    7.0
    """
    if cost > CLOSE * max(costs[-1] for costs, _ in ends):
        return math.nan
    losses = [
        np.interp(np.log(cost), np.log(costs), values)
        for costs, values in ends
        if costs[0] <= CLOSE * cost
    ]
    return float(min(losses, default=math.nan))
