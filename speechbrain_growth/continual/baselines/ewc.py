"""Elastic weight consolidation: weights that matter are pulled back.

Kirkpatrick et al. 2017, https://arxiv.org/abs/1612.00796, equation 3.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, List, Sequence

import torch

import speechbrain as sb
from speechbrain_growth.continual.sampling import one_by_one
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.training.measures.bars import progress


class EWC(Strategy):
    """Adds ``weight / 2 * sum F (w - w*)^2``, summed over the finished tasks.

    ``F`` is the diagonal of the empirical Fisher information: the mean square
    of the gradients of single items, with their own labels. The sum over tasks
    is kept as one: its curvature is ``sum F``, and its minimum the mean of the
    ``w*`` that ``F`` weighs, so that the memory does not grow with the tasks.

    Arguments
    ---------
    weight : float
        Of the penalty.
    samples : int
        Items from which ``F`` of a task is measured.
    own : list of str
        As for ``Strategy``; own tensors are not pulled.

    Raises
    ------
    GrowthError
        If a number is not above 0.
    """

    def __init__(
        self,
        weight: float = 1000.0,
        samples: int = 200,
        own: Sequence[str] = (),
    ) -> None:
        super().__init__(own)
        if not weight > 0 or type(samples) is not int or samples < 1:
            raise GrowthError(
                f"strategy: weight is {weight!r} and samples {samples!r}; both "
                "must be above 0, samples a whole number"
            )
        self.weight, self.samples = float(weight), samples

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: a penalty does not follow a growth."""
        return [
            f"{growth.place}: EWC has no rule for new units; leave the growth "
            "out"
            for growth in brain.schedule.growths
        ]

    def end(self, brain: Any, task: int) -> None:
        """Adds the Fisher information of a task, and its weights."""
        own = set(brain.own_tensors(brain.modules))
        for name, squares in fisher(brain, task, self.samples).items():
            if name in own:
                continue
            weights = brain.raw_modules.get_parameter(name).detach()
            curvature, pull = self.tensors.get(name, (0.0, 0.0))
            self.tensors[name] = [
                curvature + squares,
                pull + squares * weights,
            ]

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the penalty of the present weights."""
        parts = []
        for name, (curvature, pull) in self.tensors.items():
            weights = brain.raw_modules.get_parameter(name)
            curvature, pull = curvature.to(weights), pull.to(weights)
            centre = pull / curvature.clamp(min=1e-30)
            parts.append((curvature * (weights - centre).square()).sum())
        return self.weight / 2 * sum(parts) if parts else 0.0


def fisher(brain, task, samples):
    """Measures the diagonal of the empirical Fisher information.

    Arguments
    ---------
    brain : ContinualBrain
        Has the modules; they run in eval mode.
    task : int
        Whose training data are used.
    samples : int
        How many items; the first ones of the task.

    Returns
    -------
    dict
        For each parameter's dotted name the mean square of the gradients of
        single items.
    """
    modules = brain.raw_modules
    brain.on_stage_start(sb.Stage.VALID, 0)  # statistics that a loss adds to
    brain.modules.eval()
    learning = {n: p for n, p in modules.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in learning.items()}
    count = 0
    items = one_by_one(brain.train_loader, task, samples)
    for batch in progress(brain, "measuring importance", items):
        outputs = brain.compute_forward(batch, sb.Stage.VALID)
        loss = brain.compute_objectives(outputs, batch, sb.Stage.VALID)
        gradients = torch.autograd.grad(
            loss, list(learning.values()), allow_unused=True
        )
        for total, gradient in zip(sums.values(), gradients):
            if gradient is not None:
                total += gradient.square()
        count += 1
    return {name: total / count for name, total in sums.items()}
