"""Checks the command line of a sweep.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.experiments.runs import is_done
from speechbrain_growth.experiments.sweeps.words import BUDGET, SET_BY_SWEEP
from speechbrain_growth.measure.events import RUN_LOG, read_events


def wrong_arguments(chosen, grid):
    """Returns what is wrong with the command line of a sweep.

    Arguments
    ---------
    chosen : argparse.Namespace
        The options.
    grid : Sweep
        The contents of a sweep file.

    Returns
    -------
    list of str
    """
    numbers = {"jobs": chosen.jobs, "threads": chosen.threads}
    problems = [
        f"--{key} is {number}; it must be 1 or more"
        for key, number in numbers.items()
        if number is not None and number < 1
    ]
    if chosen.jobs is not None and (chosen.print or chosen.launcher):
        problems.append(
            "--jobs: who starts the runs decides how many run at once; leave "
            "it out"
        )
    if chosen.out and chosen.print:
        problems.append("--out: --print writes no report; leave it out")
    if chosen.launcher_options and not chosen.launcher:
        problems.append(
            "--launcher-options: there is no launcher; give --launcher submitit"
        )
    if chosen.power and grid.paired_sd is None:
        problems.append(
            "--power: the file has no paired_sd; give it the deviation of paired "
            "differences, or an earlier report.json"
        )
    named = {key for overrides in grid.runs.values() for key in overrides}
    named.update([BUDGET] if grid.equal else [])
    return problems + [
        f"{argument}: the sweep sets this key, too; leave it out of one"
        for argument in chosen.passed_on
        if argument.split("=")[0].lstrip("-") in named.union(SET_BY_SWEEP)
    ]


def other_threads(grid, runs, threads):
    """Returns which runs cannot be given the seconds of others.

    A second of two threads is not a second of one.

    Arguments
    ---------
    grid : Sweep
        The contents of a sweep file.
    runs : list of tuple
        Name and seed of each run.
    threads : int
        Number of threads that they will have.

    Returns
    -------
    list of str
    """
    problems = []
    for name, seed in runs:
        unit, other = grid.equal.get(name, ("", None))
        if not unit.endswith("seconds") or is_done(grid.folder(name, seed)):
            continue
        for one in (other, name):
            folder = grid.folder(one, seed)
            events = read_events(os.path.join(folder, RUN_LOG))
            had = events[0].get("threads", threads) if events else threads
            if str(had) != str(threads):
                problems.append(
                    f"{folder} was run with {had} threads, and {name} is to "
                    f"take as many {unit} as {other}; give --threads {had}, or "
                    "delete the folder"
                )
    return list(dict.fromkeys(problems))
