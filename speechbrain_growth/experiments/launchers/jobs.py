"""Runs many commands, some at once, and kills them when this process ends.

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

from speechbrain_growth.experiments.launchers import leash

TAIL = 15  # lines at the end of a log that are shown
PAUSE = 0.2  # seconds between two checks of the processes


class Job(NamedTuple):
    """A command and the folder that it runs in."""

    name: str
    command: list  # program and arguments
    cwd: str  # folder that it runs in
    log: str  # file for its output
    after: tuple = ()  # names of jobs that must succeed before it
    before: tuple = ()  # folders of those jobs

    @property
    def folder(self):
        """The folder of its log."""
        return os.path.dirname(self.log)


def run_all(jobs, at_once, threads, show):
    """Runs jobs in their order; one that needs another starts after it.

    Arguments
    ---------
    jobs : list of Job
        The jobs.
    at_once : int
        Number of jobs that run at the same time.
    threads : int
        Number of threads of each job.
    show : callable
        Takes the running jobs and the number of jobs that have ended; called
        several times a second.

    Returns
    -------
    dict
        The exit status of each job by its name; None if it was not run because
        a job that it needs failed.
    """
    environment = {**os.environ, **threads_in(threads)}
    waiting, running, statuses = list(jobs), [], {}
    with contextlib.ExitStack() as stack:
        while waiting or running:
            for job in _ready(waiting, running):
                if any(statuses.get(name, 0) != 0 for name in job.after):
                    statuses[job.name] = None
                elif len(running) < at_once:
                    process = _start(job, environment)
                    stack.enter_context(
                        process.stdin
                    )  # closing it kills the job
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
            show([job for job, _ in running], len(statuses))
    return statuses


def threads_in(number):
    """The variables by which libraries learn how many threads to use.

    >>> threads_in(2)
    {'OMP_NUM_THREADS': '2', 'MKL_NUM_THREADS': '2'}
    """
    return {f"{kind}_NUM_THREADS": str(number) for kind in ("OMP", "MKL")}


def _ready(waiting, running):
    """The jobs that may start, as no waiting or running job must end before."""
    pending = {job.name for job in waiting}.union(
        job.name for job, _ in running
    )
    return [job for job in waiting if not pending & {*job.after}]


def _start(job, environment):
    """Starts a job that is killed when its standard input closes."""
    os.makedirs(job.folder, exist_ok=True)
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


def failure(job, status, show_log):
    """Returns the message about a job that failed.

    Arguments
    ---------
    job : Job
        The job.
    status : int
        Its exit status; None if it was not run.
    show_log : bool
        Whether the message ends with the last lines of the log.

    Returns
    -------
    str
    """
    if status is None:
        return f"{job.name} was not run, as {' or '.join(job.after)} failed"
    text = f"{job.name} failed (exit status {status}); {job.log}"
    return f"{text} ends with\n{_end_of(job.log)}" if show_log else text


def _end_of(log):
    """The last lines of a log, without progress bars.

    >>> log = getfixture("tmpdir") / "log"
    >>> _ = log.write("1 %\\r2 %\\r100 %\\nerror: no such folder\\n")
    >>> print(_end_of(log))
    100 %
    error: no such folder
    """
    with open(log, encoding="utf-8", errors="replace", newline="") as fin:
        lines = fin.read().replace("\r\n", "\n").split("\n")
    shown = [re.sub(r".*\r", "", line.rstrip("\r")) for line in lines]
    return "\n".join([line for line in shown if line.strip()][-TAIL:])
