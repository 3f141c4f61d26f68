"""What is said of new outputs: how each begins, and with what it compares.

They split from old outputs, as ``split_outputs`` has it, or are as the larger
model was built. If nothing is said, they begin as any new unit does.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.carried.outputs import outputs_of
from speechbrain_growth.engine.carried.split_outputs import (
    as_split,
    with_splits,
)
from speechbrain_growth.engine.maps.named_outputs import split_maps
from speechbrain_growth.engine.maps.widths import extend
from speechbrain_growth.engine.probe import tensors_in
from speechbrain_growth.errors import GrowthError

FRESH = "fresh"


def maps_of_outputs(old, new, outputs):
    """Returns the map of each layer whose outputs are said to split.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    outputs : dict or str
        As ``carry`` takes it.

    Returns
    -------
    dict
        By the layer's name; empty if new outputs are fresh.

    Raises
    ------
    GrowthError
        Naming each layer, or parent, that is wrong.
    """
    return {} if outputs == FRESH else split_maps(old, new, outputs)


def with_outputs(plan, outputs, splits, new):
    """Returns a plan that knows how new outputs begin.

    Arguments
    ---------
    plan : Plan
        Of the growth, traced with the maps of ``splits``.
    outputs : dict or str
        As ``carry`` takes it.
    splits : dict
        From ``maps_of_outputs``.
    new : torch.nn.Module
        The larger model.

    Returns
    -------
    Plan

    Raises
    ------
    GrowthError
        If the outputs cannot begin so.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> old, new = Linear(3, 2), Linear(3, 4)
    >>> plan = with_outputs(trace(old, new), "fresh", {}, new)
    >>> plan.tensors["bias"][0].width.fresh
    tensor([False, False,  True,  True])
    """
    if outputs != FRESH:
        return with_splits(plan, splits, new)
    keys = outputs_of(plan)
    plan = plan._replace(
        tensors=_as_built(plan.tensors, keys),
        loose=_as_built(plan.loose, keys),
        outputs=tuple(_fresh(width, keys) for width in plan.outputs),
    )
    problems = [
        f"outputs is fresh, but {width} are also read by a layer, or stand "
        "beside others; use symmetry fresh, which lets all new units begin so"
        for width in plan.outputs
        if (width.is_new & ~width.fresh).any()
    ]
    if problems:
        raise GrowthError(problems)
    return plan


def comparable(before, after, plan):
    """Returns outputs of both models in which nothing should differ.

    Old outputs are those that they split into. Beside fresh outputs, of which
    each takes some of the posterior, old ones are compared with each other:
    both are normalised over the old outputs.

    Arguments
    ---------
    before : torch.Tensor, list, tuple or dict
        What the old model returns: logits, or logarithms of posteriors.
    after : torch.Tensor, list, tuple or dict
        What the new one returns for the same input.
    plan : Plan
        Of the growth.

    Returns
    -------
    list of torch.Tensor
        Of the old model.
    list of torch.Tensor
        Of the new one; of other shapes where no output's map explains them.

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth import trace
    >>> old, new = torch.nn.Linear(3, 2), torch.nn.Linear(3, 4)
    >>> plan = trace(old, new, outputs="fresh")
    >>> logits = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 6.0, 0.0, 9.0])
    >>> comparable(*logits, plan)
    ([tensor([-1.3133, -0.3133])], [tensor([-1.3133, -0.3133])])
    """
    before, after = tensors_in(before), tensors_in(after)
    if len(before) == len(after):
        pairs = [_pair(*pair, plan) for pair in zip(before, after)]
        before, after = (
            (list(side) for side in zip(*pairs)) if pairs else ([],) * 2
        )
    return before, after


def _pair(one, other, plan):
    """One output of both models, comparable if its map is known."""
    splits = [width.drawn_by for width in plan.splits.values()]
    for dim, sizes in enumerate(zip(one.shape, other.shape)):
        for width in plan.outputs:
            if one.ndim != other.ndim or sizes != (width.old, width.new):
                continue
            if width.is_identity:
                continue
            copies = (~width.fresh).nonzero()[:, 0].to(other.device)
            kept = other.index_select(dim, copies)
            if width.drawn_by in splits:
                return as_split(one, dim, width), kept
            return one.log_softmax(dim), kept.log_softmax(dim)
    return one, other


def _as_built(tensors, keys):
    """Tensors with their axes, on which outputs are fresh."""
    return {
        name: tuple(a and a._replace(width=_fresh(a.width, keys)) for a in axes)
        for name, axes in tensors.items()
    }


def _fresh(width, keys):
    """The map of outputs that are fresh; any other as it is."""
    parts = width.drawn_by or ()
    if len(parts) != 1 or parts[0][1] != 1 or parts[0][0] not in keys:
        return width
    fresh = extend(width.old, width.new, label=width.label)
    return fresh._replace(drawn_by=width.drawn_by)
