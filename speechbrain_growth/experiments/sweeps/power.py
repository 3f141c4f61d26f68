"""Says, before a sweep is run, which difference its seeds can show.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.cells import pairs_shown
from speechbrain_growth.measure.lines import is_number

PARTS = 2  # final and test: of each pair, two differences are tested


def wrong_deviation(deviation):
    """Returns what is wrong with the key ``paired_sd``.

    Arguments
    ---------
    deviation : float or str
        A number, or the place of an earlier report; None for none.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_deviation(-1)
    ['paired_sd is -1; it must be a number above 0, or a report.json']
    """
    if deviation is None or isinstance(deviation, str):
        return []
    if is_number(deviation) and deviation > 0:
        return []
    return [
        f"paired_sd is {deviation!r}; it must be a number above 0, or a "
        "report.json"
    ]


def power_of(grid):
    """Returns which difference a sweep can show, in a sentence.

    Arguments
    ---------
    grid : Sweep
        The contents of a sweep file; its ``paired_sd`` is the deviation between
        two runs with the same seed, or the report of an earlier sweep, relative
        to the recipe's folder.

    Returns
    -------
    str

    Raises
    ------
    GrowthError
        If the report does not tell the deviation.
    """
    try:  # it needs SciPy, which training does not
        from speechbrain_growth.experiments.forecast.seeds import (
            difference_seen,
        )
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"paired_sd: {error}; a power needs it, so install it with "
            "`pip install -r requirements.txt`"
        )
    deviation, seeds = grid.paired_sd, len(grid.seeds)
    if isinstance(deviation, str):
        folder = os.path.dirname(grid.script)
        deviation = _observed(os.path.join(folder, deviation))
    if seeds < 2:
        return "Power: one seed shows no difference; give two or more."
    if len(grid.runs) < 2:
        return "Power: one kind of run has no difference; give two or more."
    family = PARTS * len(pairs_shown(list(grid.runs), grid.large))
    alone = difference_seen(seeds, deviation)
    last = difference_seen(seeds, deviation, family)
    return (
        f"Power: with {seeds} seeds whose paired differences have a deviation of "
        f"{deviation:.3g}, a difference of {alone:.3g} is seen in 80 % of all "
        f"cases (paired t-test at 5 %); as one of {family}, corrected (Holm), "
        f"one of {last:.3g}."
    )


def _observed(path):
    """The deviation between paired runs of an earlier report."""
    from speechbrain_growth.experiments.forecast.reports import runs_of_report
    from speechbrain_growth.experiments.forecast.seeds import paired_deviation
    from speechbrain_growth.experiments.forecast.sources import (
        Network,
        points_of,
    )

    if not os.path.isfile(path):
        raise GrowthError(f"paired_sd: there is no {path}; name a report.json")
    kinds = {}
    for run in runs_of_report(path, "*"):
        if run.test.get(run.metric) is not None:
            kinds.setdefault(run.name, []).extend(points_of(run))
    networks = [Network(name, path, tuple(p), 0) for name, p in kinds.items()]
    found = paired_deviation(networks)
    if not found:
        raise GrowthError(
            f"paired_sd: {path} has no two kinds of run with two seeds in "
            "common whose differences differ; give a number"
        )
    return found
