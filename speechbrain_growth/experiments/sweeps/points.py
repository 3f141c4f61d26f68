"""The runs of a sweep: every named run at every point of the grid.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import os
import re

import yaml

from speechbrain_growth.blueprint.limits.allowing import forbidden
from speechbrain_growth.blueprint.reading import read
from speechbrain_growth.blueprint.text import folder_of
from speechbrain_growth.blueprint.wording import READING, in_words
from speechbrain_growth.errors import shown
from speechbrain_growth.experiments.sweeps.multiples import budgets_of
from speechbrain_growth.experiments.sweeps.words import (
    BUDGET,
    EPOCHS,
    EQUAL,
    HPARAMS,
    OWN,
    START,
)

ENDLESS = 10_000  # epochs of a run that ends with its budget


def points_of(found):
    """Returns the points at which a sweep file does every run.

    Arguments
    ---------
    found : dict
        The keys of the file.

    Returns
    -------
    list of tuple
        The name of each point, and its overrides.

    Example
    -------
    >>> points_of({"grid": {"lr": [0.1, 0.2]}})
    [('lr@0.1', {'lr': 0.1}), ('lr@0.2', {'lr': 0.2})]
    """
    grid, points = found.get("grid", {}), []
    for *values, (budget, spends) in itertools.product(
        *grid.values(), budgets_of(found)
    ):
        chosen = dict(zip(grid, values))
        names = [f"{key}@{as_text(value)}" for key, value in chosen.items()]
        if budget:
            chosen[BUDGET] = spends
        points.append((",".join(filter(None, [*names, budget])), chosen))
    return points


def all_runs(found):
    """Returns every run of a sweep file.

    Arguments
    ---------
    found : dict
        The keys of the file.

    Returns
    -------
    dict
        The overrides of each run as a command line has them, by its name. The
        budget of a run that waits for the cost of another one is left out.

    Example
    -------
    >>> all_runs({"runs": {"grow": {"bn": True}}, "grid": {"lr": [0.1, 0.2]}})
    {'grow,lr@0.1': {'bn': 'true', 'lr': '0.1'}, 'grow,lr@0.2': {'bn': 'true', 'lr': '0.2'}}
    """
    runs = {}
    for name in found["runs"]:
        for point, chosen in points_of(found):
            keys = _overrides(found, name, chosen)
            texts = {key: as_text(value) for key, value in keys.items()}
            if texts.get(START) in map(str, found["runs"]):
                texts[START] = at_point(texts[START], point)
            runs[at_point(name, point)] = texts
    return runs


def at_point(name, point):
    """Returns the name of a run at a point.

    >>> at_point("grow", "lr@0.1,macs@3"), at_point("grow", "")
    ('grow,lr@0.1,macs@3', 'grow')
    """
    return f"{name},{point}" if point else str(name)


def of_points(key, found):
    """Returns what single runs have under a key that is no override.

    Arguments
    ---------
    key : str
        ``equal`` or ``predicted``.
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of tuple
        For each run that has the key: its name, a point, and the value.
    """
    return [
        (name, point, overrides[key])
        for name, overrides in found["runs"].items()
        if key in overrides
        for point, _ in points_of(found)
    ]


def _overrides(found, name, chosen, seen=()):
    """The overrides of a run at a point."""
    run = found["runs"][name]
    own = {key: value for key, value in run.items() if key not in OWN}
    keys = {**found.get("common", {}), **own, **chosen}
    if EQUAL in run:
        keys.pop(BUDGET, None)
        ((unit, other),) = run[EQUAL].items()
        if other in found["runs"] and other not in (name, *seen):
            known = _overrides(found, other, chosen, (name, *seen)).get(BUDGET)
            if isinstance(known, dict) and set(known) == {unit}:
                keys[BUDGET] = known
    if EQUAL in run or found.get("multiples"):
        keys[EPOCHS] = ENDLESS
    return keys


def refused(script, hparams, runs):
    """Returns what is wrong with the overrides, as every run would say.

    Arguments
    ---------
    script : str
        Path of the recipe's script.
    hparams : str
        Its YAML, relative to it; nothing is said if there is no such file.
    runs : dict
        From ``all_runs``.

    Returns
    -------
    list of str
    """
    here, problems = os.path.dirname(script), {}  # no message twice
    for name, overrides in runs.items():
        path = os.path.join(here, overrides.get(HPARAMS, hparams))
        if not os.path.isfile(path):
            if HPARAMS in overrides:
                word = f"{name}: {HPARAMS}: there is no {path}; name a YAML"
                problems[word] = f"runs: {word}"
            continue
        found = read(path)
        folder = folder_of(found.path)
        for key, text in overrides.items():
            if key == HPARAMS:
                continue
            try:
                wrong = forbidden(f"{key}: {text}", found.tree, folder)
            except READING as error:
                wrong = [f"{key} is {shown(text)}: {in_words(error)}"]
            problems.update({word: f"runs: {name}: {word}" for word in wrong})
    return list(problems.values())


def without(name, key):
    """Splits the name of a run into the name without a key, and its value.

    Arguments
    ---------
    name : str
        Such as ``grow,lr@0.1``.
    key : str
        A key of the grid, such as ``lr``.

    Returns
    -------
    tuple of str
        The value is None if the name does not have the key.

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
    """Returns a value as a command line has it.

    Arguments
    ---------
    value : object
        From a YAML. A text stays the same, with its tags and references.

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
