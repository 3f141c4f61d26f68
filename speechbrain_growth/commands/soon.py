"""Refuses a list of growths before torch is imported, which takes seconds.

Authors
 * The speechbrain_growth authors 2026
"""

import yaml

from speechbrain_growth.blueprint.origins import located, value_of
from speechbrain_growth.blueprint.reading import read
from speechbrain_growth.blueprint.text import dump
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.growth import parse

WITH_TORCH = ("symmetry", "birth", "batches")  # keys that need it


def refuse_soon(hparams_file, arguments):
    """Raises if a list of growths cannot be read; says nothing of the rest.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    arguments : list of str
        As for the recipe, such as ``--growth=[]``.

    Raises
    ------
    GrowthError
        Naming every entry that cannot be read.

    Example
    -------
    >>> path = getfixture("tmpdir") / "grow.yaml"
    >>> _ = path.write("growth:\\n- after_epoch: 3\\n  width: 1.5\\n")
    >>> refuse_soon(str(path), ["--growth=[]"])
    >>> refuse_soon("grow.yaml", [])  # there is none, which others will say
    """
    given = [a for a in arguments if a.startswith("--growth=")]
    overrides = given[-1][2:].replace("=", ": ", 1) if given else ""
    try:
        found = read(hparams_file, overrides)
        text = dump(value_of(found, "growth")[1])
        growth = yaml.safe_load(text)  # fails for a tag, such as that of a !ref
    except (GrowthError, OSError, ValueError, yaml.YAMLError):
        return  # what is wrong is said by those who read all of it
    if not isinstance(growth, list):
        return
    try:
        parse([_light(entry) for entry in growth])
    except GrowthError as error:
        raise GrowthError(located(found, error.problems))


def _light(entry):
    """An entry without the keys that need torch."""
    if not isinstance(entry, dict):
        return entry
    return {k: v for k, v in entry.items() if k not in WITH_TORCH}
