"""Starts a run from the best checkpoint of an earlier one.

Authors
 * The speechbrain_growth authors 2026
"""

import os
from typing import Any, Iterable, Mapping, Optional, Union

from speechbrain.utils.checkpoints import (
    DEFAULT_LOAD_HOOKS,
    Checkpoint,
    get_default_hook,
)
from speechbrain.utils.logger import get_logger
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.sizes import as_dict
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.spent import from_here, with_amount
from speechbrain_growth.resume.checkpointer import SafeCheckpointer
from speechbrain_growth.resume.loading import loading
from speechbrain_growth.schedule.state import STATE, read_state

logger = get_logger(__name__)


def open_blueprint(
    hparams_file: str, overrides: Union[str, dict, None] = None
) -> Blueprint:
    """Reads a YAML; ``init_from`` gives the sizes of that run's best model.

    A YAML with the key ``base`` changes some keys of the YAML named there. A
    ``budget`` that names a run becomes what that run has spent, and one that
    counts ``new_macs`` grows by what the earlier run had spent.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    overrides : str or dict
        As from ``speechbrain.parse_arguments``.

    Returns
    -------
    Blueprint
        Its ``path`` and ``overrides`` are those of the YAML to load.

    Raises
    ------
    GrowthError
        If an override contradicts the sizes that ``init_from`` brings, the run
        that a budget names is not finished, or a budget has no amount.
    """
    blueprint = Blueprint(hparams_file, overrides)
    earlier = blueprint.value("init_from")
    if earlier and not isinstance(earlier, str):
        raise GrowthError(
            f"init_from is {earlier}; it must be the output folder of an "
            f"earlier run, such as ./{earlier}"
        )
    start = best_checkpoint(earlier) if earlier else None
    budget = blueprint.value("budget")
    budget = from_here(budget, start) or with_amount(budget)
    if budget is not None:
        overrides = {**as_dict(overrides), "budget": budget}
        blueprint = Blueprint(hparams_file, overrides)
    if not start:
        return blueprint
    sizes, own = sizes_of(start), blueprint.sizes
    problems = [
        f"init_from: {earlier} was trained with {key} {size}, but "
        + (
            f"{blueprint.where(key) or 'the command line '}says {own[key]}; "
            "leave that out"
            if key in own
            else f"the model has no such size; it has {', '.join(own)}"
        )
        for key, size in sizes.items()
        if key not in own or (key in blueprint.overrides and size != own[key])
    ]
    if problems:
        raise GrowthError(problems)
    return Blueprint(hparams_file, {**as_dict(overrides), **sizes})


def best_checkpoint(folder: str) -> Checkpoint:
    """Finds the checkpoint with the lowest metric in a run's output folder.

    The metric is the one number that the recipe saves with each checkpoint.

    Arguments
    ---------
    folder : str
        Output folder of the earlier run.

    Returns
    -------
    speechbrain.utils.checkpoints.Checkpoint

    Raises
    ------
    GrowthError
        If there is no checkpoint with a metric and sizes.
    """
    save = os.path.join(folder, "save")
    found = []
    if os.path.isdir(save):
        found = SafeCheckpointer(save).list_checkpoints()
    best = best_of(found)
    if best is None:
        raise GrowthError(
            f"init_from: {folder} holds no checkpoint of a growing recipe; it "
            "must be the output folder of an earlier run, with its folder save"
        )
    return best


def best_of(checkpoints):
    """Finds the checkpoint with the lowest metric.

    Arguments
    ---------
    checkpoints : list of speechbrain.utils.checkpoints.Checkpoint
        Each may have one number in its meta data, the metric.

    Returns
    -------
    speechbrain.utils.checkpoints.Checkpoint
        None if no checkpoint has a metric and sizes.
    """
    scored = [
        (metric, checkpoint)
        for checkpoint in checkpoints
        if STATE in checkpoint.paramfiles
        for metric in metrics_of(checkpoint).values()
        if metric == metric
    ]
    return min(scored, key=lambda pair: pair[0], default=(None, None))[1]


def metrics_of(checkpoint):
    """Returns the numbers by which a checkpoint is compared with others.

    Arguments
    ---------
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        Has them in its meta data.

    Returns
    -------
    dict
        By name.
    """
    return {
        key: value
        for key, value in checkpoint.meta.items()
        if key != "unixtime" and type(value) is float
    }


def sizes_of(checkpoint):
    """Reads the sizes of the weights in a checkpoint.

    Arguments
    ---------
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        Saved by a ``GrowingBrain``.

    Returns
    -------
    dict
    """
    return read_state(checkpoint.paramfiles[STATE])["sizes"]


def state_of_run(blueprint: Blueprint) -> Optional[dict]:
    """Reads where a run will resume: the state of its schedule.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    dict
        From the newest checkpoint; None if the run starts anew.
    """
    saver = blueprint.value("checkpointer")
    folder = saver.get("checkpoints_dir") if isinstance(saver, dict) else None
    if not isinstance(folder, str) or not os.path.isdir(folder):
        return None
    newest = SafeCheckpointer(folder).find_checkpoint()
    if newest is None or STATE not in newest.paramfiles:
        return None
    return read_state(newest.paramfiles[STATE])


def load_modules(
    checkpoint: Checkpoint,
    recoverables: Mapping[str, Any],
    modules: Iterable[Any],
) -> None:
    """Loads some of the objects in a checkpoint.

    Arguments
    ---------
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        Must have the sizes of the modules.
    recoverables : dict
        A checkpointer's objects by name.
    modules : iterable
        The objects to load.
    """
    wanted = {id(module) for module in modules}
    for name, recoverable in recoverables.items():
        if id(recoverable) in wanted and name in checkpoint.paramfiles:
            load = get_default_hook(recoverable, DEFAULT_LOAD_HOOKS)
            with loading(checkpoint.paramfiles[name]):
                load(recoverable, checkpoint.paramfiles[name], True)
            logger.info(f"{name} starts from {checkpoint.path}")
