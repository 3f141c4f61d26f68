"""A strategy that tries actions before each task, and takes the best ones.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, Sequence

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.continual.systems.actions import (
    COPY,
    REUSE,
    TRAIN,
    Action,
    in_words,
    is_count,
    reward,
    units,
    wider,
    wrong_actions,
)
from speechbrain_growth.continual.systems.controller import searched, started
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)


class Trying(Strategy):
    """Draws an action for each hidden layer, and learns from what it gives.

    All trials of a task begin alike and see the same batches. So actions that
    were tried already are not trained again.

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
    >>> Trying(actions=["reuse", "train", 10]).has_heads
    True
    """

    def __init__(
        self,
        own: Sequence[str] = ("model.output",),
        actions: Sequence[Action] = (REUSE, COPY, TRAIN, 10, 40),
        trials: int = 25,
        trial_epochs: int = 1,
        c: float = 1.0,
        xi: float = 0.01,
        lr: float = 0.5,
        size: str = "hidden",
        metric: str = "accuracy",
    ) -> None:
        super().__init__(own)
        problems = wrong_actions(actions)
        counts = {"trials": trials, "trial_epochs": trial_epochs}
        problems += [
            f"{name} is {value!r}; it must be a whole number, at least 1"
            for name, value in counts.items()
            if not is_count(value)
        ]
        problems += [
            f"{name} is {value!r}; it must be a number, at least 0"
            for name, value in {"c": c, "xi": xi, "lr": lr}.items()
            if type(value) not in (int, float) or not 0 <= value < math.inf
        ]
        if problems:
            raise GrowthError([f"strategy: {one}" for one in problems])
        self.actions, self.size, self.metric = list(actions), size, metric
        self.trials, self.trial_epochs = trials, trial_epochs
        self.c, self.xi, self.lr = float(c), float(xi), float(lr)
        self.tensors = {"decided": 1, "chosen": [], "copies": {}, "trials": []}

    def measured(self, brain: Any, stats: Dict[str, float]) -> Dict[str, float]:
        """Returns nothing more; raises if the metric is missing."""
        if self.metric not in stats:
            raise GrowthError(
                f"strategy: metric is {self.metric!r}, but valid_stats returns "
                f"{', '.join(stats)}; name one of these"
            )
        return {}

    def prepare(self, brain: Any, task: int, epoch: int) -> None:
        """Tries actions, takes the best ones, and saves that."""
        if self.tensors["decided"] >= task:  # before the run was killed
            return
        widths, known = brain.schedule.sizes[self.size], {}
        before = brain.values_of(self.metric, range(1, task))

        def reward_of(drawn):
            """The reward of some actions, which are tried once."""
            if drawn not in known:
                chosen = [self.actions[one] for one in drawn]
                known[drawn] = self._tried(brain, task, epoch, chosen, before)
            return known[drawn]["reward"]

        seed = 1000 * int(getattr(brain.hparams, "seed", 0)) + task
        _, found = searched(
            reward_of,
            started(len(widths), len(self.actions)),
            self.trials,
            self.lr,
            torch.Generator().manual_seed(seed),
        )
        entries = [
            {
                "task": task,
                "trial": number,
                "probability": one.probability,
                **known[one.actions],
            }
            for number, one in enumerate(found, start=1)
        ]
        best = max(entries, key=lambda entry: entry["reward"])
        logger.info(in_words(entries, best))
        self.tensors.update(
            decided=task,
            chosen=best["actions"],
            trials=[*self.tensors["trials"], *entries],
        )
        brain.grow_before(epoch, self._sizes(best["actions"], widths))
        brain.save_before_growing()

    def _tried(self, brain, task, epoch, chosen, before):
        """Tries actions; returns what is logged of them."""
        widths = brain.schedule.sizes[self.size]
        self.tensors["chosen"] = chosen  # of the copy that the trial is made on
        try:
            after, macs = brain.try_beginning(
                task, epoch, self._sizes(chosen, widths), self.trial_epochs
            )
        finally:
            self.tensors["chosen"] = []
        works, stored = after is not None, units(chosen, widths)
        after = after if works else [*before, 0.0]  # nothing learnt
        return {
            "actions": chosen,
            "before": before,
            "after": after,
            "units": stored,
            "macs": macs,
            "works": works,
            "reward": reward(before, after, stored, self.c, self.xi),
        }

    def _sizes(self, chosen, widths):
        """The sizes that actions grow to; empty if none grows."""
        now = wider(chosen, widths)
        return {self.size: now} if now != widths else {}

    @property
    def report(self) -> Dict[str, Any]:
        """Every trial."""
        return {"trials": self.tensors["trials"]}
