"""Dynamically expandable networks: retrain in part, expand, split what drifted.

Yoon et al. 2018, https://arxiv.org/abs/1708.01547.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence

import torch

from speechbrain_growth.continual.staged import Staged, layers_of
from speechbrain_growth.continual.stages import FIRST, LAST
from speechbrain_growth.continual.weights.proximal import shrink_units, soften
from speechbrain_growth.continual.weights.selection import (
    chain_of,
    silent,
    unread_weights,
)
from speechbrain_growth.continual.weights.splitting import (
    drifted,
    moves,
    split_units,
)
from speechbrain_growth.errors import GrowthError


class DEN(Staged):
    """Adds units to a task that misses its goal, and copies of units it moved.

    The first task is trained with an L1 penalty. Each later one goes through
    five stages. ``head``: only its head is trained, with an L1 penalty.
    ``selected``: the units that the head reads, directly or through others,
    along weights that are not zero; all else is held. If the loss is still
    above ``tau``, each hidden layer gets new units. ``expanded``: their weights
    alone are trained; a unit whose incoming weights all become zero is removed.
    ``whole``: all weights are trained, and pulled to those of the last task.
    Then units that moved by more than ``sigma`` are split: the unit gets its
    old weights back, and a copy with the new ones is added at the end, read
    only by what the present task added, such as its head. ``last``: as
    ``whole``.

    A finished task reads no unit that came later. Yet its own weights may move
    in later tasks, as far as ``sigma`` and ``pull`` let them.

    The growths are asked for by the strategy, so the list of growths stays
    empty. A removed unit stays in the tensors as zeros which are held, and does
    not count as stored.

    Arguments
    ---------
    own : list of str
        The head, of which each task has its own: the output layer.
    epochs : dict
        The epochs of each stage of a task; ``last`` has those that are left.
        If no units were added, those of ``expanded`` go to ``whole``.
    size : str
        The key of the YAML that is the list of units of the hidden layers.
    units : int
        How many units each hidden layer gets where the goal is missed.
    tau : float
        The goal: the largest loss of the validation with which none are added.
    sigma : float
        How far the weights that enter a unit, with its bias, may move before it
        is split: a Euclidean distance. ``.inf``: nothing is split.
    split : str
        ``most``: the units that moved by more than ``sigma``, as in the paper.
        ``least``: as many units, but those that moved least, as the code that
        was released with the paper takes them.
    mu : float
        Of the L1 penalty.
    gamma : float
        Of the group lasso: the norms of what enters each new unit.
    l2 : float
        Of the sum of squares in ``selected``.
    pull : float
        Of the squared distance to the weights of the last task: lambda.

    Raises
    ------
    GrowthError
        If an argument has a value that it cannot have.

    Example
    -------
    >>> stages = {"head": 1, "selected": 2, "expanded": 2, "whole": 2}
    >>> DEN(["model.output"], stages).has_heads
    True
    """

    def __init__(
        self,
        own: Sequence[str],
        epochs: Dict[str, int],
        size: str = "hidden",
        units: int = 10,
        tau: float = 0.01,
        sigma: float = 0.05,
        split: str = "most",
        mu: float = 1e-5,
        gamma: float = 1e-3,
        l2: float = 1e-4,
        pull: float = 0.5,
    ) -> None:
        super().__init__(own, epochs)
        numbers = {"units": units, "tau": tau, "sigma": sigma, "mu": mu}
        numbers.update({"gamma": gamma, "l2": l2, "pull": pull})
        problems = [
            f"{name} is {value!r}; it must be a number, at least 0"
            for name, value in numbers.items()
            if type(value) not in (int, float) or not value >= 0
        ]
        if type(units) is float:
            problems.append(f"units is {units!r}; it must be a whole number")
        if split not in ("most", "least"):
            problems.append(f"split is {split!r}; it must be most or least")
        if problems:
            raise GrowthError([f"strategy: {one}" for one in problems])
        self.size, self.split = size, split
        self.units, self.tau, self.sigma = units, float(tau), float(sigma)
        self.mu, self.gamma = float(mu), float(gamma)
        self.l2, self.pull = float(l2), float(pull)

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: model, head, growths and epochs."""
        problems, each = [], brain.hparams.epochs_per_task
        needed = self.stages.end("whole")
        try:
            head = list(chain_of(brain.raw_modules))[-1]
            if self.own != [head]:
                problems.append(f"own is {self.own}; it must be [{head}]")
        except GrowthError as error:
            problems += error.problems
        if self.size not in brain.schedule.sizes:
            problems.append(
                f"size is {self.size}, but the model has the sizes "
                f"{', '.join(brain.schedule.sizes)}; name one of them"
            )
        if brain.schedule.growths:
            problems.append("DEN asks for its growths; write growth: []")
        if needed >= each:
            problems.append(
                f"epochs has {needed} of the {each} epochs of a task; leave at "
                "least one for the last stage"
            )
        return [f"strategy: {problem}" for problem in problems]

    def asks(
        self, brain: Any, epoch: int, stats: Dict[str, float]
    ) -> Dict[str, Any]:
        """Returns the sizes with new units, or with copies of drifted ones."""
        if "loss" not in stats:
            raise GrowthError(
                f"strategy: tau is a goal for the loss, but valid_stats gives "
                f"{', '.join(stats)}; let it return the loss"
            )
        number, now = (
            brain.epoch_of_task(epoch),
            brain.schedule.sizes[self.size],
        )
        more = [0] * len(now)
        if self.tensors["stage"] == FIRST:
            return {}
        if number == self.stages.end("selected") and stats["loss"] > self.tau:
            more = [self.units] * len(now)
        if number == self.stages.end("whole"):
            more = list(map(len, self.drifted(brain)))
        wider = [a + b for a, b in zip(now, more)]
        return {self.size: wider} if any(more) else {}

    def drifted(self, brain: Any) -> List[torch.Tensor]:
        """Returns the units that are to be split.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        list of torch.Tensor
            The indices of the units, for each hidden layer.
        """
        layers = layers_of(brain)
        return drifted(
            moves(layers, self.before(brain)),
            silent(layers)[1:],
            self.sigma,
            self.split == "least",
        )

    def grown(self, brain: Any, plan: Any) -> None:
        """Notes that units were added; or fills copies, restores originals."""
        if self.tensors["stage"] == "selected":
            self.tensors["expanded"] = True
            return
        chosen = self.drifted(brain)
        split_units(layers_of(brain), self.before(brain), chosen)

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the squares of the weights, or of how far they moved."""
        stage, layers = self.tensors["stage"], layers_of(brain)
        if stage == "selected":
            return self.l2 * sum(one.weight.square().sum() for one in layers)
        if stage in ("whole", LAST):
            moved = moves(layers, self.before(brain))
            return self.pull * sum(one.square().sum() for one in moved)
        return 0.0

    def after_step(self, brain: Any) -> None:
        """Takes the proximal steps of the stage, where weights are trained."""
        stage, rate = (
            self.tensors["stage"],
            brain.optimizer.param_groups[0]["lr"],
        )
        if stage not in (FIRST, "head", "expanded"):
            return
        layers = chain_of(brain.raw_modules)
        for name, layer in layers.items():
            held = brain.held.masks[f"{name}.weight"]
            soften(layer.weight, held, rate * self.mu)
        if stage == "expanded":
            for layer, (_, bias) in zip(layers.values(), self.before(brain)):
                shrink_units(layer, len(bias), rate * self.gamma)

    def end(self, brain: Any, task: int) -> None:
        """Counts the weights of removed units, in all heads so far, too."""
        *hidden, head = unread_weights(layers_of(brain))
        heads = self.tensors.get("heads", 0) + head
        self.tensors.update(before=[], heads=heads, removed=sum(hidden) + heads)

    @property
    def stored(self) -> float:
        """Removed units are in the tensors, and do not count."""
        return -float(self.tensors.get("removed", 0))
