"""The command of each run of a sweep, and the settings that it began with.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import sys

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.jobs import Job
from speechbrain_growth.experiments.sweeps.points import as_text
from speechbrain_growth.experiments.sweeps.words import (
    BUDGET,
    EQUAL,
    HPARAMS,
    PREDICTED,
    START,
)
from speechbrain_growth.files import aside
from speechbrain_growth.measure.events import RUN_LOG

SETTINGS = "sweep_settings.json"  # the overrides that a run began with
LOG = "sweep_log.txt"  # the output of a run


def job_of(grid, name, seed, passed_on):
    """Returns the command of one run.

    Arguments
    ---------
    grid : Sweep
        The contents of a sweep file.
    name : str
        Name of the run.
    seed : int
        Its seed.
    passed_on : list of str
        Options that every run is given.

    Returns
    -------
    Job
    """
    folder = grid.folder(name, seed)
    overrides = {**grid.runs[name], "seed": seed, "output_folder": folder}
    earlier, needed = grid.earlier(name), grid.needs(name)
    if earlier is not None:
        overrides[START] = grid.folder(earlier, seed)
    if name in grid.equal and BUDGET not in overrides:
        unit, other = grid.equal[name]
        overrides[BUDGET] = as_text({unit: grid.folder(other, seed)})
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
        after=tuple(f"{other}/{seed}" for other in needed),
        before=tuple(grid.folder(other, seed) for other in needed),
    )


def in_order(jobs):
    """Returns jobs with each behind those that it needs.

    Arguments
    ---------
    jobs : list of Job
        A job may need one that is not among them, as it is finished.

    Returns
    -------
    list of list of Job
        First those that need none of the others, then those that need one of
        the first, and so on.

    Example
    -------
    >>> grown = Job("grown/1", [], "", "", after=("small/1",))
    >>> small, large = (
    ...     Job(name, [], "", "") for name in ("small/1", "large/1")
    ... )
    >>> [[job.name for job in wave] for wave in in_order([grown, small, large])]
    [['small/1', 'large/1'], ['grown/1']]
    """
    waves, waiting = [], list(jobs)
    while waiting:
        names = {job.name for job in waiting}
        waves.append([job for job in waiting if not names & {*job.after}])
        waiting = [job for job in waiting if names & {*job.after}]
    return waves


def note_settings(grid, name, seed, passed_on):
    """Writes into the folder of a run what it begins with.

    Arguments
    ---------
    grid : Sweep
        The contents of a sweep file.
    name : str
        Name of the run.
    seed : int
        Its seed.
    passed_on : list of str
        Options that every run is given.
    """
    folder = grid.folder(name, seed)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, SETTINGS)
    with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
        json.dump(settings_of(grid, name, passed_on), fout)


def settings_of(grid, name, passed_on):
    """The texts that a run begins with, except for its seed."""
    own = {**grid.runs[name], "--": " ".join(passed_on)}
    if name in grid.equal:
        own[EQUAL] = " of ".join(grid.equal[name])
    if name in grid.predicted:
        own[PREDICTED] = as_text(grid.predicted[name])
    earlier = grid.earlier(name)
    for other in grid.needs(name):
        word = START if other == earlier else EQUAL
        before = settings_of(grid, other, passed_on)
        before.pop(PREDICTED, None)
        own.update({f"{word}'s {key}": v for key, v in before.items()})
    return own


def other_settings(folder, wanted):
    """Returns how a run that exists differs from what is wanted now.

    Arguments
    ---------
    folder : str
        Its output folder.
    wanted : dict
        From ``settings_of``.

    Returns
    -------
    list of str
    """
    files = [os.path.join(folder, file) for file in (RUN_LOG, LOG)]
    if not any(map(os.path.exists, files)):
        return []
    try:
        had = noted_settings(folder)
    except GrowthError as error:
        return error.problems
    if had is None:
        return [f"{folder}: no sweep made this run; delete it or rename it"]
    return [
        f"{folder}: was begun with {_setting(key, had)}, but now has "
        f"{_setting(key, wanted)}; delete the folder, or change that back"
        for key in sorted({*had, *wanted})
        if had.get(key) != wanted.get(key)
    ]


def noted_settings(folder):
    """Returns the texts that a run of a sweep began with.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    dict
        None if no sweep made the run.

    Raises
    ------
    GrowthError
        If the file is damaged.
    """
    path = os.path.join(folder, SETTINGS)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as fin:
            had = json.load(fin)
    except ValueError:
        had = None
    if not isinstance(had, dict):
        raise GrowthError(
            f"{path} is damaged; restore it, or delete the folder"
        )
    return had


def _setting(key, overrides):
    """One setting in words."""
    text = f"{key} {overrides.get(key, 'as in the YAML')}"
    return f"'{overrides[key]}' behind --" if key == "--" else text
