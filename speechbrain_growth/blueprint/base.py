"""A YAML that says only what it changes in another one.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import ruamel.yaml

from speechbrain_growth.blueprint.blueprint import READING, as_dict
from speechbrain_growth.errors import GrowthError

BASE = "base"  # the key that names the other file


def on_base(hparams_file, overrides=None):
    """Follows the key ``base`` of a YAML, if it has one.

    HyperPyYAML includes a file below a key, but not in place of a whole file.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    overrides : str or dict
        As from ``speechbrain.parse_arguments``.

    Returns
    -------
    str
        Path of the YAML that is no change of another one.
    dict
        The changes, and the overrides, which come last.

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
    seen = []
    overrides = as_dict(overrides)
    while True:
        here = os.path.realpath(hparams_file)
        changes = _read(hparams_file)
        if BASE not in changes:
            return hparams_file, overrides
        seen.append(here)
        base = changes.pop(BASE)
        hparams_file = os.path.join(os.path.dirname(here), str(base))
        if os.path.realpath(hparams_file) in seen:
            raise GrowthError(
                f"{here}: base is {base}, whose own base leads back here; it "
                "must be a file that stands alone in the end"
            )
        overrides = {**changes, **overrides}


def _read(path):
    """Top-level keys of a YAML; none if it cannot be read, which others say."""
    try:
        with open(path, encoding="utf-8") as fin:
            return dict(ruamel.yaml.YAML().load(fin) or {})
    except READING:
        return {}
