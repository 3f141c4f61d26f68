"""Reads a YAML together with all that changes it: its bases and overrides.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import os
from typing import NamedTuple

from speechbrain_growth.blueprint.base import follow_base, misspelt_keys
from speechbrain_growth.blueprint.limits.allowing import forbidden
from speechbrain_growth.blueprint.limits.expanding import expanded
from speechbrain_growth.blueprint.merging import merge, tag_of
from speechbrain_growth.blueprint.old_names import old_names
from speechbrain_growth.blueprint.origins import lines_of
from speechbrain_growth.blueprint.sizes import as_dict, at_home
from speechbrain_growth.blueprint.text import dump, folder_of, load
from speechbrain_growth.blueprint.wording import (
    READING,
    in_words,
    unknown_keys,
    wrong_mappings,
)
from speechbrain_growth.errors import GrowthError

# Keys that a YAML need not have, by those that they follow from, and how
FOLLOWS = {
    "growth_schedule": ["growth"],
    "growth_log": ["output_folder", "example_shape"],
}
FOLLOWING = """
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>

growth_log: !new:speechbrain_growth.GrowthLog
    save_file: !ref <output_folder>/growth_log.jsonl
    example_shape: !ref <example_shape>
"""


class Reading(NamedTuple):
    """A YAML and its changes."""

    path: str  # of the file without a base
    written: dict  # what that file says
    changes: dict  # what other files and the overrides say instead
    tree: dict  # the file with all changes in it
    text: str  # the same as a text
    lines: dict  # file and line of each key that no override changes


def read(hparams_file, overrides=None):
    """Reads a YAML, and puts all changes into its tree.

    A file with the keys ``growth`` and ``example_shape`` need not have
    ``growth_schedule`` and ``growth_log``: the tree has them all the same.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML; one with the key ``base`` changes the file that is
        named there.
    overrides : str or dict
        From ``speechbrain.parse_arguments``; they have the last word.

    Returns
    -------
    Reading

    Raises
    ------
    GrowthError
        If a file cannot be read, names a class by the path of an earlier
        version, or lacks a key that is changed.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = (folder / "grow.yaml").write("lr: 0.1\\nwidth: 4\\n")
    >>> _ = (folder / "wide.yaml").write("base: grow.yaml\\nwidth: 8\\n")
    >>> found = read(str(folder / "wide.yaml"), "lr: 0.2")
    >>> os.path.basename(found.path), found.changes
    ('grow.yaml', {'width': 8, 'lr': 0.2})
    >>> dict(found.tree)
    {'lr': 0.2, 'width': 8}
    """
    texts = {}  # of each file, by its path
    *files, (path, written) = follow_base(
        hparams_file, functools.partial(_read, texts)
    )
    text, given = texts[path], as_dict(overrides)
    # ruamel's trees cannot be copied: some tags and aliases would be lost
    tree, noted = load(text), {}
    lines, followed = lines_of(tree, path), _follow(tree)
    problems = [
        f"{file}, {p}" for file in texts for p in old_names(texts[file])
    ]
    for file, changes in reversed(files):
        found = misspelt_keys(changes, texts[file], tree)
        found += wrong_mappings(changes, tree)
        problems += [f"{file}: {problem}" for problem in found]
        _change(tree, noted, changes)
        lines.update(lines_of(changes, file))
    found = unknown_keys(given, tree) + wrong_mappings(given, tree)
    problems += [f"{hparams_file}: {problem}" for problem in found]
    try:
        named = overrides if isinstance(overrides, str) else dump(given)
        found = forbidden(named, tree, folder_of(path))
    except READING as error:
        found = [in_words(error)]
    problems += [f"the command line: {problem}" for problem in found]
    if problems:
        raise GrowthError(problems)
    _change(tree, noted, given)
    _change(tree, noted, at_home(tree))
    try:
        expanded(tree, folder_of(path))
    except READING as error:
        raise GrowthError(f"{hparams_file}: {in_words(error)}")
    if noted or followed:
        text = dump(tree)
    lines = {key: place for key, place in lines.items() if key not in given}
    for key in followed:
        origin = FOLLOWS[key][-1]
        lines.update({key: lines[origin]} if origin in lines else {})
    path = os.path.abspath(path)
    return Reading(path, written, noted, tree, text, lines)


def _follow(tree):
    """Adds keys that follow from others, and returns them."""
    classes = {tag_of(node).rpartition(".")[2] for node in tree.values()}
    found = {
        key: node
        for key, node in load(FOLLOWING).items()
        if key not in tree
        and all(one in tree for one in FOLLOWS[key])
        # Under a misspelt key, it must not be passed over
        and tag_of(node).rpartition(".")[2] not in classes
    }
    tree.update(found)
    return list(found)


def _change(tree, noted, changes):
    """Changes a tree, and notes the changes by key."""
    merge(noted, changes)
    merge(tree, changes)


def _read(texts, path):
    """The tree of a YAML file; its text is put into a dict."""
    try:
        with open(path, encoding="utf-8") as fin:
            texts[path] = fin.read()
        tree = load(texts[path])
        expanded(tree)
    except UnicodeDecodeError as error:
        raise GrowthError(f"{path}: this is no text: {error}")
    except OSError as error:
        raise GrowthError(
            f"{path}: {error.strerror}; it must be a YAML file of "
            "hyperparameters"
        )
    except READING as error:
        raise GrowthError(f"{path}, {in_words(error)}")
    if not isinstance(tree, dict):
        raise GrowthError(
            f"{path}: found {tree!r}; it must be a mapping of hyperparameters"
        )
    return tree
