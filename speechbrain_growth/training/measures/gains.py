"""Measures what GradMax would gain by units that a growth would add.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.filling.filling import fill
from speechbrain_growth.schedule.conditions.measured import measurement
from speechbrain_growth.training.carrying import carry_modules
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.measures.batches import (
    batches_of,
    on_raw_copies,
)
from speechbrain_growth.training.measures.filling import Loss, count_passes
from speechbrain_growth.training.measures.gradients import (
    BATCHES,
    amounts_of,
    sizes_after,
)

# Whatever the activation, and however long what leaves a unit is
WAY = Symmetry("gradmax", 1.0, (("zero_slope", 1e-3),))


@measurement
def gradmax_gain(brain):
    """What the gradient asks of new units, as GradMax begins them.

    The model is grown on trial, and its new units begin from the gradients of 8
    batches, as with ``symmetry: {gradmax: s}``. The number is the sum of the
    squares of their singular values (https://arxiv.org/abs/2201.05125); units
    that begin as fresh ones add nothing. Of several candidates, the largest
    counts.
    """
    return max(
        (_gain(brain, amount) for amount in amounts_of(brain.schedule.next)),
        default=0.0,
    )


def _gain(brain, amount):
    """The gain of one amount."""
    growth, sizes = brain.schedule.next, sizes_after(brain.schedule, amount)
    seed = int(getattr(brain.hparams, "seed", 0))
    with on_raw_copies(brain), torch.backends.cudnn.flags(enabled=False):
        batches = batches_of(brain.train_loader, BATCHES)
        old, new = brain._modules(), brain._build(sizes, brain.in_force, seed)
        _, run = brain._probe()
        fresh = growth._replace(units="fresh")
        plan = carry_modules(old, new, fresh, seed, run)
        with progress(brain, "measuring gradmax_gain") as bar:
            losses = [Loss(brain, batch, bar=bar) for batch in batches]
            filled = fill(old, new, plan, WAY, losses)
    count_passes(brain, losses, sizes, filled)
    return filled.gain
