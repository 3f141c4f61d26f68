"""Runs a grid of trainings: ``python -m speechbrain_growth sweep FILE.yaml``.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import sys

from tqdm import tqdm

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments import compare
from speechbrain_growth.experiments.grid import read_sweep
from speechbrain_growth.experiments.launchers.arguments import (
    other_threads,
    wrong_arguments,
)
from speechbrain_growth.experiments.launchers.commands import (
    job_of,
    note_settings,
    other_settings,
    settings_of,
)
from speechbrain_growth.experiments.launchers.jobs import failure, run_all
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.experiments.launchers.notes import not_ended
from speechbrain_growth.experiments.launchers.printing import print_jobs
from speechbrain_growth.experiments.launchers.submitting import (
    read_options,
    submit,
    wrong_options,
)
from speechbrain_growth.experiments.runs import epochs_done, is_done
from speechbrain_growth.experiments.sweeps.power import power_of

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
    parser.add_argument("--jobs", type=int, help="runs at once; default: 1")
    parser.add_argument("--threads", type=int, default=1, help="per run")
    parser.add_argument("--out", help="of the report; default: RESULTS/report")
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument(
        "--print",
        action="store_true",
        help="run nothing; print a shell command for each run that is not "
        "finished, one a line",
    )
    elsewhere.add_argument(
        "--launcher",
        choices=["submitit"],
        help="hand the runs to a cluster, and do not wait for them",
    )
    elsewhere.add_argument(
        "--power",
        action="store_true",
        help="run nothing; print which difference the seeds can show",
    )
    parser.add_argument(
        "--launcher-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="for submitit, such as timeout_min=600 slurm_partition=gpu",
    )
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
    if not chosen.print:
        compare.require_libraries()  # before the runs, not after hours of them
    grid = read_sweep(chosen.file)
    options, problems = read_options(chosen.launcher_options)
    problems += wrong_arguments(chosen, grid)
    if chosen.launcher:
        problems += wrong_options(options)
    runs = [(name, seed) for name in grid.runs for seed in grid.seeds]
    folders = [grid.folder(*run) for run in runs]
    for (name, _), folder in zip(runs, folders):
        wanted = settings_of(grid, name, chosen.passed_on)
        problems += other_settings(folder, wanted)
    problems += other_threads(grid, runs, chosen.threads)
    if problems:
        raise GrowthError(problems)
    if grid.paired_sd is not None:
        sign, out = ("# ", sys.stderr) if chosen.print else ("", sys.stdout)
        print(f"{sign}{power_of(grid)}", file=out)
    if chosen.power:
        return
    with alone(grid.results):
        jobs = _jobs_left(grid, runs, chosen.passed_on)
        if chosen.print:
            return print_jobs(jobs, chosen.threads)
        if chosen.launcher and jobs:
            return _hand_over(jobs, grid.results, options, chosen)
        failed = _run(jobs, len(runs), chosen)
    out = chosen.out or os.path.join(grid.results, "report")
    try:
        compare.report(folders, out, grid.large, best=grid.best_of)
    except GrowthError as error:  # first the reason why runs failed
        raise GrowthError(failed + error.problems)
    print(compare.text_of(out))
    print(f"\n{os.path.join(out, 'report.md')}")
    if failed:
        raise GrowthError(failed)


def _jobs_left(grid, runs, passed_on):
    """The jobs of runs that are not finished; notes what they begin with."""
    left = [run for run in runs if not is_done(grid.folder(*run))]
    waiting = not_ended([grid.folder(*run) for run in left])
    if waiting:
        raise GrowthError(waiting)
    for run in left:
        note_settings(grid, *run, passed_on)
    return [job_of(grid, *run, passed_on) for run in left]


def _hand_over(jobs, results, options, chosen):
    """Hands jobs to submitit and says what became of them."""
    for names, job in submit(jobs, chosen.threads, results, options).items():
        print(f"{', then '.join(names)}: job {job}")
    print(
        "When they have ended, give the same command again: it hands over what "
        "is not finished, or compares the runs."
    )


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

        statuses = run_all(jobs, chosen.jobs or 1, chosen.threads, show)
    failed = [j for j in jobs if statuses[j.name] or not is_done(j.folder)]
    return [
        failure(job, statuses[job.name], number < TAILS)
        for number, job in enumerate(failed)
    ]
