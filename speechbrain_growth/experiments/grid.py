"""Reads a sweep file, which names runs with their overrides and seeds.

Authors
 * The speechbrain_growth authors 2026
"""

import os
from typing import NamedTuple

import yaml

from speechbrain_growth.blueprint.base import follow_base
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.sweeps.annealing import not_annealed
from speechbrain_growth.experiments.sweeps.crossing import with_numbers
from speechbrain_growth.experiments.sweeps.equal import (
    equals_of,
    wrong_equals,
    wrong_order,
)
from speechbrain_growth.experiments.sweeps.multiples import wrong_multiples
from speechbrain_growth.experiments.sweeps.names import (
    wrong_choices,
    wrong_grid,
    wrong_names,
    wrong_overrides,
)
from speechbrain_growth.experiments.sweeps.points import all_runs, refused
from speechbrain_growth.experiments.sweeps.power import wrong_deviation
from speechbrain_growth.experiments.sweeps.predicted import (
    predicted_of,
    wrong_predictions,
)
from speechbrain_growth.experiments.sweeps.words import BUDGET, START

# The keys that a sweep file must have, those that it may have, and their types
KEYS = dict(recipe=str, hparams=str, results=str, seeds=list, runs=dict)
OPTIONAL = dict(
    common=dict,
    grid=dict,
    large=str,
    base=str,
    best_of=str,
    crossing=dict,
    multiples=list,
    paired_sd=(float, int, str),
)


class Sweep(NamedTuple):
    """The contents of a sweep file."""

    script: str  # the recipe's train.py
    hparams: str  # its YAML, relative to it
    results: str  # folder of all runs
    seeds: list  # each run is done once with every seed
    runs: dict  # name of a run -> overrides as the command line has them
    large: str  # name of the run whose final metric is the goal
    best_of: str  # key of the grid whose best value is compared
    equal: dict  # name of a run -> a unit, and the run that costs its budget
    predicted: dict  # name of a run -> what its test is predicted to give
    paired_sd: object  # deviation of paired differences, or where it is seen

    def earlier(self, name):
        """The run whose best checkpoint another one starts from, or None."""
        start = self.runs[name].get(START)
        return start if start in self.runs else None

    def needs(self, name):
        """The runs that must end before another one begins."""
        needed = [self.earlier(name)]
        if name in self.equal and BUDGET not in self.runs[name]:
            needed.append(self.equal[name][1])
        return [other for other in dict.fromkeys(needed) if other is not None]

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
    script = os.path.join(os.path.dirname(path), str(found.get("recipe")))
    script = os.path.realpath(script)
    try:
        return _sweep(_checked(found, script), script)
    except GrowthError as error:
        raise GrowthError([f"{path}: {problem}" for problem in error.problems])


def _checked(found, script):
    """The keys of a file, with numbers for its crossing."""
    problems = _wrong_kinds(found) or [
        *_wrong_seeds(found["seeds"]),
        *wrong_overrides(found),
        *wrong_grid(found.get("grid", {})),
        *wrong_multiples(found),
        *wrong_deviation(found.get("paired_sd")),
    ]
    if not problems and not os.path.isfile(script):
        problems = [f"recipe: there is no {script}; it must be a train.py"]
    if problems:
        raise GrowthError(problems)
    if "crossing" in found:
        here = os.path.dirname(script)
        found["crossing"] = with_numbers(found["crossing"], here)
    problems = [*wrong_equals(found), *wrong_predictions(found)]
    problems = problems or [*wrong_names(found), *wrong_choices(found)]
    problems = problems or wrong_order(found)
    if problems:
        raise GrowthError(problems)
    return found


def _sweep(found, script):
    """The contents of a file whose keys are right."""
    runs, equal, hparams = all_runs(found), equals_of(found), found["hparams"]
    spends = [runs, "multiples"] if "multiples" in found else [equal, "equal"]
    spends[0] = {name: runs[name] for name in spends[0]}
    problems = refused(script, hparams, runs)
    problems = problems or not_annealed(script, hparams, *spends)
    if problems:
        raise GrowthError(problems)
    return Sweep(
        script=script,
        hparams=hparams,
        results=os.path.join(os.path.dirname(script), found["results"]),
        seeds=found["seeds"],
        runs=runs,
        large=found.get("large"),
        best_of=found.get("best_of"),
        equal=equal,
        predicted=predicted_of(found),
        paired_sd=found.get("paired_sd"),
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
        f"{key} is {found.get(key)!r}; it must be a {_named(kind)}"
        for key, kind in kinds.items()
        if not isinstance(found.get(key), kind)
        and (key in KEYS or key in found)
    ]


def _named(kind):
    """A type, or one of several, in words."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(one.__name__ for one in kinds)


def _wrong_seeds(seeds):
    """What is wrong with the seeds."""
    numbers = all(type(seed) is int for seed in seeds)
    if seeds and numbers and len(set(seeds)) == len(seeds):
        return []
    return [f"seeds: {seeds} are not different whole numbers; list some"]
