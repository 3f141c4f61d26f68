"""Opens a finished run: its YAML, and one of its checkpoints.

Authors
 * The speechbrain_growth authors 2026
"""

import os
from typing import NamedTuple

from torch.nn import Module

from speechbrain.utils.checkpoints import Checkpoint
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.modules import as_modules
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import best_of, load_modules
from speechbrain_growth.resume.checkpointer import SafeCheckpointer
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.schedule.state import STATE, read_state
from speechbrain_growth.training.afterwards.transition import (
    TRANSITION,
    still_weighted,
)
from speechbrain_growth.training.resizing import MODEL_YAML

RECOVERABLES = "checkpointer[recoverables]"  # where the YAML lists them


class FinishedRun(NamedTuple):
    """A run that was trained, and the checkpoint of it that is looked at.

    Arguments
    ---------
    folder : str
        Its output folder.
    blueprint : Blueprint
        Of its YAML.
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        Its weights.
    state : dict
        That of the schedule in the checkpoint.
    """

    folder: str
    blueprint: Blueprint
    checkpoint: Checkpoint
    state: dict

    @property
    def values(self):
        """The values of the YAML with which the weights were saved."""
        return {**self.state["sizes"], **self.state["settings"]}

    @property
    def epoch(self):
        """The epoch after which the weights were saved."""
        return self.state["last"].get("epoch", 0)


def finished_run(folder, name=None):
    """Opens a run that was trained.

    Arguments
    ---------
    folder : str
        Its output folder.
    name : str
        That of a checkpoint; None for the one with the lowest metric.

    Returns
    -------
    FinishedRun

    Raises
    ------
    GrowthError
        If there is no such checkpoint, or the model is in the middle of a
        growth.
    """
    checkpoints = _checkpoints(folder)
    if name is None:
        chosen = best_of(checkpoints)
    else:
        found = {os.path.basename(c.path): c for c in checkpoints}
        chosen = found.get(name)
        if chosen is None and found:
            raise GrowthError(
                f"{folder}: there is no checkpoint {name}; there are "
                f"{', '.join(sorted(found))}"
            )
    if chosen is None:
        raise GrowthError(
            f"{folder} holds no checkpoint of a growing recipe; it must be the "
            "output folder of a run, with its folder save"
        )
    if name is None:
        newest = max(checkpoints, key=lambda one: one.meta["unixtime"])
        _refuse_pending(newest)
    left = still_weighted(chosen.paramfiles.get(TRANSITION))
    if left:
        raise GrowthError(
            f"{chosen.path}: LayerNorms are weighted for {left} more steps "
            "after a growth, which no stock layer is; train on until they are "
            "plain, or name another checkpoint"
        )
    yaml = os.path.join(folder, MODEL_YAML)
    if not os.path.isfile(yaml):
        raise GrowthError(
            f"{folder}: there is no {MODEL_YAML}; train.py writes it after an "
            "epoch, and with --test_only"
        )
    state = read_state(chosen.paramfiles[STATE])
    return FinishedRun(folder, Blueprint(yaml), chosen, state)


def _checkpoints(folder):
    """The sound checkpoints of a run that have a growth schedule."""
    save = os.path.join(folder, "save")
    known = []
    if os.path.isdir(save):
        known = SafeCheckpointer(save).list_checkpoints()
    return [one for one in known if STATE in one.paramfiles]


def _refuse_pending(newest):
    """Raises if a growth was decided, and the run ended before it."""
    state = read_state(newest.paramfiles[STATE])
    schedule = GrowthSchedule(state["past"] or [])
    schedule.restore(state)
    if schedule.pending:
        raise GrowthError(
            f"{newest.path}: a growth was decided after epoch "
            f"{state['last'].get('epoch', 0)}, and the run ended before it; "
            "resume the run, or name the checkpoint whose model you want"
        )


def built(run, values, *keys, seed=0):
    """Builds the modules of a run, and what its checkpoints hold of them.

    Arguments
    ---------
    run : FinishedRun
        Has the YAML.
    values : dict
        Values of the YAML, such as sizes.
    *keys : str
        Other keys to build.
    seed : int
        Seed of the weights.

    Returns
    -------
    modules : torch.nn.ModuleDict
        In signal order.
    others : dict
        What else was built, by key.
    held : dict
        Modules by their name in the checkpoint, which have all weights.

    Raises
    ------
    GrowthError
        If the checkpoint lacks weights.
    """
    blueprint = run.blueprint
    made, listed, *more = blueprint.build(
        "modules", RECOVERABLES, *keys, sizes=values, seed=seed
    )
    modules = as_modules(made, blueprint.path)
    others = dict(zip(keys, more))
    chain = {**modules, **others}
    inside = {id(m) for one in chain.values() for m in _inside(one)}
    held = {
        name: one
        for name, one in listed.items()
        if any(id(module) in inside for module in _inside(one))
    }
    for name, one in chain.items():  # what the YAML does not list
        known = any(one is other for other in held.values())
        if name in run.checkpoint.paramfiles and not known:
            held.setdefault(name, one)
    _check_complete(run.checkpoint, modules, held)
    return modules, others, held


def _inside(one):
    """A module and those within it; nothing for anything else."""
    return list(one.modules()) if isinstance(one, Module) else []


def _check_complete(checkpoint, modules, held):
    """Raises if a checkpoint lacks weights."""
    problems = [
        f"{checkpoint.path} holds no {name}; restore it, or name another "
        "checkpoint"
        for name in held
        if name not in checkpoint.paramfiles
    ]
    saved = {id(p) for one in held.values() for p in one.parameters()}
    problems += [
        f"{checkpoint.path} holds no weights of the module {name}; list it "
        "among the recoverables of the checkpointer, and train again"
        for name, module in modules.items()
        if not all(id(p) in saved for p in module.parameters())
    ]
    if problems:
        raise GrowthError(problems)


def restored(run, *keys):
    """Builds the modules of a run with the weights of its checkpoint.

    Arguments
    ---------
    run : FinishedRun
        Has the YAML and the checkpoint.
    *keys : str
        Other keys to build.

    Returns
    -------
    modules : torch.nn.ModuleDict
        In signal order, in eval mode.
    others : dict
        What else was built, by key.
    held : dict
        Modules by their name in the checkpoint.
    """
    modules, others, held = built(run, run.values, *keys)
    load_modules(run.checkpoint, held, held.values())
    return modules.eval(), others, held
