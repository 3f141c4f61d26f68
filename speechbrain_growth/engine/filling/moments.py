"""Sums over training batches of what the units of a growth would read and change.

All sums are in float64. A layer's weights stand first by output, then by channel,
then by position in the kernel, as in its weight when flattened.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, NamedTuple, Optional

import torch

from speechbrain_growth.engine.filling.features import (
    divisors,
    features,
    with_ones,
)
from speechbrain_growth.engine.filling.watching import slopes, unclear, watched


class Moments(NamedTuple):
    """Sums over batches, for one group of new units.

    What a unit could read is a row of features: what its layer reads at one
    position, and 1. Before a LayerNorm all that is divided by the deviation of
    the position, and its mean over its deviation, and 1, follow.

    Arguments
    ---------
    cross : torch.Tensor
        Sum over positions of features times the gradient of what each weight
        behind would add, shape (features, outputs times kernel).
    square : torch.Tensor
        Sum over positions of features times features; None if nothing asks.
    positions : int
        How many there were.
    batches : int
        Over how many batches ``cross`` was added up.
    old_cross : torch.Tensor
        Sum of what the layer behind reads, and 1, times the gradient for its
        outputs, as if the loss were a sum over the outputs.
    old_square : torch.Tensor
        Sum of what that layer reads times itself.
    old_slope : torch.Tensor
        As ``old_cross``, with the gradient as it is.
    """

    cross: torch.Tensor
    square: Optional[torch.Tensor]
    positions: int
    batches: int = 1
    old_cross: Optional[torch.Tensor] = None
    old_square: Optional[torch.Tensor] = None
    old_slope: Optional[torch.Tensor] = None

    @property
    def mean_cross(self):
        """Mean over batches of ``cross``."""
        return self.cross / self.batches

    @property
    def mean_square(self):
        """Mean over positions of ``square``; None if there is none."""
        return None if self.square is None else self.square / self.positions

    def cpu(self):
        """The same on the CPU."""
        return Moments(*(x.cpu() if torch.is_tensor(x) else x for x in self))

    def plus(self, other):
        """The moments of these batches and of others."""
        return Moments(
            *(
                None if one is None else one + two
                for one, two in zip(self, other)
            )
        )


class Statistics(NamedTuple):
    """What was gathered for a growth.

    Arguments
    ---------
    moments : dict
        ``Moments`` of all batches, by the maker of each group.
    first : dict
        Those of the first batch alone.
    reasons : dict
        By maker: why nothing could be gathered.
    macs : int
        Multiply-accumulates of the sums, without the passes.
    """

    moments: Dict[str, Moments]
    first: Dict[str, Moments]
    reasons: Dict[str, str]
    macs: int = 0


def gather(old, plan, groups, losses, tiny=False, deltas=None):
    """Gathers the moments of some groups, one pass for each batch.

    The model is in eval mode: no dropout, and running statistics.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth. Nothing of it changes.
    plan : Plan
        The growth.
    groups : list of Group
        From ``groups_of``.
    losses : list of callable
        Each takes the model and returns the loss of one batch of training.
    tiny : bool
        Whether TINY asks, and so needs to know how what units read varies.
    deltas : dict
        By maker: what a change of the layer behind would add, to be taken from
        the gradient, shape (outputs, features); from ``natural_step``. An empty
        one gathers the moments of the layer behind instead.

    Returns
    -------
    Statistics

    Raises
    ------
    GrowthError
        If a loss is none.
    """
    known, layers = dict(old.named_parameters()), dict(old.named_modules())
    was = {
        name: plan.before(f"{name}.weight")
        for group in groups
        for name in (group.maker, group.reader, group.norm)
        if name is not None
    }
    weights = {
        name: known[was[name]] for g in groups for name in (g.maker, g.reader)
    }
    norms = {
        g.norm: layers[was[g.norm].rpartition(".")[0]] for g in groups if g.norm
    }
    found, first, reasons, macs = {}, {}, {}, 0
    for number, loss in enumerate(losses):
        calls, arrived, value = watched(old, weights, norms, loss, number)
        live = [g for g in groups if g.maker not in reasons]
        for group in live:
            why = unclear(group, calls)
            if why:
                reasons[group.maker] = why
        live = [g for g in live if g.maker not in reasons]
        outputs = [calls[g.reader][0].output for g in live]
        gradients = slopes(value, outputs)
        for group, gradient in zip(live, gradients):
            pair = calls[group.maker][0], calls[group.reader][0]
            norm = norms.get(group.norm)
            by = divisors(norm, arrived.get(group.norm), pair[0])
            if isinstance(by, str):
                reasons[group.maker] = by
                continue
            delta = (deltas or {}).get(group.maker)
            # Once is enough
            varies = not deltas and (tiny or group.norm is not None)
            one = _moments(*pair, gradient, by, varies, delta, deltas == {})
            macs += _macs(one)
            if number:
                one = found[group.maker].plus(one)
            else:
                first[group.maker] = one
            found[group.maker] = one
    sound = {n: one.cpu() for n, one in found.items() if n not in reasons}
    first = {name: one.cpu() for name, one in first.items()}
    return Statistics(sound, first, reasons, macs)


def _moments(maker, reader, gradient, by, varies, delta, old_too):
    """The moments of one batch, example by example."""
    outputs = reader.planes(reader.output)
    count, total = outputs[:, 0].numel(), None
    for example in range(len(outputs)):
        extra = (None, None, None)
        if old_too or delta is not None:
            read = with_ones(reader.read(example))
            slope = reader.rows(gradient, example)
        if old_too:
            slope = read.T @ slope
            extra = (slope * count, read.T @ read, slope)
        sent = reader.planes(gradient)[example : example + 1].double()
        if delta is not None:
            sent = sent - (delta @ read.T / count).view_as(sent)
        sent = reader.sent_back(sent)
        rows = features(maker.read(example), by, example)
        square = rows.T @ rows if varies else None
        one = Moments(rows.T @ sent, square, len(rows), 1, *extra)
        total = one if total is None else total.plus(one)._replace(batches=1)
    return total


def pooled(parts):
    """Adds up what several processes have gathered.

    Arguments
    ---------
    parts : list of Statistics
        Of each process, in their order.

    Returns
    -------
    Statistics
        ``first`` and ``macs`` are those of the first process.
    """
    found = dict(parts[0].moments)
    reasons = {name: why for one in parts for name, why in one.reasons.items()}
    for other in parts[1:]:
        for name in set(found) & set(other.moments):
            found[name] = found[name].plus(other.moments[name])
    sound = {name: one for name, one in found.items() if name not in reasons}
    return parts[0]._replace(moments=sound, reasons=reasons)


def _macs(one):
    """Multiply-accumulates of the sums of one batch."""
    pairs = one.cross.numel()
    if one.square is not None:
        pairs += one.square.numel()
    if one.old_cross is not None:
        pairs += one.old_cross.numel() + one.old_square.numel()
    return pairs * one.positions
