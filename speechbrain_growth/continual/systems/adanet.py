"""AdaNet: subnetworks are added as long as they are worth their complexity.

Cortes et al. 2017, https://arxiv.org/abs/1607.01097.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.ensemble.judging import (
    Prices,
    judged,
    subnetworks_in,
    weights_in,
)
from speechbrain_growth.continual.ensemble.objective import falls
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.meter import TRAINING

logger = get_logger(__name__)


class AdaNet(Strategy):
    """Trains two candidates in each round, and adds the better one, or ends.

    A round is some epochs. Its candidates, one as deep as the deepest
    subnetwork so far and one deeper, are trained side by side on the same
    batches, each as if it were alone, without a penalty; all that was added
    before is a constant. Then the weights of each candidate's output are solved
    for on all training data: the mean loss plus
    (``price`` r + ``beta``) times their sum of absolute values. The candidate
    with the lower objective F is added if F falls; if not, training is over.

    The growths are asked for by the strategy, so the list of growths stays
    empty. The loss is the recipe's own.

    Arguments
    ---------
    epochs : int
        Of each round; ``epochs_per_task`` is a multiple.
    price : float
        Of complexity: lambda. With 0, and beta 0, classes that can be told
        apart without an error have no best weights.
    beta : float
        The price of any weight.
    bound : float
        The largest norm of the weights that enter a unit: Lambda.
    size : str
        The key of the YAML that has the ``depths`` of ``Subnetworks``.

    Raises
    ------
    GrowthError
        If an argument has a value that it cannot have.

    Example
    -------
    >>> AdaNet(epochs=4).is_over
    False
    """

    takes_best = False
    grows_last = True

    def __init__(
        self,
        epochs: int,
        price: float = 1e-5,
        beta: float = 0.0,
        bound: float = 1.0,
        size: str = "depths",
    ) -> None:
        super().__init__()
        numbers = {"price": price, "beta": beta, "bound": bound}
        problems = [
            f"strategy: {name} is {value!r}; it must be a number, at least 0"
            for name, value in numbers.items()
            if type(value) not in (int, float) or not value >= 0
        ]
        if type(epochs) is not int or epochs < 1:
            problems.append(
                f"strategy: epochs is {epochs!r}; it must be a whole number, "
                "at least 1"
            )
        if not problems and not 0 < bound < math.inf:
            problems.append(
                f"strategy: bound is {bound!r}; it must be above 0, and finite"
            )
        if problems:
            raise GrowthError(problems)
        self.epochs, self.size = epochs, size
        self.price, self.beta = float(price), float(beta)
        self.bound = float(bound)

    @property
    def prices(self) -> Prices:
        """What weights of an output cost."""
        return Prices(self.price, self.beta, self.bound)

    @property
    def rounds(self) -> List[Dict[str, Any]]:
        """What came of each round so far."""
        return self.tensors.get("rounds", [])

    @property
    def is_over(self) -> bool:
        """Whether no candidate of the last round was worth adding."""
        return bool(self.rounds) and not self.rounds[-1]["added"]

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: model, tasks, growths, epochs, clipping."""
        each, sizes = brain.hparams.epochs_per_task, brain.schedule.sizes
        found, problems = subnetworks_in(brain), []
        if len(found) != 1 or self.size not in sizes:
            problems.append(
                f"AdaNet adds to {self.size}, but the model has the sizes "
                f"{', '.join(sizes)}, and {len(found)} Subnetworks; use one "
                f"speechbrain_growth.Subnetworks, depths: !ref <{self.size}>"
            )
        elif found[0].added:
            first = found[0].depths[:1]
            problems.append(
                f"{self.size} is {found[0].depths}, but nothing was added yet; "
                f"begin with {first}"
            )
        if brain.stream.tasks != 1:
            problems.append(
                f"AdaNet learns one task in rounds, but the stream has "
                f"{brain.stream.tasks}; use tasks: 1"
            )
        if brain.schedule.growths:
            problems.append("AdaNet asks for its growths; write growth: []")
        if each % self.epochs:
            problems.append(
                f"epochs_per_task is {each}, and a round has {self.epochs} "
                "epochs; use a multiple"
            )
        if math.isfinite(brain.max_grad_norm):
            problems.append(
                f"max_grad_norm {brain.max_grad_norm} would clip both "
                "candidates by one norm; use .inf"
            )
        if brain.distributed_launch:
            problems.append("AdaNet runs in one process; start one")
        return [f"strategy: {problem}" for problem in problems]

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the loss of the deep candidate; that of the other is there."""
        net = subnetworks_in(brain)[0]
        items = predictions.shape[:-1].numel()
        unseen = sum(map(weights_in, net.unseen))  # by the meter
        brain.meter.count_macs(TRAINING * items * unseen)
        return brain.recipe_objectives(net.deeper.pop(), batch, sb.Stage.TRAIN)

    def after_step(self, brain: Any) -> None:
        """Shortens the weights that enter a unit of a candidate."""
        for one in subnetworks_in(brain)[0].candidates.values():
            one.project(self.bound)

    def asks(
        self, brain: Any, epoch: int, stats: Dict[str, float]
    ) -> Dict[str, Any]:
        """At the end of a round, returns the depths with the better candidate.

        The weights that were solved for are put into both candidates.
        """
        if brain.epoch_of_task(epoch) % self.epochs:
            return {}
        net = subnetworks_in(brain)[0]
        before, scores = judged(brain, net, self.prices)
        name = min(scores, key=lambda one: scores[one]["objective"])
        added = falls(before, scores[name]["objective"])
        line = {"before": before, "candidates": scores, "best": name}
        self.tensors["rounds"] = [*self.rounds, {**line, "added": added}]
        logger.info(
            f"Round {len(self.rounds)}: F was {before:.6g}. "
            + ", ".join(
                f"{one} (depth {found['depth']}): {found['objective']:.6g}"
                for one, found in scores.items()
            )
            + (f". The {name} one is added." if added else ". None is added.")
        )
        depth = scores[name]["depth"]
        return {self.size: [*net.depths, depth]} if added else {}

    def end(self, brain: Any, task: int) -> None:
        """Counts the parameters of the candidates that are left."""
        left = subnetworks_in(brain)[0].candidates.parameters()
        self.tensors["left"] = sum(tensor.numel() for tensor in left)

    @property
    def stored(self) -> float:
        """Candidates that are left are in the tensors, and do not count."""
        return -float(self.tensors.get("left", 0))

    @property
    def report(self) -> Dict[str, Any]:
        """The rounds, with F of the candidate that was not added, too."""
        return {"rounds": self.rounds}
