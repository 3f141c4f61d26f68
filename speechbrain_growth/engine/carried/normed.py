"""Averages of gradients of a whole model, weight norm included.

Under weight norm, w = r * v with r = g / |v|, and u = v / |v|. The gradients are
dg = u . dw and dv = r * (dw - dg * u), slice by slice. So dw is known from both,
grows as that of any weight, and is taken apart again at the larger weight: the
averages of gradients are exact.

Averages of squares cannot be put together. Those of v grow as if it were a plain
weight, which is exact where the units that a slice sums over have equally many
copies with equal shares, or do not grow; otherwise it is an approximation. Those
of g follow from g * dg, which grows as w * dw: they are exact where each slice is
one unit (dim 0) at any share, and elsewhere under the same condition.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.carried.averages import FIRST, grown, scaled
from speechbrain_growth.engine.carried.outputs import axes_of_gradients
from speechbrain_growth.engine.maps.normed import lengths, total
from speechbrain_growth.engine.transfer import fresh_axes, remap
from speechbrain_growth.engine.unwrap import state_of


def grown_averages(plan, values, entry, old, new):
    """One entry of an optimizer's state after the growth, or gradients.

    Arguments
    ---------
    plan : Plan
        What each tensor copies.
    values : dict
        The entry of each parameter, by its name in the new model.
    entry : Entry
        How it follows the weights; None: it stays.
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, which has its weights.

    Returns
    -------
    dict
    """
    axes = axes_of_gradients(plan)
    found = {
        name: grown(
            scaled(value, plan.scales.get(name, 1), entry), axes[name], entry
        )
        for name, value in values.items()
    }
    normed = [
        one
        for one in plan.normed.values()
        if entry is not None and {one.direction, one.norm} & set(values)
    ]
    if normed:
        before, after = state_of(old), state_of(new)
    for one in normed:
        was = one.named(plan.before)
        pair = (was, before), (one, after)
        if entry == FIRST:
            found.update(_gradients(plan, axes, values, *pair))
        elif one.norm in values:
            by = _of_norms(axes[one.norm], entry, *pair)
            found[one.norm] = found[one.norm] * by.to(found[one.norm].device)
    shapes = {name: p.shape for name, p in new.named_parameters()}
    for name in values:
        if len(axes[name]) == 1 and entry is not None:
            found[name] = found[name].view(shapes[name])
    return {name: found[name] for name in values}


def _gradients(plan, axes, values, was, now):
    """The averages of the gradients of a direction and of its norms."""
    (one, before), (other, after) = was, now
    direction, norm = before[one.direction], before[one.norm]
    along = values.get(other.norm, torch.zeros_like(norm))
    across = values.get(other.direction, torch.zeros_like(direction))
    ratio, unit = one.ratio(before), _unit(one, before)
    weight = torch.where(ratio == 0, 0, across / ratio) + along * unit
    weight = scaled(weight, plan.scales.get(other.norm, 1), FIRST)
    weight = grown(weight, axes[other.direction], FIRST)
    unit = _unit(other, after)
    along = total(weight * unit, other.dim)
    across = other.ratio(after) * (weight - along * unit)
    return {other.norm: along, other.direction: across}


def _unit(one, state):
    """The direction, of length one in each slice."""
    direction = state[one.direction]
    return direction / lengths(direction, one.dim)


def _of_norms(axes, entry, was, now):
    """By what an entry of norms is multiplied, beside the shares."""
    (one, before), (other, after) = was, now
    by = remap(before[one.norm], axes, (0, 0)) / after[other.norm]
    by = by.abs() ** (entry.out - entry.into)
    by = torch.where(by.isfinite(), by, 1)
    for dim, width, _ in fresh_axes(axes):
        units = width.fresh.nonzero()[:, 0].to(by.device)
        by = by.index_fill(dim, units, 1)
    return by
