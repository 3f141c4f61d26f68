"""A strategy whose tasks read some of the units that earlier ones left.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Sequence, Union

import torch

from speechbrain_growth.continual.numbered import Numbered, named
from speechbrain_growth.continual.weights.picking import (
    PICK,
    Picking,
    is_picked,
    picked,
)
from speechbrain_growth.continual.weights.units import Tensors, spread
from speechbrain_growth.continual.weights.unlocking import between_old


class Masking(Picking, Numbered):
    """Holds the units of earlier tasks; a mask says which of them a task reads.

    A task begins with the mask of the last one. What it does not read is 0 to
    all that reads hidden units, in this task alone.

    Arguments
    ---------
    own : list of str
        As for ``Strategy``.
    size : str or list of str
        As for ``Numbered``.
    pick_lr : float
        Learning rate of the mask.

    Example
    -------
    >>> Masking(["model.output"], "hidden").weights(brain=None)
    {}
    """

    keeps = True
    learns_mask = True  # whether the mask is trained at the moment

    def __init__(
        self,
        own: Sequence[str],
        size: Union[str, Sequence[str]],
        pick_lr: float = 5e-4,
    ) -> None:
        super().__init__(own, size)
        self.pick_lr = pick_lr
        self.tensors = {"picks": {}, "masks": []}

    def begin(self, brain: Any, task: int) -> None:
        """Holds all units; begins with those that the last task read."""
        super().begin(brain, task)
        last, picks = self.tensors["picks"], {}
        for label, width in self.tensors["widths"].items():
            reads = is_picked(last[label]) if last else torch.ones(width)
            picks[label] = PICK * reads.float().to(brain.device)
        if task > 1:
            self.hold(brain, self.between_old(brain))
        self.begin_picks(picks)

    def weights(self, brain: Any) -> Tensors:
        """Returns weights that read the units of the mask, and no others."""
        return {
            name: weight * reads for name, weight, reads in self._reads(brain)
        }

    def after_step(self, brain: Any) -> None:
        """Trains the mask."""
        if self.learns_mask:
            self.step_picks()

    def end(self, brain: Any, task: int) -> None:
        """Notes which units the task reads."""
        masks = {name: reads != 0 for name, _, reads in self._reads(brain)}
        self.tensors["masks"] = [*self.tensors["masks"], masks]

    def taken(self, task: int, tensors: Tensors) -> Tensors:
        """Returns the tensors of a task, which reads some units as 0."""
        masks = self.tensors["masks"][task - 1].items()
        read = {n: tensors[n] * mask.to(tensors[n].device) for n, mask in masks}
        return {**tensors, **read}

    @property
    def stored(self) -> float:
        """A bit for each unit that each layer of a task could read."""
        masks = [m for task in self.tensors["masks"] for m in task.values()]
        return sum(mask.numel() for mask in masks) / 32

    def reads_instead(self, label: str, left: torch.Tensor, new: int) -> None:
        """Changes the mask of a layer that grew.

        Arguments
        ---------
        label : str
            Of the layer.
        left : torch.Tensor
            The units that the task does not read any more, counted within it.
        new : int
            How many units it reads that were added at the end.
        """
        pick = self.tensors["picks"][label].detach()
        pick = torch.cat([pick, pick.new_full((new,), PICK)])
        self.tensors["picks"][label] = pick.index_fill(0, left, 0)

    def between_old(self, brain: Any) -> Dict[str, torch.Tensor]:
        """Finds the weights of earlier tasks, without those that are its own.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        dict
            As ``Held.masks``.
        """
        own = set(brain.own_tensors(brain.raw_modules))
        shared = {n: t for n, t in named(brain).items() if n not in own}
        return between_old(self.numbered(brain), shared, self.old(brain))

    def hold(self, brain: Any, masks: Dict[str, torch.Tensor]) -> None:
        """Holds some weights, and lets go of all others of these tensors.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.
        masks : dict
            From ``between_old``.
        """
        brain.held.release(list(masks), brain.raw_modules)
        brain.held.hold(masks, brain.raw_modules)

    def _reads(self, brain):
        """Weights that read hidden units: name, value, and the mask's factors."""
        picks = self.tensors["picks"]
        if not picks:
            return
        units = self.numbered(brain)
        reads = torch.ones(len(units), device=brain.device)
        for label in picks:
            picks[label] = picks[label].to(brain.device)
            picks[label].requires_grad_(self.learns_mask)
            numbers = units.layers[label]
            reads[numbers.start : numbers.stop] = picked(picks[label])
        for name, tensor, axis in units.along("in", named(brain)):
            if units.hidden[axis.units].any():
                yield name, tensor, spread(reads, axis, tensor)
