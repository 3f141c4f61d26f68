"""Searches the units that a task is best given, some of which are held.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Optional, Tuple

import torch

from speechbrain_growth.continual.weights.splitting import Chosen
from speechbrain_growth.continual.weights.unlocking import (
    moving_alike,
    pairs_of,
)
from speechbrain_growth.engine.search.candidates import candidate_sizes
from speechbrain_growth.engine.search.choosing import affordable
from speechbrain_growth.engine.search.firefly import firefly
from speechbrain_growth.engine.search.records import Found, Search
from speechbrain_growth.engine.search.slots import find_slots, plan_of_ties
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.models import growable
from speechbrain_growth.measure.cost import parameters
from speechbrain_growth.training.measures.batches import (
    batches_of,
    on_raw_copies,
)
from speechbrain_growth.training.measures.filling import Loss, passes_of
from speechbrain_growth.training.measures.firefly import affordable_batches


class Places:
    """The sizes of a Brain's network that a search may widen, and their cost.

    Arguments
    ---------
    brain : ContinualBrain
        Has the modules.
    search : Search
        Names the sizes.

    Raises
    ------
    GrowthError
        If one of them cannot grow by a unit.
    """

    def __init__(self, brain: Any, search: Search) -> None:
        self.brain, self.search = brain, search
        self.sizes = brain.schedule.sizes
        self.old = growable(brain.raw_modules)
        args = self.old, self.build, self.sizes, search.sizes
        self.slots = find_slots(*args, layers=search.layers)

    def build(self, sizes: Dict[str, Any]) -> torch.nn.ModuleDict:
        """Builds the modules at some sizes."""
        one = self.brain
        built = one.blueprint.modules(
            {**sizes, **one.in_force}, self.search.seed
        )
        return growable(one.prepared(built.to(one.device)))

    def cost(self, sizes: Dict[str, Any]) -> int:
        """Counts the parameters of the network at some sizes."""
        return parameters(self.build(sizes))

    def tried(self) -> Dict[str, Any]:
        """Returns the sizes of the model of all candidates.

        Returns
        -------
        dict

        Raises
        ------
        GrowthError
            If no unit fits the budget.
        """
        args = self.sizes, self.cost, self.search.budget
        fitting = affordable(self.slots[0], *args)
        return candidate_sizes(self.sizes, fitting, self.search.new)

    def batches(self, tried: Dict[str, Any], most: int) -> int:
        """Returns from how many batches a search may learn.

        Arguments
        ---------
        tried : dict
            From ``tried``.
        most : int
            As many as are asked for.

        Returns
        -------
        int

        Raises
        ------
        GrowthError
            If a single one would cost more than two epochs.
        """
        macs = [self.brain.schedule.cost(s)[1] for s in (tried, self.sizes)]
        loader = self.brain.train_loader
        return affordable_batches(loader, most, macs[0] / macs[1])


def find_units(
    brain: Any, search: Search, held: Chosen, batches: int, epoch: int
) -> Tuple[Optional[Found], Dict[str, Any]]:
    """Searches on the first batches of the coming epoch, of training data.

    Nothing is left of it but its MACs.

    Arguments
    ---------
    brain : ContinualBrain
        Its strategy says what stands for its weights.
    search : Search
        The budget in parameters, the sizes, and how candidates are tried.
    held : dict
        Which units of each layer are held, boolean, by the layer's label.
    batches : int
        From how many batches it learns; fewer if they cost two epochs.
    epoch : int
        The coming one.

    Returns
    -------
    Found
        None if no unit fits the budget any more.
    dict
        What is reported of it.
    """
    with on_raw_copies(brain), torch.backends.cudnn.flags(enabled=False):
        with torch.no_grad():
            for name, tensor in brain.strategy.weights(brain).items():
                brain.raw_modules.get_parameter(name).copy_(tensor)
        # A validation has just ended, in which nothing had a gradient
        with brain.as_stored(), torch.enable_grad():
            places = Places(brain, search)
            try:
                tried = places.tried()
            except GrowthError as error:
                return None, {"units": [], "why": str(error)}
            plan = plan_of_ties(places.old, places.build(tried))
            count = places.batches(tried, batches)
            given = batches_of(brain.train_loader, count, epoch)
            losses = [Loss(brain, batch, epoch) for batch in given]
            pairs = pairs_of(plan, held)
            alike = [moving_alike(loss, pairs) for loss in losses]
            args = places.old, places.build, places.sizes, alike, search
            found = firefly(*args, cost=places.cost, slots=places.slots)
    brain.meter.count_at(found.tried, passes_of(losses))
    return found, {
        "spent": places.cost(found.sizes) - places.cost(places.sizes),
        "batches": len(losses),
        "candidates": found.candidates,
        "predicted": found.predicted,
        "units": [
            {**one, "kinds": kinds_of(one["from"], held)}
            for one in found.scores
        ],
    }


def kinds_of(parents: Dict[str, Optional[int]], held: Chosen) -> Dict[str, str]:
    """Says what becomes a unit in each layer.

    Arguments
    ---------
    parents : dict
        The unit that it is a copy of, or None, by the label of the layer.
    held : dict
        As for ``find_units``.

    Returns
    -------
    dict
        ``new``, ``unlocked`` or ``split``, by label.

    Example
    -------
    >>> held = {"a": torch.tensor([True, False])}
    >>> [kinds_of({"a": one}, held)["a"] for one in (0, 1, None)]
    ['unlocked', 'split', 'new']
    """
    return {
        label: "new"
        if one is None
        else "unlocked"
        if held[label][one]
        else "split"
        for label, one in parents.items()
    }
