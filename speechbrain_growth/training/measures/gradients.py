"""Measures what the gradient promises of units that a growth would add.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

import speechbrain as sb
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.schedule.amounts import next_sizes
from speechbrain_growth.schedule.conditions.measured import measurement
from speechbrain_growth.training.afterwards.rewarming import (
    fitted,
    mask_of,
    new_units,
)
from speechbrain_growth.training.carrying import carry_modules
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.measures.batches import (
    batches_of,
    on_raw_copies,
)

BATCHES = 8


@measurement
def natural_gradient(brain):
    """What new units promise, relative to what the present ones still promise.

    The model is grown on trial, by units that change nothing yet. The natural
    gradient of half of some training batches is followed on the other half, so
    that noise promises nothing; the matrix of the natural gradient is diagonal.
    The number is the gain that weights of new units promise, over that of the
    present weights; infinity if these promise nothing any more. After the score
    of self-expanding networks (https://arxiv.org/abs/2307.04526).
    """
    return max(
        (
            _promised(brain, amount)
            for amount in amounts_of(brain.schedule.next)
        ),
        default=0.0,
    )


def amounts_of(growth):
    """The amounts of a growth; several if it chooses among them.

    Arguments
    ---------
    growth : Growth
        None if no growth is left.

    Returns
    -------
    list of Amount
    """
    if growth is None:
        return []
    return list(growth.amount.choose.values()) or [growth.amount]


def _promised(brain, amount):
    """The score of one amount."""
    growth, sizes = brain.schedule.next, sizes_after(brain.schedule, amount)
    with on_raw_copies(brain), torch.backends.cudnn.flags(enabled=False):
        batches = batches_of(brain.train_loader, BATCHES)
        new, masks = _grown(brain, growth, sizes)
        brain.meter.shapes.clear()
        bar = progress(brain, "measuring gradients", batches)
        gradients = [_gradient(brain, new, batch) for batch in bar]
        spent = brain.meter.shapes
    brain.meter.count_at(sizes, spent)
    return promise(gradients, masks)


def sizes_after(schedule, amount):
    """All sizes of the model after the next growth.

    Arguments
    ---------
    schedule : GrowthSchedule
        Has a growth left.
    amount : Amount
        What that growth adds.

    Returns
    -------
    dict
    """
    growth, now = schedule.next, schedule.wanted
    return {**now, **next_sizes(amount, now, growth.left, schedule.cost)}


def _grown(brain, growth, sizes):
    """Larger modules with the present function; where their new units are."""
    seed = int(getattr(brain.hparams, "seed", 0))
    old, new = brain._modules(), brain._build(sizes, brain.in_force, seed)
    _, run = brain._probe()
    growth = growth._replace(units="fresh")
    plan = carry_modules(old, new, growth, seed, run)
    grew, known = new_units(plan), dict(old.named_parameters())
    masks = {
        name: torch.ones_like(parameter, dtype=torch.bool)
        if name not in known
        else fitted(mask_of(grew.get(name, [])), parameter)
        for name, parameter in new.named_parameters()
    }
    return new, masks


def _gradient(brain, modules, batch):
    """The gradient of the training loss of one batch, by name."""
    living = dict(brain.modules.items())
    names, parameters = zip(
        *((n, p) for n, p in modules.named_parameters() if p.requires_grad)
    )
    brain.modules.update(modules)
    try:
        with in_eval(brain.modules), torch.enable_grad():
            outputs = brain.compute_forward(batch, sb.Stage.TRAIN)
            loss = brain.compute_objectives(outputs, batch, sb.Stage.TRAIN)
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
    finally:
        brain.modules.update(living)
    return {n: g.double() for n, g in zip(names, found) if g is not None}


def promise(gradients, masks):
    """Compares what new and present weights promise.

    Arguments
    ---------
    gradients : list of dict
        Of each batch, by name.
    masks : dict
        By name: True for the weights of new units.

    Returns
    -------
    float
        The natural gradient's gain of new weights over that of the others. The
        gain is g F^-1 g': g and g' are the means of every other gradient, F the
        mean of the squares of all.

    Example
    -------
    >>> ones = {"weight": torch.tensor([1.0, 2.0, 0.0])}
    >>> new = {"weight": torch.tensor([False, True, True])}
    >>> promise([ones, ones], new)
    1.0
    """
    gains = {True: 0.0, False: 0.0}
    for name in gradients[0]:
        each = torch.stack([gradient[name] for gradient in gradients])
        gain = each[::2].mean(0) * each[1::2].mean(0)
        squares = each.square().mean(0)
        gain = torch.where(squares > 0, gain / squares, 0.0)
        mask = masks[name].to(gain.device)
        gains[True] += float(gain[mask].sum())
        gains[False] += float(gain[~mask].sum())
    new, present = max(gains[True], 0.0), max(gains[False], 0.0)
    if present == 0.0:
        return float("inf") if new else 0.0
    return new / present
