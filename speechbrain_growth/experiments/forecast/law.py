"""When growing pays: closed forms for networks that follow one power law.

A network that trains for n epochs and decays its learning rate within them ends
at the loss F + B n^-b. B and b are the same for all sizes; F, the floor, is that
of the size.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import NamedTuple

NOTHING = 1e-6  # of the loss after one epoch: no difference between floors


class Pair(NamedTuple):
    """A small and a large network that follow one power law.

    Losses are those of a metric of which lower is better.

    Example
    -------
    >>> pair = Pair(17.0, 14.0, 100.0, 1.0, 1.0, 4.0)
    >>> pair.ratio, pair.delta
    (4.0, 3.0)
    >>> pair.crossing, pair.small_at(100.0), pair.large_at(100.0)
    (100.0, 18.0, 18.0)
    >>> date = pair.date(1.0)
    >>> round(date, 1), round(pair.grown_at(100.0, 1.0), 2)
    (33.3, 17.0)
    """

    small_floor: float  # F of the small network
    large_floor: float  # F of the large network
    scale: float  # B
    exponent: float  # b
    small_cost: float  # of one epoch, in any unit
    large_cost: float  # of one epoch, in the same unit

    @property
    def ratio(self):
        """r: what an epoch of the large network costs, in small epochs."""
        return self.large_cost / self.small_cost

    @property
    def delta(self):
        """Delta: the floor of the small network less that of the large one."""
        gap = self.small_floor - self.large_floor
        first = max(abs(self.small_floor), abs(self.large_floor)) + self.scale
        return gap if abs(gap) > NOTHING * first else 0.0

    @property
    def crossing(self):
        """C_x: the budget at which both end alike; infinite if they never do."""
        return self.small_cost * self._epochs(self.ratio**self.exponent)

    def date(self, rho):
        """C*: the best budget of the small network before it grows.

        Arguments
        ---------
        rho : float
            The carry-over: a network that grows at some loss goes on like a
            large one that has had rho times the compute which the large one
            needs for that loss.

        Returns
        -------
        float
            Infinite if growing never pays.
        """
        return self.small_cost * self._epochs(self._lead(rho))

    def saved(self, rho):
        """S: the compute that growing at the best date gains, for ever after.

        Arguments
        ---------
        rho : float
            The carry-over.

        Returns
        -------
        float
            0 if growing never pays.
        """
        date = self.date(rho)
        return (self._lead(rho) - 1) * date if math.isfinite(date) else 0.0

    def small_at(self, budget):
        """Returns the loss of the small network at a budget."""
        return self.loss(self.small_floor, budget / self.small_cost)

    def large_at(self, budget):
        """Returns the loss of the large network at a budget."""
        return self.loss(self.large_floor, budget / self.large_cost)

    def grown_at(self, budget, rho):
        """Returns the loss of the network that grows at the best date.

        Before that date it is the small network.
        """
        if budget < self.date(rho):
            return self.small_at(budget)
        return self.large_at(budget + self.saved(rho))

    def loss(self, floor, epochs):
        """Returns the loss of a network after some epochs.

        Arguments
        ---------
        floor : float
            The floor of its size.
        epochs : float
            How long it trains.

        Returns
        -------
        float
        """
        return floor + self.scale * epochs**-self.exponent

    def _lead(self, rho):
        """q: how far above the large floor the best date is, by Delta."""
        return (rho * self.ratio) ** (self.exponent / (1 + self.exponent))

    def _epochs(self, factor):
        """The small epochs after which B n^-b (factor - 1) is Delta."""
        if self.delta <= 0 or factor <= 1:
            return math.inf
        height = self.scale * (factor - 1) / self.delta
        try:
            return height ** (1 / self.exponent)
        except OverflowError:
            return math.inf
