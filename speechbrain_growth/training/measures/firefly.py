"""Searches the units that a Brain is best given, on its training data.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.search.candidates import candidate_sizes
from speechbrain_growth.engine.search.firefly import Search, firefly
from speechbrain_growth.engine.search.slots import find_slots
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.models import growable
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.cost import parameters
from speechbrain_growth.measure.growth_log import growth_entry, growth_in_words
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.measures.batches import (
    batches_of,
    on_raw_copies,
)
from speechbrain_growth.training.measures.filling import Loss, passes_of

logger = get_logger(__name__)
POINTS = 3  # of the path; each batch is trained on once, and scored at each
EPOCHS = 2  # a search costs at most as much, at the present size


def find_units(brain, epoch):
    """Finds what the growth that was decided adds, and tells the schedule.

    If none lowers the loss, the growth is left out, and the log says so.

    Arguments
    ---------
    brain : GrowingBrain
        Its modules are those before the growth.
    epoch : int
        The epoch that is about to begin.

    Returns
    -------
    Found
        None if there are no such units.
    dict
        What the growth log has of it: ``firefly``.
    """
    schedule = brain.schedule
    found, entry = on_main(search_units, brain, epoch)
    now, entry = schedule.sizes, {"firefly": entry}
    larger = {k: v for k, v in found.sizes.items() if v != now[k]}
    schedule.set_sizes(larger)
    if larger:
        return found, entry
    schedule.refuse()
    probed = growth_entry(schedule, Plan({}, ()), epoch - 1, 0.0, None)
    why = {"grown": False, "diverged": "no candidate lowers the loss"}
    brain._log_growth({**probed, **why, **entry})
    logger.info(growth_in_words({**probed, **why, **entry}, ""))
    return None, entry


def search_units(brain, epoch):
    """Finds which units and layers the present growth is to add.

    The batches are the first of the coming epoch, as many as the growth asks for,
    or fewer: so many that the search costs two epochs at most. Nothing is left of
    it but its MACs. Of several processes, only the main one may call this.

    Arguments
    ---------
    brain : GrowingBrain
        Its modules are those before the growth.
    epoch : int
        The epoch that is about to begin.

    Returns
    -------
    Found
    dict
        What the growth log has of it.

    Raises
    ------
    GrowthError
        If the budget is below one unit or layer, no size can grow by one, or a
        single batch would cost more than two epochs.
    """
    growth = brain.schedule.current
    try:
        with on_raw_copies(brain), torch.backends.cudnn.flags(enabled=False):
            found, entry, tried, shapes = _searched(brain, epoch, growth)
    except GrowthError as error:
        raise GrowthError([f"{growth.place}: {p}" for p in error.problems])
    brain.meter.count_at(tried, shapes)
    for name, why in found.left.items():
        logger.info(f"Firefly leaves {name} alone: {why}.")
    return found, entry


def _searched(brain, epoch, growth):
    """What was found, its entry, and passes of the model of all candidates."""
    asked, schedule = growth.amount.firefly, brain.schedule
    sizes, old = schedule.sizes, growable(brain._modules())
    _, run = brain._probe()
    seed = brain._seed()

    def build(sizes):
        """Modules of some sizes."""
        return growable(brain._build(sizes, brain.in_force, seed))

    def cost(sizes):
        """What the budget counts."""
        if asked.unit == "macs":
            return schedule.cost(sizes)[1]
        return parameters(build(sizes))

    names = list(asked.sizes) or None
    slots = find_slots(old, build, sizes, names, run, asked.layers)
    tried = candidate_sizes(sizes, slots[0], asked.new)
    ratio = schedule.cost(tried)[1] / schedule.cost(sizes)[1]
    count = affordable_batches(brain.train_loader, asked.batches, ratio)
    batches = batches_of(brain.train_loader, count, epoch)
    if not batches:
        raise GrowthError(
            "firefly scores candidates on batches of training data, but an "
            "epoch has none"
        )
    how = asked.budget, names, asked.new, asked.step, POINTS, seed, asked.layers
    with progress(brain, "searching units") as bar:
        losses = [Loss(brain, batch, epoch, bar) for batch in batches]
        args = old, build, sizes, losses, Search(*how), run, cost, slots
        found = firefly(*args)
    entry = {
        "budget": asked.budget,
        "unit": asked.unit,
        "spent": cost(found.sizes) - cost(sizes),
        "batches": len(losses),
        "candidates": found.candidates,
        "predicted": found.predicted,
        "scores": found.scores,
        "left": found.left,
    }
    return found, entry, found.tried, passes_of(losses)


def affordable_batches(loader, batches, ratio):
    """Returns from how many batches a search may learn.

    Arguments
    ---------
    loader : iterable
        The training data; if it has no length, all batches are affordable.
    batches : int
        As many as asked for.
    ratio : float
        What the model of all candidates costs, over the present one.

    Returns
    -------
    int

    Raises
    ------
    GrowthError
        If one would cost more than two epochs.

    Example
    -------
    >>> affordable_batches(range(100), 8, 5.0)
    8
    >>> affordable_batches(range(50), 8, 5.0)
    5
    """
    try:
        length = len(loader)
    except TypeError:
        return batches
    most = int(EPOCHS * length / ((1 + POINTS) * ratio))
    if not most:
        raise GrowthError(
            f"firefly: the model of all candidates costs {ratio:.1f} times the "
            f"present one, and an epoch has {length} batches, so that one batch "
            f"of search costs more than {EPOCHS} epochs; name fewer sizes, or a "
            "smaller new"
        )
    return min(batches, most)
