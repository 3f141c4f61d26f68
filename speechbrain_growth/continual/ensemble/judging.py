"""Judges the candidates of a round on all training data.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from typing import Any, Dict, List, NamedTuple, Tuple

import torch

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.ensemble.objective import (
    CLOSE,
    complexity,
    priced,
    solve,
)
from speechbrain_growth.continual.ensemble.subnetwork import Subnetwork
from speechbrain_growth.continual.ensemble.subnetworks import Subnetworks
from speechbrain_growth.continual.sampling import all_of, batches_of
from speechbrain_growth.measure.meter import TRAINING

logger = get_logger(__name__)


class Prices(NamedTuple):
    """What the weights of outputs cost.

    Arguments
    ---------
    complexity : float
        Lambda of the objective.
    weight : float
        Beta.
    bound : float
        The largest norm of what enters a unit.
    """

    complexity: float
    weight: float
    bound: float

    def of(self, one: Subnetwork, largest: float, items: int) -> float:
        """Returns what a weight of a subnetwork's output costs.

        Arguments
        ---------
        one : Subnetwork
            Its structure counts, not its weights.
        largest : float
            The largest absolute value of an input, at least that of the
            constant one, 1.
        items : int
            Of the training data.

        Returns
        -------
        float
        """
        rank = complexity(one.reads, largest, items, self.bound)
        return self.complexity * rank + self.weight


def judged(
    brain: Any, net: Subnetworks, prices: Prices
) -> Tuple[float, Dict[str, Dict[str, float]]]:
    """Solves for the weights of each candidate's output, and measures F.

    All of it is done with 64 bits. What it costs is counted.

    Arguments
    ---------
    brain : ContinualBrain
        Has the training data and the loss; its modules go into eval mode.
    net : Subnetworks
        Its candidates get the weights.
    prices : Prices
        What these cost.

    Returns
    -------
    float
        F of what was added before.
    dict
        For each candidate its depth, the price of a weight, F with it added,
        and how far a gradient is from where the best weights are.
    """
    batch, inputs = _training_data(brain, net)
    twin = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        total, units = twin.parts(inputs)

    def loss(scores):
        """The recipe's loss on all training data."""
        return brain.recipe_objectives(scores, batch, sb.Stage.TRAIN)

    largest, items = max(1.0, float(inputs.abs().max())), len(inputs)
    paid = sum(
        priced(prices.of(one, largest, items), one.output.weight)
        for one in twin.added.values()
    )
    macs, scores = items * weights_in(twin), {}
    for (name, one), last in zip(net.candidates.items(), units):
        price = prices.of(one, largest, items)
        found = solve(loss, total, last, price)
        macs += TRAINING * found.steps * items * found.weights.numel()
        with torch.no_grad():
            one.output.weight.copy_(found.weights)
            weights = one.output.weight.double()  # F is of what is stored
            value = float(loss(total + last @ weights.T))
        scores[name] = {
            "depth": len(one.layers),
            "price": price,
            "objective": value + paid + priced(price, weights),
            "off": found.off,
        }
        if found.off > CLOSE:
            logger.warning(
                f"The weights of the {name} candidate are not the best: a "
                f"gradient is off by {found.off:.1e} after {found.steps} "
                "steps; give a larger price or beta"
            )
    brain.meter.count_macs(macs)
    return float(loss(total)) + paid, scores


def subnetworks_in(brain: Any) -> List[Subnetworks]:
    """Finds the sums of subnetworks among the modules of a Brain.

    Arguments
    ---------
    brain : ContinualBrain
        Has the modules.

    Returns
    -------
    list of Subnetworks
    """
    inside = brain.raw_modules.modules()
    return [one for one in inside if isinstance(one, Subnetworks)]


def weights_in(modules: torch.nn.Module) -> int:
    """Returns the MACs of one item, where all layers are linear.

    Arguments
    ---------
    modules : torch.nn.Module
        Has the layers.

    Returns
    -------
    int

    Example
    -------
    >>> weights_in(torch.nn.Linear(3, 2))
    6
    """
    return sum(one.numel() for one in modules.parameters() if one.ndim > 1)


def _training_data(brain, net):
    """All training data as one batch, and what the subnetworks get of it."""
    items = len(batches_of(brain.train_loader).tasks[0])
    batch, seen = next(iter(all_of(brain.train_loader, 1, items))), []
    note = net.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    brain.modules.eval()
    try:
        with torch.no_grad():
            brain.compute_forward(batch, sb.Stage.VALID)
    finally:
        note.remove()
    return batch, seen[0].double()
