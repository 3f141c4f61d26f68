"""Plans the filling of new units from gradients, on an example of random numbers.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import warnings

import torch

from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.engine.filling.groups import groups_of
from speechbrain_growth.measure.cost import macs
from speechbrain_growth.measure.meter import TRAINING

BYTES = 8  # of a number in float64
EXAMPLES = 4  # one would not differ from the mean
EXTRA = 3  # features beside what a unit reads, at most


def filling_of(old, new, growth, plan, example):
    """Finds out which new units can begin from gradients.

    The loss is a random sum of the outputs, so that what it asks for means
    nothing; but which layers and activations stand where does not depend on it.

    Arguments
    ---------
    old : torch.nn.ModuleDict
        The model before the growth, in signal order.
    new : torch.nn.ModuleDict
        The model after it; it stays as it is.
    growth : Growth
        An entry of the schedule.
    plan : Plan
        Of the growth.
    example : torch.Tensor
        An input of the first module, with examples along its first axis.

    Returns
    -------
    dict
        ``batches``, how many are read; ``cost``, how many batches of training
        before the growth cost about as much; ``left``, why some new units begin as
        fresh ones, by their name; ``bytes`` of the statistics. None if this
        growth fills nothing.

    Raises
    ------
    GrowthError
        If training would refuse it.
    """
    if not growth.symmetry.fills:
        return None
    shape = (EXAMPLES, *example.shape[example.ndim > 1 :])
    several = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    larger = copy.deepcopy(new)
    birth = Birth(growth.birth, growth.born)
    # Too few numbers for what depends on them: a step, and a threshold
    known = ("zero_slope", "kink")
    options = [one for one in growth.symmetry.options if one[0] in known]
    symmetry = growth.symmetry._replace(options=tuple(options))
    way = {"symmetry": symmetry, "birth": birth, "fold": growth.fold}
    way["outputs"] = growth.outputs
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the log says
        filled = carry(
            old,
            larger,
            tolerance=float("inf"),
            example=lambda modules: _through(modules, several),
            batch=lambda modules: _any_loss(modules, several),
            **way,
        ).filled
    one, two = (macs(modules, shape) for modules in (old, new))
    twice = 1 + bool(growth.symmetry.settings.get("natural_step"))
    cost = growth.batches * (1 + filled.macs / (TRAINING * one)) * twice
    groups = [g for g in groups_of(plan, new)[0] if g.maker in filled.units]
    return {
        "batches": growth.batches,
        "cost": cost + filled.looks * two / one,
        "left": filled.left,
        "bytes": BYTES * sum(_numbers(new, group) for group in groups),
    }


def _through(modules, signal):
    """What leaves the last module."""
    for module in modules.values():
        # Others, as those that normalise, may need more than a signal
        if any(True for _ in module.parameters()):
            signal = module(signal)
            signal = signal[0] if isinstance(signal, tuple) else signal
    return signal


def _any_loss(modules, example):
    """A random sum of the outputs."""
    outputs = _through(modules, example)
    return (outputs * torch.randn(outputs.shape)).mean()


def _numbers(new, group):
    """How many numbers the statistics of a group have, twice."""
    maker, reader = map(new.get_submodule, (group.maker, group.reader))
    read = maker.weight[0].numel() + EXTRA
    return 2 * read * (read + reader.weight[:, 0].numel())
