"""Dynamically expandable networks: retrain in part, expand, split what drifted.

Yoon et al. 2018, https://arxiv.org/abs/1708.01547.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Sequence, Union

from speechbrain_growth.continual.numbered import named
from speechbrain_growth.continual.staged import Staged
from speechbrain_growth.continual.stages import FIRST, LAST
from speechbrain_growth.continual.weights.fitting import loud
from speechbrain_growth.continual.weights.proximal import shrink_units, soften
from speechbrain_growth.continual.weights.selection import silent, unread
from speechbrain_growth.continual.weights.splitting import (
    Chosen,
    copies_needed,
    copies_of,
    distances,
    drifted,
    moves,
    restore,
    silence,
    split_units,
)
from speechbrain_growth.engine.unwrap import state_of
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

    A unit is all that enters it: a row of a linear layer with its bias; in a
    Li-GRU the rows of both gates, of its input and of its recurrent weight. A
    norm behind them must be of each task, and its scale and shift count where a
    unit is added or removed. Units whose number no size sets, such as channels
    in front of a LayerNorm, are neither added nor split, and held after the
    first task.

    The growths are asked for by the strategy, so the list of growths stays
    empty. A removed unit stays in the tensors as zeros which are held, and does
    not count as stored. Where one size widens several layers, and fewer units
    of one are split, it gets such units, too.

    Arguments
    ---------
    own : list of str
        The head, of which each task has its own: the output layer. If there
        are norms, they are, too: ``norms``.
    epochs : dict
        The epochs of each stage of a task; ``last`` has those that are left.
        If no units were added, those of ``expanded`` go to ``whole``.
    size : str or list of str
        The keys of the YAML that are the numbers of units of hidden layers.
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
        size: Union[str, Sequence[str]] = "hidden",
        units: int = 10,
        tau: float = 0.01,
        sigma: float = 0.05,
        split: str = "most",
        mu: float = 1e-5,
        gamma: float = 1e-3,
        l2: float = 1e-4,
        pull: float = 0.5,
    ) -> None:
        super().__init__(own, epochs, size)
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
        self.split = split
        self.units, self.tau = units, float(tau)
        self.sigma = float(sigma)
        self.mu, self.gamma = float(mu), float(gamma)
        self.l2, self.pull = float(l2), float(pull)

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: model, head, sizes, growths and epochs."""
        each, needed = brain.hparams.epochs_per_task, self.stages.end("whole")
        problems = [*super().check(brain), *loud(brain.raw_modules)]
        if needed >= each:
            problems.append(
                f"strategy: epochs has {needed} of the {each} epochs of a "
                "task; leave at least one for the last stage"
            )
        return problems

    def asks(
        self, brain: Any, epoch: int, stats: Dict[str, float]
    ) -> Dict[str, Any]:
        """Returns the sizes with new units, or with copies of drifted ones."""
        if "loss" not in stats:
            raise GrowthError(
                f"strategy: tau is a goal for the loss, but valid_stats gives "
                f"{', '.join(stats)}; let it return the loss"
            )
        number, sizes = brain.epoch_of_task(epoch), brain.schedule.sizes
        more = [0] * len(self.places(sizes))
        if self.tensors["stage"] == FIRST:
            return {}
        if number == self.stages.end("selected") and stats["loss"] > self.tau:
            more = [self.units] * len(more)
        if number == self.stages.end("whole"):
            needed = copies_needed(self.numbered(brain), self.drifted(brain))
            more = [needed.get(n, 0) for n in range(1, 1 + len(more))]
        return self.widened(sizes, more)

    def drifted(self, brain: Any) -> Chosen:
        """Returns the units that are to be split.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        dict
            The numbers of the units, by the label of each hidden layer.
        """
        units, old = self.numbered(brain), self.old(brain)
        moved = moves(units, named(brain), self.before(brain), old)
        far = distances(units, moved, old)
        far[silent(units, named(brain)) | ~old] = math.nan
        return drifted(units, far, self.sigma, self.split == "least")

    def grown(self, brain: Any, plan: Any) -> None:
        """Notes that units were added; or fills copies, restores originals."""
        if self.tensors["stage"] == "selected":
            self.tensors["expanded"] = True
            return
        units, old = self.numbered(brain), self.old(brain)
        chosen, state = self.drifted(brain), state_of(brain.raw_modules)
        copies, spare = copies_of(units, chosen)
        split_units(units, state, chosen, copies, ~old | units.outputs)
        restore(units, state, self.before(brain), old, chosen)
        silence(units, named(brain), spare)

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the squares of the weights, or of how far they moved."""
        stage, units = self.tensors["stage"], self.numbered(brain)
        if stage == "selected":
            along = units.along("in", named(brain))
            return self.l2 * sum(
                weight.square().sum() for _, weight, _ in along
            )
        if stage in ("whole", LAST):
            before, old = self.before(brain), self.old(brain)
            moved = moves(units, named(brain), before, old)
            return self.pull * sum(one.square().sum() for one in moved.values())
        return 0.0

    def after_step(self, brain: Any) -> None:
        """Takes the proximal steps of the stage, where weights are trained."""
        stage, units = self.tensors["stage"], self.numbered(brain)
        if stage not in (FIRST, "head", "expanded"):
            return
        rate = brain.optimizer.param_groups[0]["lr"]
        parameters = named(brain)
        for name, weight, _ in units.along("in", parameters):
            soften(weight, brain.held.masks[name], rate * self.mu)
        if stage == "expanded":
            new, size = ~self.old(brain), rate * self.gamma
            shrink_units(units, parameters, new, size)

    def end(self, brain: Any, task: int) -> None:
        """Counts the numbers of removed units, in what is a task's own, too."""
        units, parameters = self.numbered(brain), named(brain)
        own = set(brain.own_tensors(brain.raw_modules))
        gone = silent(units, parameters)
        kept = {
            n: t for n, t in state_of(brain.raw_modules).items() if n in own
        }
        earlier = self.tensors.get("own", 0)
        self.tensors.update(
            before={},
            widths={},
            own=earlier + unread(units, kept, gone),
            removed=earlier + unread(units, parameters, gone),
        )

    @property
    def stored(self) -> float:
        """Removed units are in the tensors, and do not count."""
        return -float(self.tensors.get("removed", 0))
