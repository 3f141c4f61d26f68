"""Packing: the tasks share out the weights of one network.

As in PackNet (Mallya & Lazebnik 2018, https://arxiv.org/abs/1711.05769), and
with the picks of CPG (Hung et al. 2019, https://arxiv.org/abs/1910.06562).

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Sequence

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.continual.weights.picking import PICK, Picking, picked
from speechbrain_growth.engine.transfer import remap

logger = get_logger(__name__)


class Packing(Picking, Strategy):
    """Each weight with several axes has an owner: the task that keeps it.

    The owner of a free weight is 0. A task trains all free weights, its own
    norms, biases and head, and a mask that picks from the weights of earlier
    tasks. Weights with an owner are held once its task is finished. Which
    weights a task frees again is up to a subclass, by ``prune``.

    Arguments
    ---------
    picks : bool
        Whether a task picks from earlier weights; else it uses them all.
    pick_lr : float
        Learning rate of the masks.
    own : list of str
        As for ``Strategy``; norms and biases need not be named.
    """

    keeps = True

    def __init__(
        self,
        picks: bool = True,
        pick_lr: float = 5e-4,
        own: Sequence[str] = ("model.output",),
    ) -> None:
        super().__init__(own)
        self.own += [n for n in ("norms", "biases") if n not in self.own]
        self.picks, self.pick_lr = picks, pick_lr

    def begin(self, brain: Any, task: int) -> None:
        """The task takes all free weights; they begin as built."""
        owners, picks = self.tensors.setdefault("owners", {}), {}
        built = brain.as_built(task)
        for name, weight in self.shared(brain).items():
            if name not in owners:
                owners[name] = torch.zeros_like(weight, dtype=torch.int16)
            free = owners[name].to(weight.device) == 0
            owners[name][free] = task
            if task > 1:
                picks[name] = torch.full_like(weight, PICK)
                weight.copy_(torch.where(free, built[name], weight))
                if not free.any():
                    logger.warning(f"{name} has no free weight for task {task}")
        self.begin_picks(picks if self.picks else {})

    def weights(self, brain: Any) -> Dict[str, torch.Tensor]:
        """Returns own weights, and those of earlier tasks that are picked."""
        found, task = {}, self.task_now(brain)
        for name, weight, owner in self.owned(brain):
            earlier = weight.detach() * ((owner > 0) & (owner < task))
            pick = self.tensors["picks"].get(name)
            if pick is not None:
                earlier = earlier * picked(pick)
            found[name] = weight * (owner == task) + earlier
        return found

    def end(self, brain: Any, task: int) -> None:
        """Notes which weights the task uses, and holds what has an owner."""
        with torch.no_grad():
            used = {n: w != 0 for n, w in self.weights(brain).items()}
        self.tensors.setdefault("used", []).append(used)
        self.tensors["picks"] = {}
        self._hold(brain, task + 1)

    def grown(self, brain: Any, plan: Any) -> None:
        """New weights belong to the task that is trained, or are free."""
        if "owners" not in self.tensors:
            return
        task = self.task_now(brain)
        new = task if task == brain.finished.begun else 0
        for key, fill in (("owners", new), ("picks", PICK)):
            self.tensors[key] = _followed(
                self.tensors[key], plan, self.shared(brain), fill
            )
        self.tensors.pop("adam", None)
        self._hold(brain, task)

    def taken(
        self, task: int, tensors: Dict[str, torch.Tensor]
    ) -> Dict[str, torch.Tensor]:
        """Returns the tensors of a task; weights that it does not use are 0."""
        used = self.tensors["used"][task - 1]
        masked = {
            name: tensors[name] * mask.to(tensors[name].device)
            for name, mask in used.items()
        }
        return {**tensors, **masked}

    @property
    def stored(self) -> float:
        """A bit for each weight of each finished task; owners follow."""
        masks = [
            m for used in self.tensors.get("used", []) for m in used.values()
        ]
        return sum(mask.numel() for mask in masks) / 32

    def task_now(self, brain):
        """The task that is trained, or comes next."""
        return len(brain.finished) + 1

    def shared(self, brain):
        """The weights that tasks share out, by name."""
        own = set(brain.own_tensors(brain.raw_modules))
        return {
            name: weight.detach()
            for name, weight in brain.raw_modules.named_parameters()
            if name not in own
        }

    def owned(self, brain):
        """Name, weight and owners of each tensor, on the weight's device."""
        for name in self.tensors.get("owners", ()):
            weight = brain.raw_modules.get_parameter(name)
            for key in ("owners", "picks"):
                held = self.tensors[key]
                if name in held and held[name].device != weight.device:
                    held[name] = held[name].detach().to(weight.device)
            if name in self.tensors["picks"]:
                self.tensors["picks"][name].requires_grad_(True)
            yield name, weight, self.tensors["owners"][name]

    def _hold(self, brain, task):
        """Holds the weights whose owners come before a task."""
        modules = brain.raw_modules
        masks = {
            name: (owner > 0) & (owner < task)
            for name, _, owner in self.owned(brain)
        }
        brain.held.release(list(masks), modules)
        brain.held.hold(masks, modules)


def prune(
    weight: torch.Tensor, owner: torch.Tensor, task: int, ratio: float
) -> None:
    """Frees a share of a task's weights in place; free weights become 0.

    Arguments
    ---------
    weight : torch.Tensor
        Any shape.
    owner : torch.Tensor
        The owner of each weight; 0: free, which this task made it.
    task : int
        The one whose weights are pruned.
    ratio : float
        Share of those that it had; less than what is free frees none.

    Example
    -------
    >>> weight = torch.tensor([5.0, -1.0, 2.0, -3.0, 9.0])
    >>> owner = torch.tensor([1, 2, 2, 2, 2])
    >>> prune(weight, owner, task=2, ratio=0.5)
    >>> weight.tolist(), owner.tolist()
    ([5.0, 0.0, 0.0, -3.0, 9.0], [1, 0, 0, 2, 2])
    """
    free = owner == 0
    mine = free | (owner == task)
    wanted = round(ratio * int(mine.sum()))
    if wanted > int(free.sum()):
        size = torch.where(free, -1.0, weight.abs())
        size = size.masked_fill(~mine, float("inf"))
        least = size.flatten().topk(wanted, largest=False).indices
        owner.view(-1)[least] = 0
    weight.masked_fill_(owner == 0, 0.0)


def _followed(tensors, plan, shared, fill):
    """Owners or picks after a growth; those of new weights are ``fill``."""
    found = {}
    for name, weight in shared.items() if tensors else ():
        dtype, was = next(iter(tensors.values())).dtype, plan.before(name)
        found[name] = torch.full_like(weight, fill, dtype=dtype)
        if was in tensors:
            now, axes = tensors[was].detach(), plan.tensors[name]
            now = remap(now.to(weight.device), axes, powers=(0, 0))
            for dim, axis in enumerate(axes):
                if axis is not None:
                    new = axis.width.is_new.nonzero()[:, 0].to(now.device)
                    now = now.index_fill(dim, new, fill)
            found[name] = now
    return found
