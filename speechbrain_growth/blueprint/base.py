"""Follows the key ``base``: a YAML may hold only what differs from another one.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re

from speechbrain_growth.errors import GrowthError, did_you_mean

BASE = "base"  # the key that names the other file


def follow_base(path, read):
    """Reads a YAML, its base, the base of that, and so on to the end.

    HyperPyYAML includes a file below a key, but not at the top of another file.

    Arguments
    ---------
    path : str
        Path of the YAML.
    read : callable
        Takes a path and returns the top-level keys of that file.

    Returns
    -------
    list of tuple
        Path and keys of each file; the last one has no base.

    Raises
    ------
    GrowthError
        If the files name each other in a circle.

    Example
    -------
    >>> files = {"/a/grow": {"lr": 1}, "/a/wide": {"base": "grow", "lr": 2}}
    >>> follow_base("/a/wide", lambda path: dict(files[path]))
    [('/a/wide', {'lr': 2}), ('/a/grow', {'lr': 1})]
    """
    seen, files = [], []
    while True:
        here = os.path.realpath(path)
        keys = read(path)
        files.append((path, keys))
        if BASE not in keys:
            return files
        seen.append(here)
        base = keys.pop(BASE)
        path = os.path.join(os.path.dirname(here), str(base))
        if os.path.realpath(path) in seen:
            raise GrowthError(
                f"{here}: base is {base}, whose own base leads back here; name "
                "one that leads to a file without a base"
            )


def misspelt_keys(changes, text, known):
    """Returns what is wrong with the keys that a YAML adds to its base.

    A key is new if the file itself refers to it, or if no key of the base is
    spelt like it.

    Arguments
    ---------
    changes : dict
        The top-level keys of the YAML.
    text : str
        The whole of it.
    known : iterable of str
        The keys of the base.

    Returns
    -------
    list of str

    Example
    -------
    >>> misspelt_keys({"widht": 8}, "widht: 8", ["width"])
    ["there is no key 'widht' in its base; did you mean width? To add a key that is spelt like another, refer to it: !ref <widht>"]
    >>> misspelt_keys({"patience": 8}, "patience: 8", ["width"])
    []
    """
    problems = []
    for key in changes:
        used = re.search(rf"!(ref|copy) .*<{re.escape(str(key))}\W", text)
        hint = did_you_mean(key, known)
        if key not in known and hint and not used:
            problems.append(
                f"there is no key {key!r} in its base; {hint} To add a key "
                f"that is spelt like another, refer to it: !ref <{key}>"
            )
    return problems
