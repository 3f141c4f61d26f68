"""Counts the values that a YAML has once its references are followed.

A few lines in which each value names the one before it ten times would take
hours and all memory to build.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.text import folder_of, load
from speechbrain_growth.blueprint.wording import READING
from speechbrain_growth.errors import GrowthError

MOST = 100_000  # values; the YAMLs of recipes have some hundreds
REFERENCE = re.compile(r"<([^<>]+)>")
INCLUDE = "!include:"


def expanded(tree, folder=None):
    """Returns how many values a YAML has with its references followed.

    Arguments
    ---------
    tree : dict
        As ``ruamel.yaml`` reads it; what is the same object is counted each
        time.
    folder : str
        Where the included files are. None: they are not counted.

    Returns
    -------
    int

    Raises
    ------
    GrowthError
        If there are too many, or a value contains itself.

    Example
    -------
    >>> one = [1, 2, 3]
    >>> expanded({"a": one, "b": [one, one]})
    14
    """
    known = {}  # by the identity of a node; None while it is being counted

    def count(node):
        """The number of values in a node."""
        if id(node) not in known:
            known[id(node)] = None
            parts = _parts(node, tree)
            known[id(node)] = 1 + sum(map(count, parts))
            if folder is not None and tag_of(node).startswith(INCLUDE):
                known[id(node)] += _included(node, folder)
        if known[id(node)] is None:
            raise GrowthError(
                "a value refers to itself; give it a value of its own"
            )
        return known[id(node)]

    number = count(tree)
    if number > MOST:
        raise GrowthError(
            f"it has {number:,} values once its references are followed; "
            f"{MOST:,} are allowed"
        )
    return number


def _parts(node, tree):
    """What a node of a tree consists of."""
    if isinstance(node, dict):
        return node.values()
    if isinstance(node, list):
        return node
    if tag_of(node) in ("!ref", "!copy"):
        found = (_found(name, tree) for name in REFERENCE.findall(node.value))
        return [value for value in found if value is not None]
    return []


def _found(name, tree):
    """The value that a reference names; None if there is none."""
    value = tree
    for part in name.split(".")[0].split("["):
        if not isinstance(value, dict):
            return None
        value = value.get(part.strip("]"))
    return value


def _included(node, folder):
    """The number of values in a file; HyperPyYAML says if it has none."""
    path = os.path.join(folder, tag_of(node)[len(INCLUDE) :])
    try:
        with open(path, encoding="utf-8") as fin:
            tree = load(fin.read())
    except READING:
        return 0
    return expanded(tree, folder_of(path))
