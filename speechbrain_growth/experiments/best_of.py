"""Chooses the best value of a setting on the validation set.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.statistics import by_seed, mean_and_half
from speechbrain_growth.experiments.sweeps.points import without

UNSET = "as in the YAML"


def best_of(runs, key):
    """Keeps, for each kind of run, those with the best value of a setting.

    The grid of a sweep names runs ``NAME,KEY@VALUE``; those that are kept get
    the name ``NAME``. The best value is the one whose runs have the best mean,
    over seeds, of their best validation. The test has no influence. A value
    with fewer finished seeds than another one is not chosen.

    Arguments
    ---------
    runs : list of Run
        All of one metric.
    key : str
        The setting, such as ``lr``.

    Returns
    -------
    list of Run
        Runs without the setting, and those with its best value.
    list of dict
        For each name the value that was chosen, and the mean that each value
        reached.

    Raises
    ------
    GrowthError
        If the name of no run has the setting.
    """
    groups = {}
    for run in runs:
        name, value = without(run.name, key)
        group = groups.setdefault(name, {})
        group.setdefault(UNSET if value is None else value, []).append(run)
    if all(set(group) == {UNSET} for group in groups.values()):
        raise GrowthError(
            f"best of {key}: no run is called NAME,{key}@VALUE; run a sweep "
            f"whose grid has {key}"
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
