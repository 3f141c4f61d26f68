"""Carries the modules of a Brain, and nothing that a resumed run would lose.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.utils._pytree import tree_flatten

from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.carried.loose import loose_of
from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.models import growable


def carry_modules(old, new, growth, seed, run, units=None):
    """Carries old modules into new ones as a growth of the schedule says.

    Arguments
    ---------
    old : torch.nn.ModuleDict
        The present modules.
    new : torch.nn.ModuleDict
        Those of larger sizes.
    growth : Growth
        An entry of the schedule.
    seed : int
        Of the random choices.
    run : callable
        Calls the modules that it gets on a batch.
    units : dict
        Parents of new units, as for ``carry``; None if they are drawn.

    Returns
    -------
    Plan

    Raises
    ------
    GrowthError
        If they do not fit, or a tensor that is carried is in no checkpoint.
    """
    old, new = growable(old), growable(new)
    built = loose_of(new)
    birth = Birth(growth.birth, growth.born)
    # New units that begin from gradients are carried as fresh ones
    symmetry = "fresh" if growth.symmetry.fills else growth.symmetry
    way = {"symmetry": symmetry, "birth": birth, "fold": growth.fold}
    # The probe compares them, with the tolerance of the schedule
    way["tolerance"] = float("inf")
    way["outputs"], way["units"] = growth.outputs, units
    plan = carry(old, new, seed=seed, example=run, **way)
    lost = [
        f"{name}: is a tensor outside the state dict, so that no checkpoint "
        "has it, and a resumed run would have another one; register it as a "
        "buffer"
        for name, value in loose_of(new).items()
        if not _same(value, built.get(name))
    ]
    if lost:
        raise GrowthError(lost)
    return plan


def _same(value, other):
    """Whether two attributes hold the same tensors."""
    one, two = (tree_flatten(values)[0] for values in (value, other))
    return len(one) == len(two) and all(
        isinstance(b, torch.Tensor) and torch.equal(a, b.to(a.device))
        for a, b in zip(one, two)
    )
