"""Checks the names and the overrides of the runs in a sweep file.

Authors
 * The speechbrain_growth authors 2026
"""

import re

from speechbrain_growth.experiments.sweeps.points import (
    all_runs,
    as_text,
    without,
)
from speechbrain_growth.experiments.sweeps.words import SET_BY_SWEEP

# Names of folders. SpeechBrain's command lines allow no value with "="
NAME = re.compile(r"\w[\w.,@+-]*")


def wrong_overrides(found):
    """Returns what is wrong with the overrides of the runs.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_overrides({"runs": {"small": {"seed": 3}}})
    ['small: seed is set by the sweep itself; leave it out']
    """
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


def wrong_grid(grid):
    """Returns what is wrong with the grid.

    Arguments
    ---------
    grid : dict
        Values by key.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_grid({"lr": 0.1})
    ['grid: lr is 0.1; it must be a list of values']
    """
    return [
        f"grid: {key} is {values!r}; it must be a list of values"
        for key, values in grid.items()
        if not isinstance(values, list) or not values
    ]


def wrong_names(found):
    """Returns what is wrong with names of runs and folders.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_names({"runs": {"a/b": {}}, "results": "results"})
    ["runs: 'a/b' cannot name a folder; use letters, digits and .,@+-_"]
    """
    runs, problems = all_runs(found), []
    if "=" in found["results"]:
        problems.append(
            f"results: {found['results']} has an equals sign, which command "
            "lines of recipes do not allow; name another folder"
        )
    return problems + [
        f"runs: {name!r} cannot name a folder; use letters, digits and .,@+-_"
        for name in runs
        if not NAME.fullmatch(name)
    ]


def wrong_choices(found):
    """Returns what is wrong with ``best_of`` and ``large``.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_choices({"runs": {"small": {}}, "large": "huge"})
    ["large: there is no run 'huge'; name one of small"]
    """
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
