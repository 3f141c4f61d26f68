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
from speechbrain_growth.experiments.compare import instruments, report
from speechbrain_growth.experiments.grid import OWN, START, read_sweep
from speechbrain_growth.experiments.jobs import Job, end_of, run_all
from speechbrain_growth.experiments.tables import as_markdown
from speechbrain_growth.measure.events import RUN_LOG, read_events

SETTINGS = "sweep_settings.json"  # the overrides that a run began with
LOG = "sweep_log.txt"  # what a run printed
TAILS = 3  # failed runs whose logs' ends are shown


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
        description="Runs what a YAML lists, skips what is done, goes on with "
        "what was stopped, and compares. Whatever follows -- is passed on to "
        "every train.py, such as --data_folder=FOLDER.",
    )
    parser.add_argument("file", help="the YAML; docs/instrument.md has one")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--out", help="of the report; if not, RESULTS/report")
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
        If something is wrong with the file, before anything is run; if runs
        fail, after the others were run and compared.
    """
    instruments()  # what is missing is better known before than after
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
        if argument.split("=")[0].lstrip("-") in named.union(OWN)
    ]
    runs = [(name, seed) for name in grid.runs for seed in grid.seeds]
    for name, seed in runs:
        wanted = settings(grid, name, chosen.passed_on)
        problems += other_settings(grid.folder(name, seed), wanted)
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
        summary = report(folders, out, grid.large, best=grid.best_of)
    except GrowthError as error:  # why they failed comes first
        raise GrowthError(failed + error.problems)
    print(as_markdown(summary))
    print(f"\n{os.path.join(out, 'report.md')}")
    if failed:
        raise GrowthError(failed)


def is_done(folder):
    """Whether a run was tested, which is the last thing that a run does.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    bool
    """
    events = read_events(os.path.join(folder, RUN_LOG))
    return any(event["event"] == "test" for event in events)


@contextlib.contextmanager
def alone(folder):
    """Keeps other sweeps out of a folder for as long as the context lasts.

    Arguments
    ---------
    folder : str
        Made if there is none.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another sweep is running there.
    """
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".sweep.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it closes
        except BlockingIOError:
            raise GrowthError(
                f"{folder}: another sweep is running there; wait for its end, "
                "or stop it"
            )
        yield


def _run(jobs, number, chosen):
    """Runs jobs behind a bar; says of each that failed how its log ends."""
    done = number - len(jobs)
    # the mean rate: that of the last run says little when some run at once
    bar = tqdm(total=number, initial=done, unit="run", smoothing=0)
    with bar:

        def tell(running, ended):
            """Shows how far each run is; in a file, only when one ends."""
            if not (sys.stderr.isatty() or done + ended > bar.n):
                return
            bar.set_postfix_str(", ".join(map(_progress, running)), False)
            bar.n = done + ended
            bar.refresh()

        statuses = run_all(jobs, chosen.jobs, chosen.threads, tell)
    failed = [
        job
        for job in jobs
        if statuses[job.name] != 0 or not is_done(os.path.dirname(job.log))
    ]
    return [
        _failure(job, statuses[job.name], number < TAILS)
        for number, job in enumerate(failed)
    ]


def _failure(job, status, shown):
    """What is said of a job that failed, with the end of its log if shown."""
    if status is None:
        return f"{job.name} was not run, as {job.after} failed"
    text = f"{job.name} failed (exit status {status}); {job.log}"
    return f"{text} ends with\n{end_of(job.log)}" if shown else text


def _progress(job):
    """A running job and the epochs that it has behind it."""
    events = read_events(os.path.join(os.path.dirname(job.log), RUN_LOG))
    epochs = [e["epoch"] for e in events if e["event"] == "epoch"]
    limit = events[0].get("epochs", "?") if events else "?"
    return f"{job.name} {max(epochs, default=0)}/{limit}"


def _job(grid, name, seed, passed_on):
    """The command of one run; its overrides are written down."""
    folder = grid.folder(name, seed)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, SETTINGS)
    with open(f"{path}.tmp", "w", encoding="utf-8") as fout:
        json.dump(settings(grid, name, passed_on), fout)
    os.replace(f"{path}.tmp", path)
    overrides = {**grid.runs[name], "seed": seed, "output_folder": folder}
    earlier = grid.earlier(name)
    if earlier is not None:
        overrides[START] = grid.folder(earlier, seed)
    return Job(
        name=f"{name}/{seed}",
        command=[
            sys.executable,
            os.path.basename(grid.script),
            grid.hparams,
            *(f"--{key}={value}" for key, value in overrides.items()),
            *passed_on,
        ],
        cwd=os.path.dirname(grid.script),
        log=os.path.join(folder, LOG),
        after="" if earlier is None else f"{earlier}/{seed}",
    )


def settings(grid, name, passed_on):
    """What a run is begun with, beside its seed.

    Arguments
    ---------
    grid : Sweep
        The sweep file.
    name : str
        Name of the run.
    passed_on : list of str
        What all runs are given.

    Returns
    -------
    dict
        Texts.
    """
    own = {**grid.runs[name], "--": " ".join(passed_on)}
    earlier = grid.earlier(name)
    if earlier is not None:
        before = settings(grid, earlier, passed_on)
        own.update({f"{START}'s {key}": v for key, v in before.items()})
    return own


def other_settings(folder, wanted):
    """How a run that was begun differs from what it would be begun with now.

    Arguments
    ---------
    folder : str
        Its output folder.
    wanted : dict
        From ``settings``.

    Returns
    -------
    list of str
        One problem for each difference.
    """
    files = [os.path.join(folder, file) for file in (RUN_LOG, LOG, SETTINGS)]
    *begun, noted = map(os.path.exists, files)
    if not any(begun):
        return []
    if not noted:
        return [f"{folder}: no sweep made this run; delete it or rename it"]
    with open(files[-1], encoding="utf-8") as fin:
        had = json.load(fin)
    return [
        f"{folder}: was begun with {_said(key, had)}, now it would be with "
        f"{_said(key, wanted)}; delete the folder, or change that back"
        for key in sorted({*had, *wanted})
        if had.get(key) != wanted.get(key)
    ]


def _said(key, overrides):
    """One setting in words."""
    if key == "--":
        return f"'{overrides[key]}' behind --"
    return f"{key} {overrides.get(key, 'as in the YAML')}"
