"""Reads sizes and overrides, which are whole numbers and mappings of them.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re
from typing import Dict, Union

from speechbrain_growth.blueprint.limits.expanding import expanded
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.text import load
from speechbrain_growth.blueprint.wording import READING, in_words
from speechbrain_growth.errors import GrowthError

PATHS = ("_folder", "_file", "_annotation", "_log")  # ends of their keys
Sizes = Dict[str, Union[int, list]]  # by YAML key


def key_of(sizes):
    """Returns sizes as a key, whatever their order.

    Arguments
    ---------
    sizes : dict
        Values of the YAML by key.

    Returns
    -------
    str

    Example
    -------
    >>> key_of({"b": [1], "a": 2}) == key_of({"a": 2, "b": [1]})
    True
    """
    return repr(sorted(sizes.items()))


def as_size(node):
    """Returns a size: a whole number, or a list of them.

    Arguments
    ---------
    node : object
        A value of a YAML, such as a number or the text of a tuple.

    Returns
    -------
    int or list
        None if the value is no size.

    Example
    -------
    >>> as_size([1, 2]), as_size("(3, 4)"), as_size(True)
    ([1, 2], [3, 4], None)
    """
    if tag_of(node) == "!tuple":
        node = node.value  # hyperpyyaml tags tuples, once it loaded any file
    if isinstance(node, str) and re.fullmatch(r"\([\d\s,]+\)", node):
        node = [int(number) for number in re.findall(r"\d+", node)]
    if isinstance(node, list) and node:
        numbers = [as_size(item) for item in node]
        return None if None in numbers else numbers
    counts = isinstance(node, int) and not isinstance(node, bool)
    return int(node) if counts else None


def at_home(values):
    """Returns those paths that begin with ``~``, with the home folder instead.

    Arguments
    ---------
    values : dict
        Values of a YAML; a path is one whose key says so.

    Returns
    -------
    dict

    Example
    -------
    >>> found = at_home({"data_folder": "~/TIMIT", "name": "~", "seed": 1})
    >>> list(found), found["data_folder"] == os.path.expanduser("~/TIMIT")
    (['data_folder'], True)
    """
    return {
        key: os.path.expanduser(value)
        for key, value in values.items()
        if isinstance(value, str)
        and value.startswith("~")
        and str(key).endswith((*PATHS, "init_from"))
    }


def as_dict(overrides):
    """Returns overrides as a mapping, whether they are one or its text.

    Arguments
    ---------
    overrides : str or dict
        From ``speechbrain.parse_arguments``.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If they cannot be read.

    Example
    -------
    >>> as_dict("width: 8")
    {'width': 8}
    """
    if isinstance(overrides, str):
        try:
            overrides = load(overrides)
            expanded(overrides)
        except READING as error:
            raise GrowthError(f"the command line, {in_words(error)}")
    overrides = overrides or {}
    if not isinstance(overrides, dict):
        raise GrowthError(
            f"the command line: found {overrides!r}; it must be --key=value"
        )
    # The text of a tuple, such as (3, 4), would stay a text
    sizes = {key: as_size(value) for key, value in overrides.items()}
    return {
        key: value if sizes[key] is None else sizes[key]
        for key, value in overrides.items()
    }


def inline_sizes(blueprint):
    """Returns the numbers that are written into the modules of a YAML.

    No growth can name them: a size is a key at the top, and the model refers to
    it.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML.

    Returns
    -------
    dict
        By the place where each is written.

    Example
    -------
    >>> from speechbrain_growth.blueprint.blueprint import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write(
    ...     "width: 4\\nnet: !new:torch.nn.Linear\\n"
    ...     "    in_features: 3\\n    out_features: !ref <width>\\n"
    ...     "modules: {net: !ref <net>}\\n"
    ... )
    >>> inline_sizes(Blueprint(str(path)))
    {'net.in_features': 3}
    """
    found = {}
    for key, node in blueprint._reached("modules").items():
        if as_size(node) is None:
            found.update(_below(node, str(key)))
    return found


def _below(node, place):
    """The sizes below a node of the YAML, by their places."""
    if not isinstance(node, (dict, list)):
        return {}
    named = node.items() if isinstance(node, dict) else enumerate(node)
    found = {}
    for key, value in named:
        size, here = as_size(value), f"{place}.{key}"
        found.update(_below(value, here) if size is None else {here: size})
    return found
