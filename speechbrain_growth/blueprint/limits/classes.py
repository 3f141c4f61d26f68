"""Says which class an override may name in place of the one in a YAML.

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
import pydoc
import sys

# Packages of which every class may be named, but for the modules below: these
# load a file that an argument names, which may run code
LIBRARIES = (
    "torch.nn",
    "torch.optim",
    "speechbrain.nnet",
    "speechbrain.lobes",
    "speechbrain_growth.nnet",
)
LOADERS = (
    "speechbrain.lobes.models.MSTacotron2",
    "speechbrain.lobes.models.beats",
    "speechbrain.lobes.models.discrete",
    "speechbrain.lobes.models.fairseq_wav2vec",
)
OTHERS = ("speechbrain_growth.training.afterwards.budgets",)  # our schedulers
FACE = "speechbrain_growth"  # names what is defined below it


def wrong_class(path, own):
    """Returns what is wrong with a class that an override names.

    Modules are imported only if they belong to a library or to the package of
    the YAML's own class, and nothing in them is called.

    Arguments
    ---------
    path : str
        Dotted path of the class or function.
    own : str
        That of the YAML's own one, which it replaces.

    Returns
    -------
    str
        None if nothing is wrong, or if there is no such class, as building it
        will say.

    Example
    -------
    >>> wrong_class("torch.optim.AdamW", "torch.optim.Adam")
    >>> wrong_class(
    ...     "torch.nn.functional.torch.load", "torch.nn.functional.relu"
    ... )
    'torch.nn.functional.torch.load is defined in torch.serialization'
    """
    home = own.rpartition(".")[0]
    if not _within(path, (*LIBRARIES, FACE, home)):
        return f"{path} is in none of {', '.join(LIBRARIES)}"
    try:
        found, before = pydoc.locate(path), pydoc.locate(own)
    except pydoc.ErrorDuringImport as error:
        return f"{path} cannot be imported: {error.value}"
    if found is None or path == own:
        return None
    module = getattr(found, "__module__", None)
    is_class = inspect.isclass(found)
    same = module is not None and module == getattr(before, "__module__", None)
    same = same and module.split(".")[0] not in sys.stdlib_module_names
    if not same and not (is_class and _within(module, LIBRARIES + OTHERS)):
        return f"{path} is defined in {module}"
    if is_class != inspect.isclass(before):
        here, there = "a class", "a function"
        here, there = (here, there) if is_class else (there, here)
        return f"{path} is {here}, and {own} is {there}"
    if not same and _within(module, LOADERS):
        return f"{path} loads a file that may run code"
    return None


def _within(path, packages):
    """Whether a dotted path leads into one of some packages."""
    return any(f"{path}.".startswith(f"{package}.") for package in packages)
