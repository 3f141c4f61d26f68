"""Finds what a checkpoint should hold and the YAML does not list.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.nn import Module

from speechbrain.utils.checkpoints import (
    DEFAULT_LOAD_HOOKS,
    DEFAULT_SAVE_HOOKS,
    get_default_hook,
)
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)


def add_unlisted(hparams, checkpointer):
    """Adds all objects with a state to the checkpointer that it lacks.

    Otherwise a scheduler, say, would start its count anew when a run resumes.
    Modules are left out that have no tensors, whose tensors are part of another
    module there, or that neither learn nor count.

    Arguments
    ---------
    hparams : dict
        All that the YAML built, by its keys.
    checkpointer : speechbrain.utils.checkpoints.Checkpointer
        None is left alone.

    Raises
    ------
    GrowthError
        If the checkpointer has another object of the same name.

    Example
    -------
    >>> from speechbrain.nnet.schedulers import NewBobScheduler
    >>> from speechbrain.utils.checkpoints import Checkpointer
    >>> checkpointer = Checkpointer(getfixture("tmpdir"))
    >>> add_unlisted({"lr_annealing": NewBobScheduler(1.0)}, checkpointer)
    >>> list(checkpointer.recoverables)
    ['lr_annealing']
    """
    if checkpointer is None:
        return
    modules = hparams.get("modules")
    inner = dict(modules) if isinstance(modules, (dict, Module)) else {}
    known = checkpointer.recoverables
    added, problems = [], []
    for name, value in {**inner, **hparams}.items():
        if value is modules or not _changes(value, known.values()):
            continue
        if name in known:
            problems.append(
                f"checkpointer: the recoverable {name} is another object than "
                f"the {name} of the YAML, whose state would be lost; list both "
                "under different names"
            )
            continue
        # Optional, as a checkpoint of an earlier version lacks it
        checkpointer.add_recoverable(name, value, optional_load=True)
        added.append(name)
    if problems:
        raise GrowthError(problems)
    if added:
        logger.info(
            f"Checkpoints also hold {', '.join(added)}, which the "
            "recoverables of the YAML do not list"
        )


def _changes(value, known):
    """Whether an object has a state that no known one holds."""
    hooks = (DEFAULT_SAVE_HOOKS, DEFAULT_LOAD_HOOKS)
    if None in [get_default_hook(value, found) for found in hooks]:
        return False
    if any(value is one for one in known):
        return False
    is_stock = hooks[0].get(Module) == get_default_hook(value, hooks[0])
    if not is_stock:  # then it has a state of its own, in its own file
        return True
    held = {
        id(tensor)
        for one in known
        if isinstance(one, Module)
        for tensor in one.state_dict(keep_vars=True).values()
    }
    return any(id(tensor) not in held for tensor in _changing(value))


def _changing(module):
    """Those tensors of a module that training may change, and are saved."""
    saved = module.state_dict(keep_vars=True).values()
    frozen = {id(p) for p in module.parameters() if not p.requires_grad}
    return [tensor for tensor in saved if id(tensor) not in frozen]
