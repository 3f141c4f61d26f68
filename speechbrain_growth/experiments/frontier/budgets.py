"""What was measured at each budget, and against which networks.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.experiments.forecast.outcome import RHOS
from speechbrain_growth.experiments.frontier.kinds import UNITS
from speechbrain_growth.experiments.statistics import (
    holm,
    mean_and_half,
    paired,
)


def is_law(law):
    """Returns whether there is a law, and not only why there is none.

    Arguments
    ---------
    law : Law or str
        The law, or the reason.

    Returns
    -------
    bool
    """
    return not isinstance(law, str)


def table_of(unit, kinds, sizes, law):
    """Returns what was measured at one budget.

    Arguments
    ---------
    unit : str
        What the budget is counted in.
    kinds : list of Kind
        All of that budget; some of them grew.
    sizes : dict
        Lists of Kind that did not grow, by Size.
    law : Law or str
        In that unit.

    Returns
    -------
    dict
        ``unit``, ``budget``, its ``share`` of C_x if that is known, and
        ``rows``, one for each kind. What they hold are losses, not the metric.
    """
    spent = [kind.planned(unit) for kind in kinds if kind.grew]
    budget = sum(spent) / len(spent)
    known = is_law(law) and math.isfinite(law.pair.crossing)
    return {
        "unit": unit,
        "budget": budget,
        "share": budget / law.pair.crossing if known else None,
        "rows": [_row(kind, kinds, unit, sizes, law) for kind in kinds],
    }


def _row(kind, kinds, unit, sizes, law):
    """What is known of one kind of run at a budget."""
    static = [other for other in kinds if not other.grew]
    needs = law.needed(kind.loss) if kind.grew and is_law(law) else None
    return {
        "name": kind.name,
        "seeds": len(kind.runs),
        "grew": kind.grew,
        "costs": {
            key: mean_and_half(run.cost(key)[-1] for run in kind.runs)
            for key in UNITS
        },
        "loss": mean_and_half(kind.losses.values()),
        "less": _opponents(kind, static, sizes) if kind.grew else [],
        "needs": needs,
        "predicted": kind.predicted,
        "law": losses_by_law(kind, unit, law),
    }


def losses_by_law(kind, unit, law):
    """Returns the least and the most loss that the law gives a kind of run.

    Arguments
    ---------
    kind : Kind
        It may have grown.
    unit : str
        What costs are counted in.
    law : Law or str
        In that unit.

    Returns
    -------
    list of float
        For the usual and the best rho; None if there is no law, or it does not
        know a size of the runs.
    """
    if not is_law(law):
        return None
    ends = [law.end(kind, rho, unit) for rho in RHOS]
    return None if any(map(math.isnan, ends)) else sorted(ends)


def _opponents(kind, static, sizes):
    """A grown kind less the small, the large and the best intermediate one."""
    small, *between, large = sizes
    wanted = {
        "small": [small],
        "best intermediate": between,
        "large": [large],
    }
    found = []
    for word, some in wanted.items():
        others = [other for other in static if other.size in some]
        if others:
            other = min(others, key=lambda one: one.loss)
            pair = paired(
                "test", (kind.name, kind.losses), (other.name, other.losses)
            )
            found.append({"which": word, **pair})
    return found


def correct(tables):
    """Corrects p for all differences of all tables, in place.

    Arguments
    ---------
    tables : list of dict
        From ``table_of``.
    """
    every = [
        less
        for table in tables
        for row in table["rows"]
        for less in row["less"]
    ]
    for less, p in zip(every, holm([less["p"] for less in every])):
        less["holm"] = p
