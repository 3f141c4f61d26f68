"""A strategy whose tasks have stages, each of which trains a part of a chain.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Sequence

import torch
from torch import nn

from speechbrain_growth.continual.stages import FIRST, LAST, Stages, held_in
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.continual.weights.selection import chain_of, silent


class Staged(Strategy):
    """Holds what a stage does not train; knows what the last task left.

    The best epoch of a task is one of its last stage.

    Arguments
    ---------
    own : list of str
        As for ``Strategy``.
    epochs : dict
        As for ``Stages``.

    Example
    -------
    >>> epochs = {"head": 1, "selected": 2, "expanded": 2, "whole": 2}
    >>> Staged(["model.output"], epochs).stages.end("whole")
    7
    """

    stamps = True

    def __init__(self, own: Sequence[str], epochs: Dict[str, int]) -> None:
        super().__init__(own)
        self.stages, self.epochs = Stages(epochs), dict(epochs)

    def begin(self, brain: Any, task: int) -> None:
        """Keeps the weights of the last task."""
        hidden = layers_of(brain)[:-1] if task > 1 else ()
        before = [
            [p.detach().clone() for p in one.parameters()] for one in hidden
        ]
        self.tensors.update(stage="", expanded=False, before=before)

    def before(self, brain: Any) -> List[List[torch.Tensor]]:
        """Returns what entered each unit when the last task ended.

        Arguments
        ---------
        brain : ContinualBrain
            Has the device.

        Returns
        -------
        list of list
            Weight and bias of each hidden layer; empty in the first task.
        """
        kept = self.tensors["before"]
        return [[tensor.to(brain.device) for tensor in pair] for pair in kept]

    def begin_epoch(self, brain: Any, task: int, epoch: int) -> None:
        """Where a stage begins, holds what it does not train."""
        stage = self.stages.at(task, epoch, self.tensors["expanded"])
        if stage == self.tensors["stage"]:
            return
        self.tensors["stage"] = stage
        layers = layers_of(brain)
        with torch.no_grad():
            for layer, removed in zip(layers, silent(layers)):
                layer.weight[:, removed] = 0
        widths = [len(bias) for _, bias in self.before(brain)]
        held = held_in(stage, chain_of(brain.raw_modules), widths)
        brain.held.release(list(held), brain.raw_modules)
        brain.held.hold(held, brain.raw_modules)
        brain.reset_optimizers()

    def score(self, brain: Any, error: float) -> float:
        """Returns the error; infinite before the last stage of a task."""
        done = self.tensors["stage"] in (FIRST, LAST)
        return error if done else math.inf


def layers_of(brain: Any) -> List[nn.Linear]:
    """Finds the linear layers of a Brain's network; the last one is the head.

    Arguments
    ---------
    brain : ContinualBrain
        Its modules are a chain.

    Returns
    -------
    list of torch.nn.Linear
        From the inputs on.
    """
    return list(chain_of(brain.raw_modules).values())
