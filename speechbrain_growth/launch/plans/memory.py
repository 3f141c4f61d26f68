"""Counts the memory that a growth needs.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.blueprint.merging import tag_of

BYTES = 4  # of a weight in float32
# For each weight of all candidates: two directions, each with its gradient and
# two averages of Adam; the weight, as carried, and as the gates change it
SEARCH = 2 * 4 + 3


def states_of(blueprint):
    """Returns how many numbers an optimizer keeps for each weight.

    Arguments
    ---------
    blueprint : Blueprint
        Its key ``opt_class`` makes the optimizer.

    Returns
    -------
    float
        2 for Adam; None if the YAML makes no optimizer in this way.
    """
    if not tag_of(blueprint.value("opt_class")).startswith("!name:"):
        return None
    (make,) = blueprint.build("opt_class")
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    try:
        optimizer = make([weight])
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        kept = optimizer.state[weight].values()
    except Exception:  # of any class; training will show what is wrong
        return None
    numbers = [one.numel() for one in kept if torch.is_tensor(one)]
    return sum(n for n in numbers if n > 1) / weight.numel()


def bytes_to_grow(old, new, growth, states, filling=None, search=None):
    """Returns how much memory weights and optimizer take while a model grows.

    While it grows, there are two models. A candidate is trained beside the
    present model, on a copy of it, and has gradients. What runs through the
    models is not counted. Gradients that begin units are taken of a copy of the
    present model.

    Arguments
    ---------
    old : torch.nn.ModuleDict
        The model before.
    new : torch.nn.ModuleDict
        The model after.
    growth : Growth
        Whether it carries the optimizer's state, or chooses.
    states : float
        From ``states_of``.
    filling : dict
        From ``filling_of``.
    search : dict
        From ``search_of``.

    Returns
    -------
    int
        None if ``states`` is None.
    """
    if states is None:
        return None
    before, after = (
        sum(parameter.numel() for parameter in modules.parameters())
        for modules in (old, new)
    )
    kept = states if growth.optimizer == "carry" else 0
    numbers = before * (1 + states) + after * (1 + kept)
    if growth.amount.choose:
        numbers += before * (1 + states) + after * (1 + states - kept)
    if search is not None:
        numbers += before + SEARCH * search["parameters"]
    if filling is None:
        return int(BYTES * numbers)
    return int(BYTES * (numbers + before)) + filling["bytes"]
