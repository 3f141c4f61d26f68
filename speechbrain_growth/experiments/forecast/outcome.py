"""What runs of networks that do not grow say of one that does.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

from speechbrain_growth.experiments.forecast.checks import pair_of
from speechbrain_growth.experiments.forecast.seeds import interval

RHOS = 1.0, 0.8  # carry-overs: all that is possible, and what is usual


class Forecast(NamedTuple):
    """What runs of networks that do not grow say of one that does."""

    networks: tuple  # of Network: small, large, others
    fit: object  # their Fit
    resampled: tuple  # of Fit, one for each draw of seeds; None for no law
    deviation: float  # between two runs, paired over seeds, or None
    budget: float
    unit: str
    metric: str
    better: str

    @property
    def pair(self):
        """The small and the large network."""
        return pair_of(self.fit, self.networks)

    def of(self, function):
        """Returns a number of the forecast, and its 95 % interval.

        Arguments
        ---------
        function : callable
            Gets a Fit and its Pair.

        Returns
        -------
        tuple
            The number and its interval; None for the interval with one seed.
        """
        drawn = [fit for fit in self.resampled if fit is not None]
        every = [self.fit, *drawn]
        first, *rest = (function(f, pair_of(f, self.networks)) for f in every)
        return first, interval(rest)

    def ends(self):
        """Returns what every network would reach at the budget.

        Returns
        -------
        dict
            A number and its interval by the name of the network.
        """
        at = {
            network.name: self.of(_reached(i, self.budget / network.cost))
            for i, network in enumerate(self.networks)
        }
        for rho in RHOS:
            at[f"grown, rho {rho:g}"] = self.of(
                lambda _, pair, rho=rho: pair.grown_at(self.budget, rho)
            )
        return at

    def gain(self, rho):
        """Returns how far growing would be below the best other network."""
        ends = [end for end, _ in self.ends().values()][: len(self.networks)]
        return min(ends) - self.pair.grown_at(self.budget, rho)


def _reached(place, epochs):
    """What the network at one place reaches after some epochs."""
    return lambda fit, pair: pair.loss(fit.floors[place], epochs)
