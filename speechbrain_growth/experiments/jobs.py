"""Runs many commands, some at once; none outlives this process.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import re
import subprocess
import sys
import time
from typing import NamedTuple

from speechbrain_growth.experiments import leash

TAIL = 15  # lines of a log that are shown of a failed command
PAUSE = 0.2  # seconds between two looks


class Job(NamedTuple):
    """A command, and where it runs."""

    name: str  # what it is called
    command: list  # program and arguments
    cwd: str  # folder that it runs in
    log: str  # file for whatever it prints
    after: str = ""  # name of the job that must end well before


def run_all(jobs, at_once, threads, tell):
    """Runs jobs to their ends, in their order, or after what they need.

    Arguments
    ---------
    jobs : list of Job
        What is to be run.
    at_once : int
        How many run at the same time.
    threads : int
        Threads of each.
    tell : callable
        Gets the running jobs and the number of ended ones, now and then.

    Returns
    -------
    dict
        The exit status of each job, by its name; None if it was not run, as
        one failed that it needs.
    """
    environment = {
        **os.environ,
        **{f"{kind}_NUM_THREADS": str(threads) for kind in ("OMP", "MKL")},
    }
    waiting, running, statuses = list(jobs), [], {}
    with contextlib.ExitStack() as stack:
        while waiting or running:
            for job in _ready(waiting, running):
                if statuses.get(job.after, 0) != 0:
                    statuses[job.name] = None
                elif len(running) < at_once:
                    process = _start(job, environment)
                    stack.enter_context(process.stdin)  # closed: it is killed
                    running.append((job, process))
                else:
                    continue
                waiting.remove(job)
            time.sleep(PAUSE)
            for job, process in list(running):
                if process.poll() is not None:
                    process.stdin.close()
                    running.remove((job, process))
                    statuses[job.name] = process.returncode
            tell([job for job, _ in running], len(statuses))
    return statuses


def _ready(waiting, running):
    """Jobs that wait for no other; those already over, or not asked for, count."""
    pending = {job.name for job in waiting}.union(
        job.name for job, _ in running
    )
    return [job for job in waiting if job.after not in pending]


def _start(job, environment):
    """Starts a job on a leash."""
    os.makedirs(os.path.dirname(job.log), exist_ok=True)
    with open(job.log, "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-I", leash.__file__, *job.command],
            cwd=job.cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end_of(log):
    """The last lines that a job printed, without its progress bars.

    Arguments
    ---------
    log : str
        The file.

    Returns
    -------
    str

    Example
    -------
    >>> log = getfixture("tmpdir") / "log"
    >>> _ = log.write("1 %\\r2 %\\r100 %\\nerror: no such folder\\n")
    >>> print(end_of(log))
    100 %
    error: no such folder
    """
    with open(log, encoding="utf-8", errors="replace", newline="") as fin:
        lines = fin.read().replace("\r\n", "\n").split("\n")
    shown = [re.sub(r".*\r", "", line.rstrip("\r")) for line in lines]
    return "\n".join([line for line in shown if line.strip()][-TAIL:])
