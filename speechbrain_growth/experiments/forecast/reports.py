"""Reads runs from a report of ``compare``, which has their ends only.

Authors
 * The speechbrain_growth authors 2026
"""

import fnmatch
import json
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.runs import COSTS, Run
from speechbrain_growth.measure.lines import wrong_in
from speechbrain_growth.schedule.afterwards.budget import Budget

ENDING = ".json"


def split_report(place):
    """Splits a place into a report and the kinds of run in it.

    Arguments
    ---------
    place : str
        Such as ``report.json/small*``.

    Returns
    -------
    tuple of str
        Path and pattern; both None if the place is in no report.
    """
    stem, mark, pattern = place.rpartition(ENDING + os.sep)
    path = stem + ENDING
    return (path, pattern) if mark and os.path.isfile(path) else (None, None)


def runs_of_report(path, pattern):
    """Returns the finished runs of some kinds.

    Arguments
    ---------
    path : str
        A ``report.json``.
    pattern : str
        What their names look like, such as ``small*``.

    Returns
    -------
    list of Run
        Each with its last epoch only; costs are means over seeds.

    Raises
    ------
    GrowthError
        If the file is no report, or has no such kind of run.
    """
    try:
        with open(path, encoding="utf-8") as fin:
            report = json.load(fin)
        if report["better"] not in ("lower", "higher"):
            raise ValueError(f"better is {report['better']!r}")
        groups = {g["name"]: g for g in report["groups"] if g["seeds"]}
        names = fnmatch.filter(groups, pattern)
        runs = [
            _run(report, groups[name], seed, path)
            for name in names
            for seed in groups[name]["seeds"]
        ]
        wrong = [w for run in runs for w in map(wrong_in, run.epochs) if w]
    except (LookupError, TypeError, ValueError) as error:
        wrong = [repr(error)]
    if wrong:
        raise GrowthError(
            f"{path}: it is no report of compare ({wrong[0]}); name one, or "
            "the folders of the runs"
        )
    if not runs:
        raise GrowthError(
            f"{path}: no kind of run is called {pattern}; use "
            f"{', '.join(groups) or 'another report'}"
        )
    return runs


def _run(report, group, seed, path):
    """One run, as far as a report knows it."""
    metric = report["metric"]
    last = {
        "event": "epoch",
        "epoch": max(group["epochs"]),
        "parameters": max(group["parameters"], default=None),
        "valid": {metric: group["values"]["final"][seed]},
        **{key: group[key]["mean"] for key in COSTS},
    }
    budget, epochs = group.get("budget"), [last]
    if budget and group.get("epoch_macs"):  # the last one was not a whole one
        first = {"event": "epoch", "epoch": 1, "macs": group["epoch_macs"]}
        epochs.insert(0, first)
    return Run(
        folder=f"{path}, {group['name']}, seed {seed}",
        name=group["name"],
        seed=seed,
        metric=metric,
        better=report["better"],
        epochs=epochs,
        growths=group["growths"],
        test={metric: group["values"]["test"][seed]},
        limit=None,
        settings={},
        machine={},
        before=None,
        budget=Budget(*next(iter(budget.items()))) if budget else None,
    )
