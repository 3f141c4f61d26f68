"""Reads the runs of one network: how long they were trained, where they ended.

Authors
 * The speechbrain_growth authors 2026
"""

import glob
import os
from typing import NamedTuple

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.comparable import check_runs
from speechbrain_growth.experiments.forecast.breaks import after_break
from speechbrain_growth.experiments.forecast.reports import (
    runs_of_report,
    split_report,
)
from speechbrain_growth.experiments.networks import sizes_by_run
from speechbrain_growth.experiments.runs import epoch_macs, find_runs, read_run


class Point(NamedTuple):
    """Where a run stood after some epochs."""

    seed: str
    epochs: float  # the last one may be a part of one
    loss: float  # the metric; its negative if higher is better
    end: bool = True  # whether the run ended here


class Network(NamedTuple):
    """The runs of one network that does not grow."""

    name: str  # small, large, or where its runs are
    place: str  # where its runs are, as it was given
    points: tuple  # of Point
    cost: float  # of one epoch
    left_out: tuple = ()  # folders of runs that were not finished
    whole: float = None  # MACs of an epoch, if they were logged


def read_all(places, metric=None, better=None):
    """Reads the runs of several networks.

    Arguments
    ---------
    places : list of str
        For each network its output folders, or folders above them, as a
        pattern such as ``results/small*``; or kinds of run in a report of
        ``compare``, as in ``report.json/small*``.
    metric : str
        As for ``read_run``.
    better : str
        As for ``read_run``.

    Returns
    -------
    dict
        A list of Run for each place.

    Raises
    ------
    GrowthError
        If a place has no run, or not all runs have one metric.
    """
    found, problems = {}, []
    for place in places:
        path, pattern = split_report(place)
        if path:
            found[place] = runs_of_report(path, pattern)
            continue
        there = [place] if os.path.exists(place) else sorted(glob.glob(place))
        folders, _ = find_runs(there)
        found[place] = [read_run(folder, metric, better) for folder in folders]
        if not folders:
            problems.append(
                f"{place}: there is no run; name a folder with a run_log.jsonl "
                "in it or below it, or a pattern for such folders in quotes"
            )
    if problems:
        raise GrowthError(problems)
    every = {run.folder: run for runs in found.values() for run in runs}
    # Runs of one kind and seed may differ in their budgets
    check_runs([run._replace(name=run.folder) for run in every.values()], [])
    return found


def network_of(place, runs, unit, curves=False, name=None):
    """Returns what the runs of a network say.

    Arguments
    ---------
    place : str
        Where they were found.
    runs : list of Run
        Finished or not.
    unit : str
        What an epoch costs: ``macs``, ``cpu_seconds`` or ``wall_seconds``.
    curves : bool
        Whether each validation counts, instead of the test at the end.
    name : str
        What the network is called; None for its place.

    Returns
    -------
    Network

    Raises
    ------
    GrowthError
        If not all runs are of one network that never grew, or none is
        finished.
    """
    ended = [run for run in runs if run.finished]
    problems = [
        f"{run.folder}: {words}"
        for run in ended
        for words in _unfit(run, unit, curves)
    ]
    sizes = {run.cost("parameters")[-1] for run in ended}
    if len(sizes) > 1 and not problems:
        problems.append(
            f"{place}: its runs have {_listed(sizes)} parameters; name runs "
            "of one network"
        )
    costs = {
        size.macs for some in sizes_by_run(ended).values() for size in some
    }
    if len(sizes) == 1 and len(costs) > 1 and not problems:
        listed = " and ".join(f"{cost:.3g}" for cost in sorted(costs))
        problems.append(
            f"{place}: an epoch of its runs costs {listed} MACs; name runs of "
            "one network"
        )
    if not ended:
        states = _listed({run.state for run in runs})
        problems.append(f"{place}: no run is finished ({states}); finish one")
    whole = epoch_macs(ended)
    if any(
        run.budget and not (whole and run.cost("macs")[-1]) for run in ended
    ):
        problems.append(
            f"{place}: with a budget, runs must log their MACs, and one of them "
            "a whole epoch; add one with a larger budget"
        )
    if problems:
        raise GrowthError(problems)
    trained = _trained(ended, whole)
    costs = [run.cost(unit)[-1] / trained[run.folder] for run in ended]
    return Network(
        name=name or place,
        place=place,
        points=tuple(
            point
            for run in ended
            for point in points_of(run, curves, trained[run.folder])
        ),
        cost=sum(costs) / len(costs),
        left_out=tuple(run.folder for run in runs if not run.finished),
        whole=whole,
    )


def _trained(runs, whole):
    """For how many epochs runs were trained, by their folders.

    A budget may end a run within an epoch. All seeds of a kind get the same
    number: budgets in seconds differ a little between them.
    """
    kinds, found = {}, {}
    for run in runs:
        kinds.setdefault((run.name, run.budget and run.budget.unit), []).append(
            run
        )
        found[run.folder] = run.epochs[-1]["epoch"]
    for (_, unit), kind in kinds.items():
        if unit is not None:
            macs = sum(run.cost("macs")[-1] for run in kind) / len(kind)
            found.update((run.folder, macs / whole) for run in kind)
    return found


def points_of(run, curves=False, trained=None):
    """Returns the end of a run, or its whole curve after the break.

    Arguments
    ---------
    run : Run
        A finished one, with a test unless its curve is asked for.
    curves : bool
        Whether it is the curve.
    trained : float
        For how many epochs it was trained; None for as many as it logged.

    Returns
    -------
    list of Point
    """
    last = trained or run.epochs[-1]["epoch"]
    sign = 1 if run.better == "lower" else -1
    if not curves:
        return [Point(run.seed, last, sign * run.test[run.metric])]
    known = [
        (epoch["epoch"], sign * value)
        for epoch, value in zip(run.epochs, run.curve)
        if value is not None
    ]
    kept = known[after_break([loss for _, loss in known]) :]
    ends = {run.epochs[-1]["epoch"]: last}
    return [
        Point(run.seed, ends.get(n, n), loss, n in ends) for n, loss in kept
    ]


def _unfit(run, unit, curves):
    """What keeps a run from standing for a network that does not grow."""
    words = []
    if not run.epochs[-1]["epoch"]:
        return ["it has no epoch; name runs of at least one"]
    if run.growths:
        words.append("it grew; name runs that keep their sizes")
    if run.before is not None:
        words.append("it starts from another run; name runs from scratch")
    if not run.cost(unit)[-1]:
        words.append(f"it has no {unit}; give another --unit")
    if not curves and run.test.get(run.metric) is None:
        words.append(f"its test has no {run.metric}; give --curves")
    if curves and all(value is None for value in run.curve):
        words.append(f"its validation has no {run.metric}; give --metric")
    return words


def _listed(found):
    """Some values in words."""
    return " and ".join(sorted(map(str, found)))
