"""Takes what a YAML calls ``modules`` for modules, or says why it cannot.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.blueprint.wording import in_words
from speechbrain_growth.errors import GrowthError, shown


def as_modules(found, path):
    """Returns the key ``modules`` of a YAML as torch has it.

    Arguments
    ---------
    found : object
        What the YAML has there, built.
    path : str
        The YAML, for the message.

    Returns
    -------
    torch.nn.ModuleDict

    Raises
    ------
    GrowthError
        If it is no mapping of names to modules.

    Example
    -------
    >>> as_modules({"net": torch.nn.ReLU()}, "grow.yaml")
    ModuleDict(
      (net): ReLU()
    )
    >>> as_modules({"net": None}, "grow.yaml")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: grow.yaml: modules: net is None; it must be a mapping of names to modules (torch.nn.Module)
    """
    wrong = _no_modules(found)
    try:
        modules = torch.nn.ModuleDict({} if wrong else found)
    except (KeyError, TypeError) as error:  # of a name
        wrong = [in_words(error)]
    if wrong:
        raise GrowthError(
            f"{path}: modules: {'; '.join(wrong)}; it must be a mapping of "
            "names to modules (torch.nn.Module)"
        )
    return modules


def _no_modules(found):
    """What is no module there."""
    if not isinstance(found, (dict, torch.nn.ModuleDict)):
        return [f"found {shown(found)}"]
    return [
        f"{name} is {shown(one)}"
        for name, one in found.items()
        if not isinstance(one, torch.nn.Module)
    ]
