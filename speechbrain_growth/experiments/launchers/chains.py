"""Runs that need one another, as one job of a scheduler.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.commands import in_order
from speechbrain_growth.experiments.launchers.jobs import failure, run_all
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.experiments.runs import is_done


class Chain:
    """Does runs one after the other, those that are finished excepted.

    A scheduler may stop it at any time and call it again: each run resumes from
    its newest checkpoint.

    Arguments
    ---------
    jobs : list of Job
        Each behind those that it needs.
    threads : int
        Number of threads of each.
    """

    def __init__(self, jobs, threads):
        self.jobs, self.threads = jobs, threads

    def __call__(self):
        """Does what is left; raises if a run fails."""
        left = [job for job in self.jobs if not is_done(job.folder)]
        with contextlib.ExitStack() as stack:
            for job in left:
                stack.enter_context(alone(job.folder))
            statuses = run_all(left, 1, self.threads, lambda *_: None)
        failed = [job for job in left if not is_done(job.folder)]
        if failed:
            raise GrowthError(
                [failure(job, statuses[job.name], True) for job in failed]
            )

    def checkpoint(self):
        """Called by submitit before a time limit: says to queue this again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def chains_of(jobs):
    """Returns jobs in groups of which none needs a job of another group.

    Arguments
    ---------
    jobs : list of Job
        A job may need one that is not among them, as it is finished.

    Returns
    -------
    list of list of Job
        In each group, a job is behind those that it needs.

    Example
    -------
    >>> from speechbrain_growth.experiments.launchers.jobs import Job
    >>> grown = Job("grown/1", [], "", "", after=("small/1",))
    >>> small, large = (
    ...     Job(name, [], "", "") for name in ("small/1", "large/1")
    ... )
    >>> [[job.name for job in c] for c in chains_of([grown, small, large])]
    [['small/1', 'grown/1'], ['large/1']]
    """
    chains = {}
    for wave in in_order(jobs):
        for job in wave:
            needed = [chains[name] for name in job.after if name in chains]
            needed = list({id(chain): chain for chain in needed}.values())
            chain = [one for chain in needed for one in chain] + [job]
            chains.update({one.name: chain for one in chain})
    return list({id(chain): chain for chain in chains.values()}.values())
