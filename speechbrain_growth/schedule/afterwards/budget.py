"""The budget of a run: what it may spend, in one unit.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import NamedTuple

from speechbrain_growth.errors import GrowthError, did_you_mean

UNITS = ("macs", "cpu_seconds", "gpu_seconds", "wall_seconds", "epochs")


class Budget(NamedTuple):
    """What a run may spend.

    Arguments
    ---------
    unit : str
        One of ``UNITS``.
    amount : float
        How many of them.
    """

    unit: str
    amount: float

    def __str__(self):
        return f"{self.amount:g} {self.unit.replace('_', ' ')}"

    def share(self, spent, since=0.0):
        """Returns which part of the budget is spent.

        Arguments
        ---------
        spent : float
            Since the run began.
        since : float
            What was spent when the count began anew.

        Returns
        -------
        float
            From 0 to 1.

        Example
        -------
        >>> Budget("macs", 1e6).share(7e5, since=4e5)
        0.5
        """
        left = self.amount - since
        return min(max((spent - since) / left, 0.0), 1.0) if left > 0 else 1.0


def read_budget(value):
    """Reads the budget of a schedule.

    Arguments
    ---------
    value : dict
        One unit and its amount, such as ``{"macs": 1.7e13}``; None or an empty
        one for none. A unit with None does not count beside another.

    Returns
    -------
    Budget
        None for none.

    Raises
    ------
    GrowthError
        If it is no unit with an amount above 0.

    Example
    -------
    >>> print(read_budget({"cpu_seconds": 600}))
    600 cpu seconds
    """
    if value is None or value == {}:
        return None
    if isinstance(value, dict):  # None where an override replaces a unit
        given = {unit: one for unit, one in value.items() if one is not None}
        value = given or value
    if not isinstance(value, dict) or len(value) != 1:
        raise GrowthError(
            f"budget: found {value!r}; it must be one unit and its amount, "
            f"such as {{macs: 1.7e+13}}; units are {', '.join(UNITS)}"
        )
    ((unit, amount),) = value.items()
    if unit not in UNITS:
        hint = did_you_mean(unit, UNITS)
        raise GrowthError(
            f"budget: there is no unit {unit!r}; {hint and hint + ' '}"
            f"use one of {', '.join(UNITS)}"
        )
    if isinstance(amount, str):  # YAML takes 1e13 for a text
        try:
            amount = float(amount)
        except ValueError:
            pass
    number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
    if not number or not 0 < amount < float("inf"):
        raise GrowthError(
            f"budget: {unit} is {amount!r}; it must be a number above 0"
        )
    return Budget(unit, amount)


def totals(budget, epochs):
    """Returns where a run ends, as far as that is fixed.

    Arguments
    ---------
    budget : Budget
        None for none.
    epochs : int
        Number of the run's epochs.

    Returns
    -------
    dict
        By unit: ``epoch``, and ``macs`` if the budget is in MACs.

    Example
    -------
    >>> totals(Budget("epochs", 7.5), epochs=9)
    {'epoch': 8}
    """
    if epochs is not None:
        epochs = math.ceil(epochs_within(budget, epochs))
    found = {"epoch": epochs}
    if budget is None or budget.unit != "macs":
        return found
    return {**found, "macs": budget.amount}


def epochs_within(budget, epochs):
    """Returns how many epochs a run trains at most.

    Arguments
    ---------
    budget : Budget
        None for none.
    epochs : int
        Number of the run's epochs.

    Returns
    -------
    float
        Its last epoch may be a part of one.

    Example
    -------
    >>> epochs_within(Budget("epochs", 7.5), 9), epochs_within(None, 9)
    (7.5, 9)
    """
    by_epochs = budget is not None and budget.unit == "epochs"
    return min(epochs, budget.amount) if by_epochs else epochs
