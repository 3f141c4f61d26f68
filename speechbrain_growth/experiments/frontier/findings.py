"""What runs say of growing against the best network that does not grow.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.frontier.budgets import (
    correct,
    losses_by_law,
    table_of,
)
from speechbrain_growth.experiments.frontier.kinds import (
    UNITS,
    budgets_of,
    kinds_of,
    label_of,
    static_sizes,
)
from speechbrain_growth.experiments.frontier.laws import (
    ends_of,
    law_of,
    measured,
)
from speechbrain_growth.experiments.statistics import paired


class Findings(NamedTuple):
    """What is shown of runs that grow and of those that do not."""

    grown: tuple  # of Kind
    sizes: dict  # lists of Kind that do not grow, by Size
    laws: dict  # by unit: a Law, or why there is none
    tables: tuple  # of dict, one for each budget
    gains: dict  # by unit: a dict for each kind that grows
    metric: str
    better: str

    @property
    def sign(self):
        """What turns a loss into the metric."""
        return 1 if self.better == "lower" else -1


def findings_of(runs):
    """Compares what grows with the best network that does not, if there is one.

    Arguments
    ---------
    runs : list of Run
        All of one metric.

    Returns
    -------
    Findings
        None if no finished run grew, or fewer than two sizes were trained from
        start to end.
    """
    kinds = kinds_of(runs)
    sizes, grown = static_sizes(kinds), [kind for kind in kinds if kind.grew]
    static = [kind for some in sizes.values() for kind in some]
    units = [
        unit for unit in UNITS if all(k.cost(unit) for k in [*static, *grown])
    ]
    if not grown or len(sizes) < 2 or "macs" not in units:
        return None
    laws = {unit: _law_or_why(sizes, unit) for unit in units}
    budgets = [
        (unit, some)
        for unit in units
        for some in budgets_of(static + grown, unit)
    ]
    tables = [table_of(unit, some, sizes, laws[unit]) for unit, some in budgets]
    correct(tables)
    gains = {
        unit: [
            _gain(
                kind,
                unit,
                measured(ends_of(sizes, unit), kind.cost(unit)),
                [some for u, some in budgets if u == unit],
                laws[unit],
            )
            for kind in grown
        ]
        for unit in units
    }
    first = runs[0]
    return Findings(
        tuple(grown),
        sizes,
        laws,
        tuple(tables),
        gains,
        first.metric,
        first.better,
    )


def _law_or_why(sizes, unit):
    """The law of all sizes, or what is missing for it."""
    try:
        return law_of(sizes, unit)
    except GrowthError as error:
        return "; ".join(error.problems)


def _gain(kind, unit, best, budgets, law):
    """How far a grown kind is below the best network of about its cost.

    It is paired with a network of the same budget, if there is one; else
    ``best`` lies between measured ends, and there is no interval.
    """
    cost = kind.cost(unit)
    gain = {"mean": best - kind.loss, "half": None, "predicted": None}
    static = [
        other
        for some in budgets
        if kind in some
        for other in some
        if not other.grew
    ]
    ends = losses_by_law(kind, unit, law)
    gain["law"] = ends and [law.best(cost) - end for end in reversed(ends)]
    if static:
        best = min(static, key=lambda other: other.loss)
        pair = paired("test", ("", best.losses), ("", kind.losses))
        if pair["mean"] is not None:
            gain.update(mean=pair["mean"], half=pair["half"])
        if kind.predicted and all(other.predicted for other in static):
            middle = [sum(other.predicted) / 2 for other in static]
            gain["predicted"] = min(middle) - sum(kind.predicted) / 2
    return {"name": kind.name, "base": kind.base, "cost": cost, **gain}


def labels_of(sizes):
    """Returns what each size is called.

    Arguments
    ---------
    sizes : dict
        Lists of Kind by Size.

    Returns
    -------
    dict
        A name by Size.
    """
    return {size: label_of(kinds) for size, kinds in sizes.items()}
