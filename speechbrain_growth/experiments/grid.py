"""Reads a sweep file: names of runs with their overrides, and seeds.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import os
import re
from typing import NamedTuple

import yaml

from speechbrain_growth.errors import GrowthError

KEYS = {  # of a sweep file, and what each must be
    "recipe": str,
    "hparams": str,
    "results": str,
    "seeds": list,
    "runs": dict,
}
OPTIONAL = {"common": dict, "grid": dict, "large": str, "base": str}
OPTIONAL["best_of"] = str
START = "init_from"  # the override that may name another run
OWN = ("seed", "output_folder")  # the sweep's own overrides
# A folder is called so; no command line of a recipe can carry an equals sign
NAME = re.compile(r"\w[\w.,@+-]*")


class Sweep(NamedTuple):
    """What a sweep file asks for."""

    script: str  # the recipe's train.py
    hparams: str  # its YAML, relative to it
    results: str  # folder of all runs
    seeds: list  # every run is made with each
    runs: dict  # name of a run -> overrides as the command line has them
    large: str  # name of the run whose final metric is to be reached
    best_of: str = None  # key of the grid whose best value is compared

    def earlier(self, name):
        """The run whose best checkpoint another starts from, or None."""
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
        The YAML.

    Returns
    -------
    Sweep

    Raises
    ------
    GrowthError
        Naming everything that is wrong with it.
    """
    found = _read(path)
    if isinstance(found.get("base"), str):
        folder = os.path.dirname(os.path.abspath(path))
        base = _read(os.path.join(folder, found["base"]))
        if "base" in base:
            raise GrowthError(f"{path}: its base has a base; one is enough")
        found = {**base, **found}
    kinds = {**KEYS, **OPTIONAL}
    problems = [
        f"{key} is no key of a sweep; those are {', '.join(kinds)}"
        for key in found
        if key not in kinds
    ]
    problems += [
        f"{key} is {found.get(key)!r}; it must be a {kind.__name__}"
        for key, kind in kinds.items()
        if not isinstance(found.get(key), kind)
        and (key in KEYS or key in found)
    ]
    problems = problems or _contradictions(found)
    script = os.path.join(
        os.path.dirname(os.path.abspath(path)), str(found.get("recipe"))
    )
    if not problems and not os.path.isfile(script):
        problems.append(f"recipe: there is no {script}; it must be a train.py")
    if problems:
        raise GrowthError([f"{path}: {problem}" for problem in problems])
    script = os.path.realpath(script)
    return Sweep(
        script=script,
        hparams=found["hparams"],
        results=os.path.join(os.path.dirname(script), found["results"]),
        seeds=found["seeds"],
        runs=_expanded(found),
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


def _contradictions(found):
    """What is wrong with a file whose keys are of the right kinds."""
    problems = []
    seeds = found["seeds"]
    if (
        not seeds
        or len(set(seeds)) < len(seeds)
        or any(type(seed) is not int for seed in seeds)
    ):
        problems.append(f"seeds: {seeds} are not different whole numbers")
    if not found["runs"]:
        problems.append("runs: there are none")
    parts = {"common": found.get("common", {}), **found["runs"]}
    for name, overrides in parts.items():
        if not isinstance(overrides, dict):
            problems.append(
                f"runs: {name} is {overrides!r}; it must be a mapping of "
                "overrides, {} if there are none"
            )
            continue
        problems += [
            f"{name}: {key} is set by the sweep itself"
            for key in overrides
            if key in OWN
        ]
        problems += [
            f"{name}: {key} is {value!r}; no command line of a recipe can "
            "carry an equals sign"
            for key, value in overrides.items()
            if "=" in as_text(value)
        ]
    for key, values in found.get("grid", {}).items():
        if not isinstance(values, list) or not values:
            problems.append(
                f"grid: {key} is {values!r}; it must be a list of values"
            )
    if problems:
        return problems
    names = _expanded(found)
    if "=" in found["results"]:
        problems.append(
            f"results: {found['results']} has an equals sign, which no command "
            "line of a recipe can carry"
        )
    problems += [
        f"runs: {name!r} cannot name a folder; letters, digits and .,@+-_ can"
        for name in names
        if not NAME.fullmatch(name)
    ]
    problems += [
        f"runs: {name} starts from {names[name][START]}, and that from it"
        for name in names
        if _in_a_circle(name, names)
    ]
    chosen = found.get("best_of")
    if chosen not in (None, *found.get("grid", {})):
        problems.append(f"best_of: the grid has no {chosen}; it must")
    if chosen is not None:
        names = {without(name, chosen)[0]: None for name in names}
    if found.get("large") not in (None, *names):
        problems.append(
            f"large: there is no run {found['large']!r}; there are "
            f"{', '.join(names)}"
        )
    return problems


def _in_a_circle(name, runs):
    """Whether a run starts from one that starts from it."""
    seen = []
    while name in runs and name not in seen:
        seen.append(name)
        name = runs[name].get(START)
    return name == seen[0]


def _expanded(found):
    """Every run with every combination of the grid."""
    grid = found.get("grid", {})
    runs = {}
    for name, overrides in found["runs"].items():
        for values in itertools.product(*grid.values()):
            chosen = dict(zip(grid, values))
            point = [f",{key}@{as_text(v)}" for key, v in chosen.items()]
            everything = {**found.get("common", {}), **overrides, **chosen}
            texts = {key: as_text(value) for key, value in everything.items()}
            if texts.get(START) in map(str, found["runs"]):
                texts[START] = "".join([texts[START], *point])
            runs["".join([str(name), *point])] = texts
    return runs


def without(name, key):
    """The name of a run without a key of the grid, and the key's value.

    Arguments
    ---------
    name : str
        Such as ``grow,lr@0.1``.
    key : str
        Such as ``lr``.

    Returns
    -------
    tuple of str
        None for the value if the name has none.

    Example
    -------
    >>> without("grow,lr@0.1,bn@true", "lr")
    ('grow,bn@true', '0.1')
    """
    found = re.search(rf",{re.escape(key)}@([^,]*)", name)
    if not found:
        return name, None
    return name.replace(found[0], "", 1), found[1]


def as_text(value):
    """A value as a command line has it.

    Arguments
    ---------
    value : object
        From a YAML. Text is passed on as it is, tags and references included.

    Returns
    -------
    str

    Example
    -------
    >>> as_text([{"after_epoch": 6, "cnn_channels": [32, 64]}])
    '[{after_epoch: 6, cnn_channels: [32, 64]}]'
    >>> as_text(0.1), as_text(True), as_text("!include:a.yaml")
    ('0.1', 'true', '!include:a.yaml')
    """
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10**9
    )
    return text.replace("\n...\n", "").strip()
