"""Measures what the loss makes of new units, beside what the formula says of them.

Whatever stands between the two layers of some units is found out in this way: an
activation lets one and the same part of each gradient through; pooling, or a
recurrence, does not.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

from speechbrain_growth.engine.filling.watching import slopes, watched

NOTHING = 1e-9  # of the slope of an activation: then it is flat at 0


class Verdict(NamedTuple):
    """What the loss makes of new units, beside what the formula says.

    Arguments
    ---------
    slope : float
        Of what stands between the two layers.
    misfit : float
        Distance of the measured gradient from the slope times the predicted
        one, relative to the latter.
    sent : float
        Largest value that reaches the next layer from a new unit.
    rounding : float
        The misfit that round-off explains.
    """

    slope: float
    misfit: float
    sent: float
    rounding: float


def measure(model, places, found, moments, loss, lengths):
    """Compares the gradients of new units with what the formula says of them.

    Arguments
    ---------
    model : torch.nn.Module
        The larger one, with the units written.
    places : dict
        A ``Place`` by maker.
    found : dict
        ``Directions`` by maker.
    moments : dict
        ``Moments`` of this batch by maker.
    loss : callable
        Takes the model and returns the loss of the batch.
    lengths : dict
        Length of what leaves each unit, by maker.

    Returns
    -------
    dict
        A ``Verdict`` by maker.
    """
    weights = {
        name: layer.weight
        for place in places.values()
        for name, layer in (
            (place.group.maker, place.maker),
            (place.group.reader, place.reader),
        )
    }
    calls, _, value = watched(model, weights, {}, loss)
    leaves = [place.leaves() for place in places.values()]
    flat = iter(slopes(value, [one for part in leaves for one in part]))
    verdicts = {}
    for (name, place), part in zip(places.items(), leaves):
        one = found[name]
        gradients = [next(flat) for _ in part]
        predicted = place.predicted(one, moments[name], lengths[name])
        read = calls[place.group.reader][0].input.detach()
        units = place.group.units[: len(one.out)].to(read.device)
        verdicts[name] = _verdict(
            place.measured(gradients, one).cpu(),
            predicted.cpu(),
            float(read[:, units].abs().max()),
            gradients[0].dtype,
        )
    return verdicts


def _verdict(measured, predicted, sent, dtype):
    """The one slope that explains a gradient best, and how well."""
    size = float((predicted * predicted).sum())
    rounding = {torch.float64: 1e-7, torch.float32: 1e-3}.get(dtype, 0.1)
    if not size:
        return Verdict(0.0, float("inf"), sent, rounding)
    slope = float((measured * predicted).sum()) / size
    apart = float((measured - slope * predicted).norm()) / size**0.5
    if float(measured.norm()) <= NOTHING * size**0.5:
        return Verdict(0.0, 0.0, sent, rounding)
    return Verdict(slope, apart / (abs(slope) or 1.0), sent, rounding)
