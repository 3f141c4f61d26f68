"""CPG: each task keeps few weights, picks from earlier ones, and may grow.

Compacting, picking and growing (Hung et al. 2019,
https://arxiv.org/abs/1910.06562). Without picks it is pack and expand (PAE);
without picks and growths it is PackNet (Mallya & Lazebnik 2018,
https://arxiv.org/abs/1711.05769).

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence, Tuple, Union

import torch

from speechbrain_growth.continual.weights.packing import Packing, prune
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.directions import HIGHER

EVERY = 10  # steps between two prunings
RAMP = 0.5  # share of a stage in which it prunes; then the rest recovers
GAP = "goal_gap"


class CPG(Packing):
    """Prunes what a task trained, and holds the rest; later tasks pick of it.

    A task trains all free weights. In its last epochs they are pruned in
    stages, those with the smallest magnitudes in each layer. The epoch with the
    most pruned weights that reaches the goal ends the task; what was pruned is
    free again.

    Arguments
    ---------
    goal : float or list of float
        The metric to be reached, or one for each task: that of a network that
        learns the task alone.
    ratios : list of float
        Shares of a task's weights that are pruned, stage by stage.
    prune_epochs : int
        Epochs of a stage. A task trains without pruning before the stages.
    picks : bool
        Whether a task picks from earlier weights; else it uses them all.
    pick_lr : float
        Learning rate of the masks.
    own : list of str
        As for ``Strategy``; norms and biases need not be named.
    metric : str
        The one of ``valid_stats`` that the goal is for, and that the recipe
        gives to ``save_epoch``; less is better. By how much it misses the goal
        is the metric ``goal_gap``, which ``on_missed_goal`` takes: it is not
        above 0 once it is too late for a growth.

    Raises
    ------
    GrowthError
        If an argument is out of range.

    Example
    -------
    >>> CPG(goal=7.0, ratios=[0.5, 0.8]).own
    ['model.output', 'norms', 'biases']
    """

    def __init__(
        self,
        goal: Union[float, Sequence[float]],
        ratios: Sequence[float] = (0.3, 0.5, 0.7, 0.8, 0.9),
        prune_epochs: int = 1,
        picks: bool = True,
        pick_lr: float = 5e-4,
        own: Sequence[str] = ("model.output",),
        metric: str = "error",
    ) -> None:
        super().__init__(picks, pick_lr, own)
        self.goal, self.ratios = goal, _listed(ratios)
        self.prune_epochs, self.metric = prune_epochs, metric
        rising = [0.0, *self.ratios, 1.0]
        if (
            {type(one) for one in (*_listed(goal), *self.ratios)} - {int, float}
            or rising != sorted(set(rising))
            or len(rising) < 3
            or type(prune_epochs) is not int
            or prune_epochs < 1
        ):
            raise GrowthError(
                f"strategy: goal is {goal!r}, ratios {self.ratios} and "
                f"prune_epochs {prune_epochs!r}; give numbers as goals, rising "
                "shares between 0 and 1, and whole epochs"
            )

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong with goals, epochs and growths."""
        each, tasks = brain.hparams.epochs_per_task, brain.stream.tasks
        stages, problems = len(self.ratios) * self.prune_epochs, []
        if each <= stages:
            problems.append(
                f"strategy: {len(self.ratios)} ratios of {self.prune_epochs} "
                f"epochs are {stages}, and a task has {each}; give it more"
            )
        if len(_listed(self.goal)) not in (1, tasks):
            problems.append(
                f"strategy: {len(self.goal)} goals for {tasks} tasks; give one "
                "for each"
            )
        better = brain.schedule.run.better.get(self.metric)
        if better == "higher" or self.metric in HIGHER:
            problems.append(
                f"strategy: of {self.metric}, more is better; name a metric "
                "of which less is, such as error"
            )
        if self.picks and brain.distributed_launch:
            problems.append(
                "strategy: picks are learnt in one process; start one, or use "
                "picks: False"
            )
        if not self.shared(brain):
            problems.append("strategy: own names all weights; name fewer")
        for growth in brain.schedule.growths:
            if growth.time > 1:
                continue
            wrong = [
                one
                for one in growth.condition.all
                if one.name == "on_missed_goal" and one.own_metrics != [GAP]
            ]
            if wrong:
                problems.append(
                    f"{growth.place}: it would grow while weights are pruned; "
                    f"use {{metric: {GAP}, goal: 0.0, better: lower}}"
                )
            if growth.old:
                problems.append(
                    f"{growth.place}: CPG holds what has an owner; leave out "
                    f"old: {growth.old}"
                )
        return problems

    def after_step(self, brain: Any) -> None:
        """Trains the picks, or prunes; what is free stays 0."""
        ratio = self._ratio(brain)
        if ratio is None:
            self.step_picks()
            return
        with torch.no_grad():
            for _, weight, owner in self.owned(brain):
                prune(weight, owner, self.task_now(brain), ratio)

    def measured(self, brain: Any, stats: Dict[str, float]) -> Dict[str, float]:
        """Returns by how much the goal is missed."""
        if self.metric not in stats:
            raise GrowthError(
                f"strategy: metric is {self.metric!r}, but valid_stats returns "
                f"{', '.join(stats)}; name one of these"
            )
        gap = stats[self.metric] - self._goal(self.task_now(brain))
        # What grew after the last epoch of training would not be trained
        late = self._pruned_for(brain) >= -1
        return {GAP: min(gap, 0.0) if late else gap}

    def score(self, brain: Any, error: float) -> float:
        """Prefers epochs at the goal, of these the one that freed most.

        If none is at the goal, the task leaves as much to each of those that
        follow as it keeps.
        """
        task, free, mine = self.task_now(brain), 0, 0
        for _, _, owner in self.owned(brain):
            free += int((owner == 0).sum())
            mine += int((owner == task).sum())
        ratio, bounded = free / max(free + mine, 1), error / (1 + abs(error))
        if error <= self._goal(task):
            return bounded / 1000 - ratio
        left = 1 + brain.stream.tasks - task
        return 3 + 1000 * round(max(1 - 1 / left - ratio, 0.0), 2) + bounded

    def _goal(self, task):
        """The goal of a task; of the last one, once all are finished."""
        goals = _listed(self.goal)
        return goals[min(task, len(goals)) - 1]

    def _pruned_for(self, brain):
        """How many epochs of pruning are over; less than 0 before them."""
        each = brain.hparams.epochs_per_task
        over = (max(brain.hparams.epoch_counter.current, 1) - 1) % each
        return over - (each - len(self.ratios) * self.prune_epochs)

    def _ratio(self, brain):
        """The share that is to be pruned now; None before the stages."""
        over = self._pruned_for(brain)
        if over < 0:
            return None
        stage, within = divmod(over, self.prune_epochs)
        steps = len(brain.train_loader)
        return cubic(
            ([0.0, *self.ratios][stage], self.ratios[stage]),
            within * steps + brain.step,
            RAMP * self.prune_epochs * steps,
        )


def cubic(ratios: Tuple[float, float], step: int, steps: float) -> float:
    """Returns the share that is pruned at one step of a gradual pruning.

    It rises fast at first (Zhu & Gupta 2017, https://arxiv.org/abs/1710.01878),
    and changes every 10 steps.

    Arguments
    ---------
    ratios : tuple of float
        The shares before the first step and after the last.
    step : int
        From 1 on.
    steps : float
        The last one; later the share stays.

    Returns
    -------
    float

    Example
    -------
    >>> [round(cubic((0.1, 0.5), step, 40), 3) for step in (9, 20, 40, 50)]
    [0.1, 0.45, 0.5, 0.5]
    """
    start, end = ratios
    left = 1 - (step - step % EVERY) / steps if step < steps else 0.0
    return end + (start - end) * left**3


def _listed(value):
    """A value as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]
