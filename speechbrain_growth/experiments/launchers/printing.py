"""Prints the runs of a sweep as shell commands, one a line.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import os
import shlex
import sys

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.commands import in_order
from speechbrain_growth.experiments.launchers.jobs import threads_in
from speechbrain_growth.measure.events import RUN_LOG

TESTED = '"event": "test"'  # as the log of a finished run has it


def print_jobs(jobs, threads):
    """Prints one command a line, and comments on standard error.

    Arguments
    ---------
    jobs : list of Job
        Runs that are not finished.
    threads : int
        Number of threads of each.

    Raises
    ------
    GrowthError
        If a command cannot stand on one line.
    """
    broken = [
        f"{job.name}: {argument!r} has a line break, but a command must be one "
        "line; write it without"
        for job in jobs
        for argument in (job.cwd, *job.command)
        if "\n" in argument or "\r" in argument
    ]
    if broken:
        raise GrowthError(broken)
    waves = in_order(jobs)
    for comment in comments(waves):
        print(f"# {comment}", file=sys.stderr)
    for job in itertools.chain(*waves):
        print(line_of(job, threads))


def line_of(job, threads):
    """Returns a command for a shell, which may be in any folder.

    One that needs another run does nothing, and says so, as long as that run is
    not finished: its checkpoint would be that of a half-trained network, and its
    cost not yet known.

    Arguments
    ---------
    job : Job
        The run.
    threads : int
        Number of its threads.

    Returns
    -------
    str

    Example
    -------
    >>> from speechbrain_growth.experiments.launchers.jobs import Job
    >>> job = Job("a/1", ["python", "train.py", "--lr=[1, 2]"], "/recipe", "")
    >>> print(line_of(job, 2))
    cd /recipe && OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 python train.py '--lr=[1, 2]'
    """
    steps = [f"cd {shlex.quote(job.cwd)}"]
    for name, folder in reversed([*zip(job.after, job.before)]):
        log = shlex.quote(os.path.join(folder, RUN_LOG))
        words = shlex.quote(f"{name} is not finished; run it first")
        found = f"grep -qs {shlex.quote(TESTED)} {log}"
        steps.insert(0, f"{{ {found} || ! echo {words} >&2; }}")
    numbers = [f"{key}={value}" for key, value in threads_in(threads).items()]
    steps.append(" ".join([*numbers, shlex.join(job.command)]))
    return " && ".join(steps)


def comments(waves):
    """Returns what must be known about the order of the lines.

    Arguments
    ---------
    waves : list of list of Job
        From ``in_order``.

    Returns
    -------
    list of str

    Example
    -------
    >>> from speechbrain_growth.experiments.launchers.jobs import Job
    >>> first, second = (Job(name, [], "", "") for name in ("a/1", "b/1"))
    >>> third = Job("c/1", [], "", "", after=("a/1",))
    >>> print(*comments([[first, second], [third]]), sep="\\n")
    3 commands
    lines 1 to 2 can start at once
    line 3 can start when the lines before have ended
    line 3, c/1, needs a/1 of line 1
    """
    ordered = [job for wave in waves for job in wave]
    line = {job.name: number for number, job in enumerate(ordered, start=1)}
    found = [f"{len(ordered)} commands"]
    for wave in waves:
        first, last = line[wave[0].name], line[wave[-1].name]
        lines = f"lines {first} to {last}" if first < last else f"line {first}"
        when = "when the lines before have ended" if first > 1 else "at once"
        found.append(f"{lines} can start {when}")
    return found + [
        f"line {line[job.name]}, {job.name}, needs {name} of line {line[name]}"
        for job in ordered
        for name in job.after
        if name in line
    ]
