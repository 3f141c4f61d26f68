"""Begins new units of a Brain from gradients of its training data.

Authors
 * The speechbrain_growth authors 2026
"""

from collections import Counter

import torch

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.engine.filling.filling import fill
from speechbrain_growth.engine.filling.moments import Statistics, pooled
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import all_or_none, gather
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.measures.batches import (
    batches_of,
    on_raw_copies,
)

logger = get_logger(__name__)


def fill_new_units(brain, epoch, new, plan):
    """Writes the new units of a growth as the gradients of batches ask for.

    The batches are the first of the coming epoch. Nothing is left of the passes
    but their MACs. Several processes add up their statistics.

    Arguments
    ---------
    brain : GrowingBrain
        Its modules are those before the growth.
    epoch : int
        The epoch that is about to begin.
    new : torch.nn.ModuleDict
        The larger modules, which have got their weights.
    plan : Plan
        How they come from the present ones.

    Returns
    -------
    Filled

    Raises
    ------
    GrowthError
        If no unit can begin so, or there is no batch.
    """
    growth = brain.schedule.current
    try:
        with on_raw_copies(brain), torch.backends.cudnn.flags(enabled=False):
            with all_or_none():
                loader = brain.train_loader
                batches = batches_of(loader, growth.batches, epoch)
            count = min(gather(len(batches)))
            if not count:
                raise GrowthError(
                    f"symmetry is {growth.symmetry}, but an epoch has no batch "
                    "of training data to begin new units from"
                )
            old = brain._modules()
            with progress(brain, "beginning new units") as bar:
                some = batches[:count]
                losses = [Loss(brain, batch, epoch, bar) for batch in some]
                args = old, new, plan, growth.symmetry, losses
                filled = fill(*args, _together)
    except GrowthError as error:
        raise GrowthError([f"{growth.place}: {p}" for p in error.problems])
    count_passes(brain, losses, brain.schedule.wanted, filled)
    for name, why in filled.left.items():
        logger.info(f"The new units of {name} begin as fresh ones: {why}.")
    return filled


class Loss:
    """The training loss of one batch, the same each time.

    Arguments
    ---------
    brain : GrowingBrain
        Holds copies.
    batch : object
        As the loader gives it.
    epoch : int
        The epoch that is about to begin; None within one.
    bar : tqdm.tqdm
        Moves with each pass; None for no bar.
    """

    def __init__(self, brain, batch, epoch=None, bar=None):
        self.brain, self.batch, self.epoch = brain, batch, epoch
        self.before, self.shapes, self.bar = None, {}, bar

    def __call__(self, modules):
        """Returns the loss of modules in the place of the present ones."""
        brain = self.brain
        if self.before is None:
            self.before = snapshot()
        restore(self.before)
        living = dict(brain.modules.items())
        brain.modules.update(modules)
        brain.meter.shapes.clear()
        try:
            with in_eval(brain.modules):
                if self.epoch is not None:
                    brain.on_stage_start(sb.Stage.TRAIN, self.epoch)
                outputs = brain.compute_forward(self.batch, sb.Stage.TRAIN)
                args = outputs, self.batch, sb.Stage.TRAIN
                loss = brain.compute_objectives(*args)
        finally:
            brain.modules.update(living)
        size = sum(p.numel() for p in modules.parameters())
        found = self.shapes.setdefault(size, Counter())
        found.update(brain.meter.shapes)
        if self.bar is not None:
            self.bar.update()
        return loss


def _together(run):
    """What several processes have gathered, or the first of them found."""
    with all_or_none():
        own = run()
    parts = gather(own)
    if isinstance(own, Statistics):
        return pooled(parts)._replace(first=own.first, macs=own.macs)
    return parts[0]


def passes_of(losses):
    """Counts the passes of some losses, whatever model they were of.

    Arguments
    ---------
    losses : list of Loss
        That were asked for.

    Returns
    -------
    collections.Counter
        How many passes there were, by the shape of the input.
    """
    return sum((n for one in losses for n in one.shapes.values()), Counter())


def count_passes(brain, losses, larger, filled):
    """Counts what a filling cost among the MACs of the run.

    Arguments
    ---------
    brain : GrowingBrain
        Has the meter.
    losses : list of Loss
        With the shapes of all passes.
    larger : dict
        All sizes of the larger model.
    filled : Filled
        Knows the cost of the statistics.
    """
    small = sum(p.numel() for p in brain._modules().parameters())
    for loss in losses:
        for size, shapes in loss.shapes.items():
            sizes = brain.schedule.sizes if size == small else larger
            brain.meter.count_at(sizes, shapes)
    brain.meter.count_macs(filled.macs)
