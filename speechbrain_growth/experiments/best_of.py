"""Keeps, of runs that differ in one setting, those that validate best.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.grid import without
from speechbrain_growth.experiments.statistics import by_seed, mean_and_half

UNSET = "as in the YAML"


def best_of(runs, key):
    """Of each kind of run the best value of a setting, named without it.

    A sweep's grid calls runs ``NAME,KEY@VALUE``. Chosen is the value whose
    runs have the best mean, over seeds, of their best validation; the test is
    not looked at. A value with fewer finished seeds than another is not taken.

    Arguments
    ---------
    runs : list of Run
        All of one metric.
    key : str
        The setting, such as ``lr``.

    Returns
    -------
    list of Run
        Runs without the setting, and the best of the others.
    list of dict
        What was chosen for each name, and what the values that were tried have
        reached.

    Raises
    ------
    GrowthError
        If no run's name has the setting.
    """
    groups = {}
    for run in runs:
        name, value = without(run.name, key)
        group = groups.setdefault(name, {})
        group.setdefault(UNSET if value is None else value, []).append(run)
    if all(set(group) == {UNSET} for group in groups.values()):
        raise GrowthError(
            f"best of {key}: no run is called NAME,{key}@VALUE; a sweep whose "
            f"grid has {key} makes such runs"
        )
    kept, chosen = [], []
    for name, group in groups.items():
        tried = {value: _reached(same) for value, same in group.items()}
        value = _best(tried, runs[0].better)
        kept += [run._replace(name=name) for run in group[value]]
        if set(group) != {UNSET}:
            chosen.append(
                {"name": name, "key": key, "value": value, "tried": tried}
            )
    return kept, chosen


def _reached(runs):
    """Mean over seeds of the best validation, and how many there are."""
    finished = [run for run in runs if run.finished]
    return mean_and_half(by_seed("best", finished).values())


def _best(tried, better):
    """The value with the best mean, among those with the most seeds."""
    most = max(found["number"] for found in tried.values())
    known = {
        value: found["mean"]
        for value, found in tried.items()
        if found["number"] == most and found["mean"] is not None
    }
    choose = min if better == "lower" else max
    return choose(known, key=known.get) if known else next(iter(tried))
