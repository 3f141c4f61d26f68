"""Reads what a command line wants of a growth offline.

Authors
 * The speechbrain_growth authors 2026
"""

import re

import yaml

from speechbrain_growth.blueprint.sizes import as_size, inline_sizes
from speechbrain_growth.blueprint.wording import in_words
from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.checks.sizes import wrong_sizes
from speechbrain_growth.schedule.growth import parse

# Keys of a growth in a schedule that need no training
KEYS = ("symmetry", "birth", "fold", "outputs")


def overrides(arguments):
    """Reads the sizes of a command line.

    Arguments
    ---------
    arguments : list of str
        Each is ``--KEY=VALUE``.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        Naming each that is something else.

    Example
    -------
    >>> overrides(["--rnn_neurons=512", "--cnn_channels=[64, 128]"])
    {'rnn_neurons': 512, 'cnn_channels': [64, 128]}
    """
    found = [re.fullmatch(r"--(\w+)=(.*)", one, re.S) for one in arguments]
    problems = [
        f"{one}: write --KEY=VALUE, such as --rnn_neurons=512"
        for one, pair in zip(arguments, found)
        if not pair
    ]
    if problems:
        raise GrowthError(problems)
    values = {}
    for one, pair in zip(arguments, found):
        try:
            value = yaml.safe_load(pair[2])
        except yaml.YAMLError as error:
            raise GrowthError(
                f"{one}: {in_words(error)}; write it as in a YAML"
            )
        size = as_size(value)  # also of a tuple, which YAML takes for a text
        values[pair[1]] = value if size is None else size
    return values


def growth_for(run, wanted):
    """Returns the growth that a command line wants of a run.

    Arguments
    ---------
    run : FinishedRun
        Has the present sizes.
    wanted : dict
        Larger sizes, and keys of a growth.

    Returns
    -------
    Growth

    Raises
    ------
    GrowthError
        Naming everything that no growth can do, such as smaller sizes.
    """
    now = run.state["sizes"]
    strange = [k for k in wanted if k not in now and k not in KEYS]
    known = [*now, *KEYS]
    problems = [
        f"{key}: the run has no such size; "
        f"{did_you_mean(key, known) or 'it has ' + ', '.join(now)}"
        for key in strange
    ]
    larger = {k: v for k, v in wanted.items() if k in now}
    problems += wrong_sizes(larger, now, inline_sizes(run.blueprint))
    if not problems and all(now[key] == size for key, size in larger.items()):
        problems = [
            f"{run.checkpoint.path}: it has these sizes already; give a larger "
            f"one of {', '.join(now)}"
        ]
    if problems:
        raise GrowthError(problems)
    try:
        (growth,) = parse([{"after_epoch": 1, **wanted}])
    except GrowthError as error:
        told = [p.removeprefix("growth[0]: ") for p in error.problems]
        raise GrowthError(told)
    if growth.symmetry.fills:
        raise GrowthError(
            f"symmetry is {growth.units}, which begins units from gradients of "
            "training data, and none are read here; use shares or fresh, or "
            "grow in a run"
        )
    return growth
