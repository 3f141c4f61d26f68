"""Which job of a scheduler a run was handed to, noted in the run's folder.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.library import require_submitit
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.files import aside

NOTE = "cluster_job.json"
KEYS = ("cluster", "folder", "job")


def note_job(folder, cluster, files, job):
    """Writes a note into the folder of a run.

    Arguments
    ---------
    folder : str
        The output folder of the run.
    cluster : str
        Such as ``slurm``.
    files : str
        The folder of submitit's files of the job.
    job : str
        The scheduler's name of the job.
    """
    path = os.path.join(folder, NOTE)
    note = dict(zip(KEYS, (cluster, files, job)))
    with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
        json.dump(note, fout)


def not_ended(folders):
    """Returns which runs a scheduler still has, so that nobody starts them.

    Arguments
    ---------
    folders : list of str
        Output folders of runs that are not finished.

    Returns
    -------
    list of str
        A message for each.
    """
    paths = [os.path.join(folder, NOTE) for folder in folders]
    noted = {f: _read(p) for f, p in zip(folders, paths) if os.path.exists(p)}
    if not noted:
        return []  # only runs that were handed over need submitit
    kinds = require_submitit().core.plugins.get_executors()
    problems = []
    for folder, note in noted.items():
        path = os.path.join(folder, NOTE)
        if note is None or note["cluster"] not in kinds:
            problems.append(f"{path} is damaged; delete it if no job is left")
        elif _is_used(folder) or not _has_ended(note, kinds):
            problems.append(
                f"{folder} is job {note['job']} of {note['cluster']}, which has "
                "not ended; wait for it, or cancel it; if there is no such job "
                f"any more, delete {path}"
            )
    return problems


def _read(path):
    """A note, or None if it is damaged."""
    try:
        with open(path, encoding="utf-8") as fin:
            note = json.load(fin)
    except ValueError:
        return None
    good = isinstance(note, dict) and set(note) == set(KEYS)
    return note if good and set(map(type, note.values())) == {str} else None


def _is_used(folder):
    """Whether a job is running there, on a machine that shares locks."""
    try:
        with alone(folder):
            return False
    except GrowthError:
        return True


def _has_ended(note, kinds):
    """Whether the scheduler is done with a job; asks it."""
    job = kinds[note["cluster"]].job_class(note["folder"], note["job"])
    return job.done(force_check=True)
