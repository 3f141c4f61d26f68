"""A strategy whose tasks have stages, each of which trains some units.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, Sequence, Union

from speechbrain_growth.continual.numbered import Numbered, named
from speechbrain_growth.continual.stages import FIRST, LAST, Stages, held_in
from speechbrain_growth.continual.weights.selection import silent
from speechbrain_growth.continual.weights.splitting import silence
from speechbrain_growth.continual.weights.units import Tensors


class Staged(Numbered):
    """Holds what a stage does not train; knows what the last task left.

    The best epoch of a task is one of its last stage.

    Arguments
    ---------
    own : list of str
        As for ``Strategy``.
    epochs : dict
        As for ``Stages``.
    size : str or list of str
        Keys of the YAML: the number of units of a layer, or a list of them.

    Example
    -------
    >>> epochs = {"head": 1, "selected": 2, "expanded": 2, "whole": 2}
    >>> Staged(["model.output"], epochs, "hidden").stages.end("whole")
    7
    """

    def __init__(
        self,
        own: Sequence[str],
        epochs: Dict[str, int],
        size: Union[str, Sequence[str]],
    ) -> None:
        super().__init__(own, size)
        self.stages, self.epochs = Stages(epochs), dict(epochs)

    def begin(self, brain: Any, task: int) -> None:
        """Keeps the weights of the last task; norms begin as it left them."""
        super().begin(brain, task)
        self.tensors.update(stage="", expanded=False, before={})
        if task == 1:
            return
        units, parameters = self.numbered(brain), named(brain)
        own = set(brain.own_tensors(brain.raw_modules))
        self.tensors["before"] = {
            name: tensor.detach().clone()
            for name, tensor, axis in units.along("out", parameters)
            if name not in own and units.hidden[axis.units].all()
        }

    def before(self, brain: Any) -> Tensors:
        """Returns what entered hidden units when the last task ended.

        Arguments
        ---------
        brain : ContinualBrain
            Has the device.

        Returns
        -------
        dict
            By name; empty in the first task.
        """
        kept = self.tensors["before"]
        return {name: one.to(brain.device) for name, one in kept.items()}

    def begin_epoch(self, brain: Any, task: int, epoch: int) -> None:
        """Where a stage begins, holds what it does not train."""
        stage = self.stages.at(task, epoch, self.tensors["expanded"])
        if stage == self.tensors["stage"]:
            return
        self.tensors["stage"] = stage
        units, parameters = self.numbered(brain), named(brain)
        silence(units, parameters, silent(units, parameters))
        own = set(brain.own_tensors(brain.raw_modules))
        held = held_in(stage, units, parameters, self.old(brain), own)
        brain.held.release(list(held), brain.raw_modules)
        brain.held.hold(held, brain.raw_modules)
        brain.reset_optimizers()

    def score(self, brain: Any, error: float) -> float:
        """Returns the error; infinite before the last stage of a task."""
        done = self.tensors["stage"] in (FIRST, LAST)
        return error if done else math.inf
