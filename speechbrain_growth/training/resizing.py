"""A Brain that can rebuild its modules at other sizes and swap them in.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from torch.nn import ModuleDict

from speechbrain.utils.logger import get_logger
from speechbrain_growth.blueprint.saving import yaml_at
from speechbrain_growth.engine.optimizers import follow
from speechbrain_growth.engine.weighted_norm import weighted
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside
from speechbrain_growth.launch.differences import changed_parts
from speechbrain_growth.launch.init_from import best_of, sizes_of
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.run_log import RunLogger
from speechbrain_growth.schedule.state import STATE, read_state
from speechbrain_growth.schedule.wishes import forget, heard
from speechbrain_growth.training.afterwards.holding import HELD, SavedHeld
from speechbrain_growth.training.afterwards.transition import (
    TRANSITION,
    Transition,
    still_weighted,
)
from speechbrain_growth.training.checks.settings import CheckedSettingBrain

logger = get_logger(__name__)
MODEL_YAML = "model.yaml"  # in the output folder


class ResizingBrain(CheckedSettingBrain):
    """A Brain whose model can take the sizes of any checkpoint.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the modules at other sizes.
    schedule : GrowthSchedule
        Knows the sizes that the modules have.
    growth_log : GrowthLog
        Keeps what each growth did.
    **kwargs : dict
        As for ``speechbrain.Brain``.
    """

    def __init__(self, blueprint, schedule, growth_log, **kwargs):
        super().__init__(**kwargs)
        self.blueprint = blueprint
        self.schedule = schedule
        self.growth_log = growth_log
        self.schedule.start(blueprint.sizes)
        self.transition = Transition(self._modules)
        self.held = SavedHeld(self._modules)
        train_logger = getattr(self.hparams, "train_logger", None)
        is_ours = isinstance(train_logger, RunLogger)
        self.run_logger = train_logger if is_ours else None
        self.yaml_sizes = None  # those of MODEL_YAML, once this run wrote it
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(STATE, self.schedule)
            self.checkpointer.add_recoverable(TRANSITION, self.transition)
            self.checkpointer.add_recoverable(
                HELD, self.held, optional_load=True
            )

    def restore_sizes(self, checkpoint, settings=None):
        """Gives the model the sizes of a checkpoint, larger or smaller.

        Its LayerNorms become weighted or plain, as they are in the checkpoint.
        Weights and optimizer state are not loaded here.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            What will be loaded; None if nothing will.
        settings : dict
            The other keys that growths changed; None for those of the
            checkpoint.

        Raises
        ------
        GrowthError
            If the checkpoint is of another model.
        """
        if not checkpoint or STATE not in checkpoint.paramfiles:
            return
        state = read_state(checkpoint.paramfiles[STATE])
        sizes, own = state["sizes"], self.blueprint.sizes
        settings = state["settings"] if settings is None else settings
        if not set(sizes) <= set(own):
            raise GrowthError(
                f"{checkpoint.path} is of a model with the sizes "
                f"{', '.join(sizes)}; this one has {', '.join(own)}"
            )
        # What is wrapped in DDP cannot begin to learn, or stop
        keeps = not self.wraps or state["frozen"] == self.schedule.frozen
        now = self.schedule.sizes, self.in_force
        if (sizes, settings) != now or not keeps:
            old = self._modules()
            new = self._build(sizes, settings, keeps=keeps)
            follow(self._optimizers(), old, new)
            self._swap(new)
            self.schedule.start(sizes)
            self.change_settings(settings)
            self.schedule.settings = settings
        if TRANSITION in checkpoint.paramfiles:
            before = set(weighted(self._modules()))
            self.transition.weigh(checkpoint.paramfiles[TRANSITION])
            if set(weighted(self._modules())) != before:
                self.script_again()
        if HELD in checkpoint.paramfiles:
            self.held.read(checkpoint.paramfiles[HELD], self._modules())

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Restores the sizes of the checkpoint that will be loaded.

        Arguments
        ---------
        max_key : str
            Metric whose highest value is the best.
        min_key : str
            Metric whose lowest value is the best.
        """
        keys = {"max_key": max_key, "min_key": min_key}
        if self.checkpointer is not None:
            best = self.checkpointer.find_checkpoint(**keys)
            if self.test_only and best is None:
                raise GrowthError(
                    f"--test_only: {self.checkpointer.checkpoints_dir} holds "
                    "no checkpoint to test; leave the option out to train one"
                )
            self.restore_sizes(best)
            on_main(self._write_yaml, best)
        super().on_evaluate_start(**keys)

    def _write_yaml(self, checkpoint):
        """Writes the YAML that loads a checkpoint's model, if there is one."""
        if checkpoint is None or STATE not in checkpoint.paramfiles:
            return
        self.yaml_sizes = sizes_of(checkpoint)
        path = os.path.join(self.hparams.output_folder, MODEL_YAML)
        left = still_weighted(checkpoint.paramfiles.get(TRANSITION))
        if left:
            logger.warning(
                f"{path}: LayerNorms of the checkpoint are weighted for {left} "
                "more steps, and no YAML says so; evaluate it with train.py, "
                "or train on until they are plain"
            )
        settings = read_state(checkpoint.paramfiles[STATE])["settings"]
        text = yaml_at(self.blueprint, {**self.yaml_sizes, **settings})
        with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
            fout.write(text)

    def best_checkpoint(self, known):
        """Returns the checkpoint whose model the YAML in the folder has.

        Arguments
        ---------
        known : list of speechbrain.utils.checkpoints.Checkpoint
            All there are.

        Returns
        -------
        speechbrain.utils.checkpoints.Checkpoint
            None if none has a metric.
        """
        return best_of(known)

    def _end_epoch(self):
        """Writes the best model's YAML; forgets a wish that is decided on."""
        if self.checkpointer is None:
            return
        known = self.checkpointer.list_checkpoints()
        best = self.best_checkpoint(known)
        if best is not None and sizes_of(best) != self.yaml_sizes:
            self._write_yaml(best)
        wish, folder = self.schedule.hand, self.hparams.output_folder
        # A wish that no checkpoint holds would be lost in a kill
        if wish is not None and heard(folder) == wish:
            states = [c.paramfiles.get(STATE) for c in known]
            if wish in [read_state(s)["hand"] for s in states if s]:
                forget(folder)

    def _log_growth(self, entry):
        """Writes a growth into both logs; a run may have no run log."""
        on_main(self.growth_log.write, entry)
        if self.run_logger is not None:
            self.run_logger.log_growth(entry)

    def _optimizers(self):
        """All optimizers; an empty list before they are made."""
        if self.optimizers_dict:
            return list(self.optimizers_dict.values())
        return [self.optimizer] if hasattr(self, "optimizer") else []

    def _modules(self):
        """The present raw modules, in a container of their own."""
        return ModuleDict(self.raw_modules.items())

    def _build(self, sizes, settings, seed=0, keeps=True):
        """Builds modules; may keep the present ones in which nothing changes."""
        new = self.blueprint.modules({**sizes, **settings}, seed)
        new = self.prepared(new.to(self.device))
        _, other = changed_parts(self.blueprint, self.in_force, settings)
        for name, module in self.raw_modules.items():
            same = name not in other and shapes_of(module) == shapes_of(
                new[name]
            )
            if keeps and same:
                new[name] = module
        return new

    def _swap(self, new):
        """Puts new modules wherever the old ones are. The only such place."""
        for name, module in new.items():
            old = self.raw_modules[name]
            holders = [vars(self.hparams)]
            holders.append(getattr(self.hparams, "modules", {}))
            if self.checkpointer is not None:
                holders.append(self.checkpointer.recoverables)
            for holder in holders:
                for key, value in list(holder.items()):
                    if value is old:
                        holder[key] = module
        self.replace(new)


def shapes_of(module):
    """Returns the shapes of all tensors of a module.

    Arguments
    ---------
    module : torch.nn.Module
        Any.

    Returns
    -------
    dict
        By the names of its state dict.
    """
    state = module.state_dict()
    return {name: tensor.shape for name, tensor in state.items()}
