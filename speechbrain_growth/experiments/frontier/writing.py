"""Writes what runs say of growing against the best network.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.experiments.forecast.outcome import RHOS
from speechbrain_growth.experiments.frontier.budgets import is_law
from speechbrain_growth.experiments.frontier.findings import findings_of
from speechbrain_growth.experiments.frontier.picture import draw


def write_frontier(runs, folder):
    """Draws the picture, and returns its numbers.

    Arguments
    ---------
    runs : list of Run
        All of one metric.
    folder : str
        Of the picture.

    Returns
    -------
    dict
        ``laws`` by unit, ``tables``, ``gains`` by unit, and the name of the
        ``picture``. A loss is the metric times ``sign``. None if nothing grew,
        or fewer than two sizes were trained from start to end.
    """
    found = findings_of(runs)
    if found is None:
        return None
    return {
        "sign": found.sign,
        "rhos": sorted(RHOS),
        "laws": {unit: _law(law) for unit, law in found.laws.items()},
        "tables": list(found.tables),
        "gains": found.gains,
        "picture": draw(found, folder),
    }


def _law(law):
    """A law in numbers, or why there is none."""
    if not is_law(law):
        return {"why": law}
    pair = law.pair
    crossing = pair.crossing if math.isfinite(pair.crossing) else None
    return {
        "floors": dict(zip([n.name for n in law.networks], law.fit.floors)),
        "scale": law.fit.scale,
        "exponent": law.fit.exponent,
        "ratio": pair.ratio,
        "crossing": crossing,
        "dates": [pair.date(rho) for rho in sorted(RHOS)],
    }
