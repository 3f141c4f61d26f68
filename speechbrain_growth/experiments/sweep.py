"""Runs a grid of trainings: ``python -m speechbrain_growth sweep FILE.yaml``.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import fcntl
import json
import os
import sys

from tqdm import tqdm

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments import compare
from speechbrain_growth.experiments.grid import SET_BY_SWEEP, read_sweep
from speechbrain_growth.experiments.jobs import Job, failure, run_all
from speechbrain_growth.experiments.points import HPARAMS, START
from speechbrain_growth.experiments.runs import epochs_done, is_done
from speechbrain_growth.files import aside, open_own
from speechbrain_growth.measure.events import RUN_LOG

SETTINGS = "sweep_settings.json"  # the overrides that a run began with
LOG = "sweep_log.txt"  # the output of a run
TAILS = 3  # failed runs of which the end of the log is shown


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "sweep",
        help="run a grid of trainings and compare them",
        description="Runs the trainings that a YAML lists, and compares them. "
        "A training that is finished is skipped, one that was stopped "
        "continues. Options after -- are given to every train.py, such as "
        "--data_folder=FOLDER.",
    )
    parser.add_argument("file", help="the YAML, as in docs/experiments.md")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--threads", type=int, default=1, help="per run")
    parser.add_argument("--out", help="of the report; default: RESULTS/report")
    parser.set_defaults(run=sweep)


def sweep(chosen):
    """Runs a sweep file, then compares its runs.

    Arguments
    ---------
    chosen : argparse.Namespace
        What ``add_parser`` describes, and ``passed_on``, a list of arguments.

    Raises
    ------
    GrowthError
        Before any run, if something is wrong with the file; at the end, if runs
        failed.
    """
    compare.require_libraries()  # before the runs, not after hours of them
    grid = read_sweep(chosen.file)
    problems = [
        f"--{key} is {getattr(chosen, key)}; it must be 1 or more"
        for key in ("jobs", "threads")
        if getattr(chosen, key) < 1
    ]
    named = {key for overrides in grid.runs.values() for key in overrides}
    problems += [
        f"{argument}: the sweep sets this key, too; leave it out of one"
        for argument in chosen.passed_on
        if argument.split("=")[0].lstrip("-") in named.union(SET_BY_SWEEP)
    ]
    runs = [(name, seed) for name in grid.runs for seed in grid.seeds]
    for name, seed in runs:
        wanted = _settings(grid, name, chosen.passed_on)
        problems += _other_settings(grid.folder(name, seed), wanted)
    if problems:
        raise GrowthError(problems)
    with alone(grid.results):
        jobs = [
            _job(grid, name, seed, chosen.passed_on)
            for name, seed in runs
            if not is_done(grid.folder(name, seed))
        ]
        failed = _run(jobs, len(runs), chosen)
    out = chosen.out or os.path.join(grid.results, "report")
    folders = [grid.folder(*run) for run in runs]
    try:
        compare.report(folders, out, grid.large, best=grid.best_of)
    except GrowthError as error:  # first the reason why runs failed
        raise GrowthError(failed + error.problems)
    print(compare.text_of(out))
    print(f"\n{os.path.join(out, 'report.md')}")
    if failed:
        raise GrowthError(failed)


@contextlib.contextmanager
def alone(folder):
    """Inside this context, no other sweep can use a folder.

    Arguments
    ---------
    folder : str
        It is made if it does not exist.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another sweep is running there.
    """
    os.makedirs(folder, exist_ok=True)
    with open(open_own(os.path.join(folder, ".sweep.lock")), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it closes
        except BlockingIOError:
            raise GrowthError(
                f"{folder}: another sweep is running there; wait for its end, "
                "or stop it"
            )
        yield


def _run(jobs, number, chosen):
    """Runs jobs with a progress bar; returns a message for each that failed."""
    done = number - len(jobs)
    # With several runs at once, only the mean rate means something
    with tqdm(total=number, initial=done, unit="run", smoothing=0) as bar:

        def show(running, ended):
            """Shows the progress of each run; in a file, only when a run ends."""
            if not (sys.stderr.isatty() or done + ended > bar.n):
                return
            shown = [f"{job.name} {epochs_done(job.folder)}" for job in running]
            bar.set_postfix_str(", ".join(shown), False)
            bar.n = done + ended
            bar.refresh()

        statuses = run_all(jobs, chosen.jobs, chosen.threads, show)
    failed = [j for j in jobs if statuses[j.name] or not is_done(j.folder)]
    return [
        failure(job, statuses[job.name], number < TAILS)
        for number, job in enumerate(failed)
    ]


def _job(grid, name, seed, passed_on):
    """The command of one run; writes its overrides into its folder."""
    folder = grid.folder(name, seed)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, SETTINGS)
    with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
        json.dump(_settings(grid, name, passed_on), fout)
    overrides = {**grid.runs[name], "seed": seed, "output_folder": folder}
    earlier = grid.earlier(name)
    if earlier is not None:
        overrides[START] = grid.folder(earlier, seed)
    return Job(
        name=f"{name}/{seed}",
        command=[
            sys.executable,
            os.path.basename(grid.script),
            overrides.pop(HPARAMS, grid.hparams),
            *(f"--{key}={value}" for key, value in overrides.items()),
            *passed_on,
        ],
        cwd=os.path.dirname(grid.script),
        log=os.path.join(folder, LOG),
        after="" if earlier is None else f"{earlier}/{seed}",
    )


def _settings(grid, name, passed_on):
    """The texts that a run begins with, except for its seed."""
    own = {**grid.runs[name], "--": " ".join(passed_on)}
    earlier = grid.earlier(name)
    if earlier is not None:
        before = _settings(grid, earlier, passed_on)
        own.update({f"{START}'s {key}": v for key, v in before.items()})
    return own


def _other_settings(folder, wanted):
    """How a run that exists differs from the settings that are wanted now."""
    files = [os.path.join(folder, file) for file in (RUN_LOG, LOG, SETTINGS)]
    *begun, noted = map(os.path.exists, files)
    if not any(begun):
        return []
    if not noted:
        return [f"{folder}: no sweep made this run; delete it or rename it"]
    try:
        with open(files[-1], encoding="utf-8") as fin:
            had = json.load(fin)
    except ValueError:
        had = None
    if not isinstance(had, dict):
        return [f"{files[-1]} is damaged; restore it, or delete the folder"]
    return [
        f"{folder}: was begun with {_setting(key, had)}, but now has "
        f"{_setting(key, wanted)}; delete the folder, or change that back"
        for key in sorted({*had, *wanted})
        if had.get(key) != wanted.get(key)
    ]


def _setting(key, overrides):
    """One setting in words."""
    text = f"{key} {overrides.get(key, 'as in the YAML')}"
    return f"'{overrides[key]}' behind --" if key == "--" else text
