"""BNS-style: a controller decides what a task does with each layer.

After Qin et al. 2021, "BNS: Building network structures dynamically for
continual learning" (NeurIPS 34). Its code is not available, so actions, reward
and controller are ours.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List

import torch
from torch import nn

from speechbrain_growth.continual.systems.actions import COPY, TRAIN
from speechbrain_growth.continual.systems.trying import Trying


class BNS(Trying):
    """Tries actions before each task, learns from them, and takes the best.

    For each hidden layer, a task after the first does one of these:

    * ``reuse``: the layer stays as it is;
    * ``copy``: the layer is trained; earlier tasks keep a copy of what it was;
    * ``train``: the layer is trained, also for earlier tasks that share it;
    * a number: the layer stays as it is, and gets so many new units.

    New units are trained, and so is all that reads them: no earlier task does.
    A layer means its latest version, if there are copies.

    A trial takes one action for each layer, trains the task for some epochs on
    copies of all that the run holds, and is worth

    .. math:: R = a_t + c \\cdot mean_{j < t} (a_j - b_j) - \\xi u

    where b and a are the metric of a task on its validation data before and
    after it, and u counts the units that are copied or new. All trials of a
    task begin alike and see the same batches. So actions that were tried
    already are not trained again. After the last trial, the task begins with
    the actions of the highest reward.

    Only ``train`` changes earlier tasks. Where no task does it, they compute
    the same bits, which is checked.

    Arguments
    ---------
    own : list of str
        The head, of which each task has its own: the output layer.
    actions : list
        Some of ``reuse``, ``copy`` and ``train``, and numbers of new units.
    trials : int
        Before each task.
    trial_epochs : int
        Of each trial.
    c : float
        Worth of what earlier tasks gain or lose.
    xi : float
        Price of a unit, in the unit of the metric.
    lr : float
        Learning rate of the controller; with 0 it stays random, a control.
    size : str
        The key of the YAML that is the list of units of the hidden layers.
    metric : str
        One that ``valid_stats`` returns, of which more is better.

    Raises
    ------
    GrowthError
        Naming every argument that has a value that it cannot have.

    Example
    -------
    >>> BNS(actions=["reuse", "train", 10]).keeps
    True
    """

    stamps = True

    @property
    def keeps(self) -> bool:
        """Whether the present task leaves all earlier ones as they are."""
        return TRAIN not in self.tensors["chosen"]

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: model, head, sizes, growths and epochs."""
        each, run = brain.hparams.epochs_per_task, brain.schedule.run
        layers = self.shared(brain)
        problems = [
            f"the model's {name} is a {type(one).__name__}; use linear layers"
            for name, one in layers.items()
            if not isinstance(one, nn.Linear)
        ]
        widths = [getattr(one, "out_features", 0) for one in layers.values()]
        size = brain.schedule.sizes.get(self.size, "no size of the model")
        if not problems and size != widths:
            problems.append(
                f"own is {self.own} and size is {self.size}, which is {size}, "
                f"but the layers that tasks share have {widths} units; own "
                "must be the output layer, and size the key of the others"
            )
        if brain.schedule.growths:
            problems.append("BNS decides on its growths; write growth: []")
        if self.trial_epochs > each:
            problems.append(
                f"trial_epochs is {self.trial_epochs}, but a task has {each}; "
                "use fewer"
            )
        if run.better.get(self.metric) == "lower":
            problems.append(
                f"of {self.metric}, less is better; name a metric of which "
                "more is, such as accuracy"
            )
        if brain.distributed_launch:
            problems.append("trials run in one process; start one")
        return [f"strategy: {problem}" for problem in problems]

    def shared(self, brain: Any) -> Dict[str, nn.Module]:
        """Returns the layers with weights that are no task's own, by name.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        dict
        """
        own = set(brain.own_tensors(brain.raw_modules))
        return {
            name: one
            for name, one in brain.raw_modules.named_modules()
            if any(f"{name}.{leaf}" not in own for leaf in one._parameters)
        }

    def begin(self, brain: Any, task: int) -> None:
        """Keeps copies, and holds what no action trains."""
        if task == 1:
            return
        held, copies = {}, self.tensors["copies"]
        then = brain.finished.tensors(task - 1, brain.raw_modules)
        layers = self.shared(brain).items()
        for (layer, one), action in zip(layers, self.tensors["chosen"]):
            for leaf, now in one.named_parameters():
                name = f"{layer}.{leaf}"
                old = then[name].detach()
                held[name] = torch.zeros_like(now, dtype=torch.bool)
                if action == COPY:
                    kept = [task - 1, old.clone().cpu()]
                    copies.setdefault(name, []).append(kept)
                elif action != TRAIN:
                    held[name][_first(old.shape)] = True
        brain.held.release(list(held), brain.raw_modules)
        brain.held.hold(held, brain.raw_modules)
        if not self.keeps:
            brain.finished.probes = []

    def end(self, brain: Any, task: int) -> None:
        """After ``train``, earlier tasks must stay as they are now."""
        if not self.keeps:
            tasks = range(1, len(brain.finished) + 1)
            brain.finished.probes = [brain.logits_of(one) for one in tasks]
        self.tensors["chosen"] = []

    def taken(
        self, task: int, tensors: Dict[str, torch.Tensor]
    ) -> Dict[str, torch.Tensor]:
        """Returns the tensors of a finished task, with the copies that it has."""
        found = dict(tensors)
        for name, copies in self.tensors["copies"].items():
            mine = [kept for last, kept in copies if task <= last]
            if mine:
                found[name] = mine[0][_first(tensors[name].shape)]
        return found

    @property
    def stored(self) -> float:
        """All copies of layers."""
        every = self.tensors["copies"].values()
        return float(sum(t.numel() for kept in every for _, t in kept))


def _first(shape):
    """The place of what was there before units were added behind it."""
    return tuple(map(slice, shape))
