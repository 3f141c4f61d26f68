"""Reads what runs over several tasks wrote.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
from typing import NamedTuple

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.runs import name_and_seed
from speechbrain_growth.measure.task_matrix import REPORT, TaskMatrix

KEYS = ("metric", "better", "rows", "facts", "capacity", "training")


class TaskRun(NamedTuple):
    """One run over several tasks.

    Arguments
    ---------
    folder : str
        Its output folder.
    name : str
        The same for all seeds.
    seed : str
        Of the run.
    report : dict
        From its ``tasks.json``.
    """

    folder: str
    name: str
    seed: str
    report: dict

    @property
    def matrix(self):
        """The task matrix."""
        return TaskMatrix(self.report["rows"], self.report["better"])

    @property
    def stream(self):
        """What the stream is; runs over other streams are not compared."""
        facts = self.report["facts"]
        return {k: v for k, v in facts.items() if k.startswith("stream.")}


def has_tasks(folder):
    """Returns whether a run had several tasks, and tested all of them.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    bool
    """
    return os.path.isfile(os.path.join(folder, REPORT))


def read_tasks(folders):
    """Reads runs, and checks that they can be compared.

    Arguments
    ---------
    folders : list of str
        Output folders of runs.

    Returns
    -------
    list of TaskRun

    Raises
    ------
    GrowthError
        Naming every run that has no task matrix, or another stream or metric.
    """
    without = [folder for folder in folders if not has_tasks(folder)]
    if without:
        raise GrowthError(
            [
                f"{folder}: there is no {REPORT}, as other runs have; finish "
                "the run, or compare it with runs of its own kind"
                for folder in without
            ]
        )
    runs = [_read(folder) for folder in folders]
    first = runs[0]
    problems = [
        f"{run.folder}: {what} {mine!r}, but in {first.folder} {theirs!r}; "
        "compare runs over the same tasks"
        for run in runs[1:]
        for what, mine, theirs in (
            ("the stream is", run.stream, first.stream),
            ("the metric is", run.report["metric"], first.report["metric"]),
        )
        if mine != theirs
    ]
    if problems:
        raise GrowthError(problems)
    return runs


def _read(folder):
    """One run."""
    path = os.path.join(folder, REPORT)
    try:
        with open(path, encoding="utf-8") as fin:
            report = json.load(fin)
    except ValueError as error:
        raise GrowthError(f"{path} cannot be read: {error}; test the run anew")
    missing = [key for key in KEYS if key not in report]
    if missing:
        raise GrowthError(
            f"{path} lacks {', '.join(missing)}; test the run anew"
        )
    name, seed = name_and_seed(folder, None)
    return TaskRun(folder, name, seed, report)
