"""Reads a sweep file, which names runs with their overrides and seeds.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re
from typing import NamedTuple

import yaml

from speechbrain_growth.blueprint.base import follow_base
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.points import (
    START,
    all_runs,
    as_text,
    refused,
    without,
)

# The keys that a sweep file must have, those that it may have, and their types
KEYS = dict(recipe=str, hparams=str, results=str, seeds=list, runs=dict)
OPTIONAL = dict(common=dict, grid=dict, large=str, base=str, best_of=str)
SET_BY_SWEEP = ("seed", "output_folder")  # overrides that no file may set
# Names of folders. SpeechBrain's command lines allow no value with "="
NAME = re.compile(r"\w[\w.,@+-]*")


class Sweep(NamedTuple):
    """The contents of a sweep file."""

    script: str  # the recipe's train.py
    hparams: str  # its YAML, relative to it
    results: str  # folder of all runs
    seeds: list  # each run is done once with every seed
    runs: dict  # name of a run -> overrides as the command line has them
    large: str  # name of the run whose final metric is the goal
    best_of: str = None  # key of the grid whose best value is compared

    def earlier(self, name):
        """The run whose best checkpoint another one starts from, or None."""
        start = self.runs[name].get(START)
        return start if start in self.runs else None

    def folder(self, name, seed):
        """Output folder of one run."""
        return os.path.join(self.results, name, str(seed))


def read_sweep(path):
    """Reads a sweep file and checks it.

    Arguments
    ---------
    path : str
        The YAML. With the key ``base`` it is another sweep file, except for the
        keys that it has itself.

    Returns
    -------
    Sweep

    Raises
    ------
    GrowthError
        Naming every mistake in the file.
    """
    files = reversed(follow_base(path, _read))
    found = {key: value for _, keys in files for key, value in keys.items()}
    folder = os.path.dirname(os.path.abspath(path))
    script = os.path.join(folder, str(found.get("recipe")))
    problems = _wrong_kinds(found) or [
        *_wrong_seeds(found["seeds"]),
        *_wrong_overrides(found),
        *_wrong_grid(found.get("grid", {})),
    ]
    problems = problems or [*_wrong_names(found), *_wrong_choices(found)]
    if not problems and not os.path.isfile(script):
        problems = [f"recipe: there is no {script}; it must be a train.py"]
    script, runs = os.path.realpath(script), {} if problems else all_runs(found)
    problems = problems or refused(script, found["hparams"], runs)
    if problems:
        raise GrowthError([f"{path}: {problem}" for problem in problems])
    return Sweep(
        script=script,
        hparams=found["hparams"],
        results=os.path.join(os.path.dirname(script), found["results"]),
        seeds=found["seeds"],
        runs=runs,
        large=found.get("large"),
        best_of=found.get("best_of"),
    )


def _read(path):
    """A file as a mapping."""
    try:
        with open(path, encoding="utf-8") as fin:
            found = yaml.safe_load(fin)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise GrowthError(f"{path}: {error}; it must be the YAML of a sweep")
    if not isinstance(found, dict):
        raise GrowthError(f"{path}: found {found!r}; it must be a mapping")
    return found


def _wrong_kinds(found):
    """What is wrong with the keys of a file, and the types of their values."""
    kinds = {**KEYS, **OPTIONAL}
    problems = [
        f"{key} is no key of a sweep; those are {', '.join(kinds)}"
        for key in found
        if key not in kinds
    ]
    return problems + [
        f"{key} is {found.get(key)!r}; it must be a {kind.__name__}"
        for key, kind in kinds.items()
        if not isinstance(found.get(key), kind)
        and (key in KEYS or key in found)
    ]


def _wrong_seeds(seeds):
    """What is wrong with the seeds."""
    numbers = all(type(seed) is int for seed in seeds)
    if seeds and numbers and len(set(seeds)) == len(seeds):
        return []
    return [f"seeds: {seeds} are not different whole numbers; list some"]


def _wrong_overrides(found):
    """What is wrong with the overrides of the runs."""
    problems = [] if found["runs"] else ["runs: there are none; name some"]
    parts = {"common": found.get("common", {}), **found["runs"]}
    for name, overrides in parts.items():
        if not isinstance(overrides, dict):
            problems.append(
                f"runs: {name} is {overrides!r}; it must be a mapping of "
                "overrides, {} if there are none"
            )
            continue
        for key, value in overrides.items():
            if key in SET_BY_SWEEP:
                problems.append(
                    f"{name}: {key} is set by the sweep itself; leave it out"
                )
            if "=" in as_text(value):
                problems.append(
                    f"{name}: {key} is {value!r}, but command lines of recipes "
                    "allow no equals sign in a value; write it without one"
                )
    return problems


def _wrong_grid(grid):
    """What is wrong with the grid."""
    return [
        f"grid: {key} is {values!r}; it must be a list of values"
        for key, values in grid.items()
        if not isinstance(values, list) or not values
    ]


def _wrong_names(found):
    """What is wrong with names of runs and folders."""
    runs, problems = all_runs(found), []
    if "=" in found["results"]:
        problems.append(
            f"results: {found['results']} has an equals sign, which command "
            "lines of recipes do not allow; name another folder"
        )
    problems += [
        f"runs: {name!r} cannot name a folder; use letters, digits and .,@+-_"
        for name in runs
        if not NAME.fullmatch(name)
    ]
    return problems + [
        f"runs: {name} starts from {runs[name][START]}, which starts from "
        f"{name}; let one of them start anew"
        for name in runs
        if _in_a_circle(name, runs)
    ]


def _in_a_circle(name, runs):
    """Whether a run starts from one that starts from it."""
    seen = []
    while name in runs and name not in seen:
        seen.append(name)
        name = runs[name].get(START)
    return name == seen[0]


def _wrong_choices(found):
    """What is wrong with ``best_of`` and ``large``."""
    names, problems = all_runs(found), []
    chosen, large = found.get("best_of"), found.get("large")
    if chosen not in (None, *found.get("grid", {})):
        problems.append(
            f"best_of: the grid has no {chosen}; name one of its keys"
        )
    if chosen is not None:
        names = {without(name, chosen)[0]: None for name in names}
    if large not in (None, *names):
        problems.append(
            f"large: there is no run {large!r}; name one of {', '.join(names)}"
        )
    return problems
