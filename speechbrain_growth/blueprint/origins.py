"""Says in which file and line a value of a YAML stands.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re

from speechbrain_growth.blueprint.limits.expanding import INCLUDE
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.text import folder_of, load

# How a message about a growth, or about what decides on it, begins
ABOUT = re.compile(r"(growth_schedule|growth_log|growth)\b(?:\[(\d+)\])?")
OPTION = re.compile(r"(?:tolerance|on_drift)\b")  # of the schedule


def lines_of(keys, file):
    """Returns the file and the line of each key.

    Arguments
    ---------
    keys : dict
        As ``ruamel.yaml`` reads a file.
    file : str
        Its path.

    Returns
    -------
    dict

    Example
    -------
    >>> lines_of(load("a: 1\\nb: 2\\n"), "own.yaml")
    {'a': ('own.yaml', 1), 'b': ('own.yaml', 2)}
    """
    return {key: (file, _line(keys, key)) for key in keys}


def where(found, key, entry=None):
    """Returns where a value stands, as a message begins.

    Arguments
    ---------
    found : Reading
        The YAML.
    key : str
        Top-level key.
    entry : int
        Number of an entry of its list.

    Returns
    -------
    str
        Empty if the command line gave the value, and not the name of a file.
    """
    file, line = found.lines.get(key, (None, None))
    included, value = value_of(found, key)
    if entry is not None:
        file = included or file
    if file is None:
        return ""
    if entry is not None:
        line = _line(value, entry) or line
    return f"{os.path.normpath(file)}, line {line}: "


def value_of(found, key):
    """Returns the value of a key, also where it stands in a file of its own.

    Arguments
    ---------
    found : Reading
        The YAML.
    key : str
        Top-level key.

    Returns
    -------
    str
        The file that is included; empty if none is.
    object
        The value.
    """
    value = found.tree.get(key)
    if not tag_of(value).startswith(INCLUDE):
        return "", value
    file = os.path.join(folder_of(found.path), tag_of(value)[len(INCLUDE) :])
    with open(file, encoding="utf-8") as fin:
        return file, load(fin.read())


def located(found, problems):
    """Returns messages about growths with the places of what they are about.

    Arguments
    ---------
    found : Reading
        The YAML.
    problems : list of str
        Messages; others than those about growths stay the same.

    Returns
    -------
    list of str
    """
    return [_place(found, problem) + problem for problem in problems]


def _place(found, problem):
    """Where what a message is about stands; empty if it does not say so."""
    if OPTION.match(problem):
        return where(found, "growth_schedule")
    about = ABOUT.match(problem)
    if about is None:
        return ""
    return where(found, about[1], about[2] and int(about[2]))


def _line(node, part):
    """The line of a part of a node; None if it is not known."""
    places = getattr(getattr(node, "lc", None), "data", None) or {}
    return places[part][0] + 1 if part in places else None
