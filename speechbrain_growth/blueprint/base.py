"""Follows the key ``base``: a YAML may hold only what differs from another one.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import ruamel.yaml

from speechbrain_growth.blueprint.sizes import as_dict
from speechbrain_growth.blueprint.wording import READING
from speechbrain_growth.errors import GrowthError

BASE = "base"  # the key that names the other file


def follow_base(path, read):
    """Reads a YAML, its base, the base of that, and so on to the end.

    Arguments
    ---------
    path : str
        Path of the YAML.
    read : callable
        Takes a path and returns the top-level keys of that file.

    Returns
    -------
    str
        Path of the last file, which has no base.
    dict
        Its top-level keys.
    dict
        Those of the other files; where two have the same key, the value of the
        file that is nearer to the first one.

    Raises
    ------
    GrowthError
        If the files name each other in a circle.

    Example
    -------
    >>> files = {"/a/grow": {"lr": 1}, "/a/wide": {"base": "grow", "lr": 2}}
    >>> follow_base("/a/wide", lambda path: dict(files[path]))
    ('/a/grow', {'lr': 1}, {'lr': 2})
    """
    seen, changes = [], {}
    while True:
        here = os.path.realpath(path)
        keys = dict(read(path))
        if BASE not in keys:
            return path, keys, changes
        seen.append(here)
        base = keys.pop(BASE)
        changes = {**keys, **changes}
        path = os.path.join(os.path.dirname(here), str(base))
        if os.path.realpath(path) in seen:
            raise GrowthError(
                f"{here}: base is {base}, whose own base leads back here; name "
                "one that leads to a file without a base"
            )


def on_base(hparams_file, overrides=None):
    """Turns a YAML with the key ``base`` into overrides of the other file.

    HyperPyYAML includes a file below a key, but not at the top of another file.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    overrides : str or dict
        From ``speechbrain.parse_arguments``.

    Returns
    -------
    str
        Path of the YAML that has no base.
    dict
        The keys of the others, and the overrides, which have the last word.

    Raises
    ------
    GrowthError
        If the files name each other in a circle.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = (folder / "grow.yaml").write("lr: 0.1\\nwidth: 4\\n")
    >>> _ = (folder / "wide.yaml").write("base: grow.yaml\\nwidth: 8\\n")
    >>> path, overrides = on_base(str(folder / "wide.yaml"), "lr: 0.2")
    >>> os.path.basename(path), overrides
    ('grow.yaml', {'width': 8, 'lr': 0.2})
    """
    overrides = as_dict(overrides)
    path, _, changes = follow_base(hparams_file, _read)
    return path, {**changes, **overrides}


def _read(path):
    """Top-level keys of a YAML; none if Blueprint will refuse the file."""
    try:
        with open(path, encoding="utf-8") as fin:
            return dict(ruamel.yaml.YAML().load(fin) or {})
    except READING:
        return {}
