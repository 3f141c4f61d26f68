"""Outputs that are added to a trained layer: split from old ones, or apart.

An output is a class, a phone, a token or a speaker: a row of the last layer,
behind which a softmax stands. One that splits into n gives each of them its row,
and its bias less log n, so that their posteriors sum to what it had. One that no
old output stood for begins with a posterior of almost zero.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.engine.checks import names_of_shared
from speechbrain_growth.errors import GrowthError

# Bias of an output without a parent: e ** -20, 2e-9 of an output whose logit is 0
BIAS_WITHOUT_PARENT = -20.0


def with_splits(plan, splits, new):
    """Returns a plan that knows which outputs split.

    Arguments
    ---------
    plan : Plan
        Of the growth, traced with the maps of ``splits``.
    splits : dict
        From ``split_maps``.
    new : torch.nn.Module
        The larger model.

    Returns
    -------
    Plan

    Raises
    ------
    GrowthError
        Naming each layer whose units do not leave the model, or not alone.
    """
    leaving = {key for width in plan.outputs for key, _ in width.drawn_by or ()}
    tensors, problems = {**plan.tensors, **plan.loose}, []
    shared = names_of_shared(new) if splits else {}
    for name, width in splits.items():
        ((key, _),) = width.drawn_by
        weight = _inside(name, "weight")
        own = [*shared.get(weight, [weight]), _inside(name, "bias")]
        others = [t for t in _tensors_of(key, tensors) if t not in own]
        where = f"outputs: {name or 'model'}: "
        read = isinstance(new.get_submodule(name), nn.Embedding)
        if read and key in leaving:
            problems.append(
                f"{where}its rows are those of the model's outputs, too; name "
                "the layer that gives these, if it has a bias, or use outputs: "
                "fresh"
            )
        elif others:
            problems.append(
                f"{where}its outputs meet other weights, {', '.join(others)}; "
                "name a layer behind which there are none"
            )
        elif key not in leaving and not read:
            problems.append(
                f"{where}does not give the model's outputs, or not alone; name "
                "the last layer"
            )
    if problems:
        raise GrowthError(problems)
    return plan._replace(splits=splits)


def put_split_biases(state, plan):
    """Gives added outputs the biases, and those without a parent zero rows.

    Arguments
    ---------
    state : dict
        Tensors of the larger model by name, in which outputs are copies of
        their parents. They are changed in place.
    plan : Plan
        Of the growth.
    """
    for name, width in plan.splits.items():
        weight, bias = (
            state.get(_inside(name, own)) for own in ("weight", "bias")
        )
        if bias is None:
            continue  # tokens without a parent are as built
        apart = width.fresh.to(bias.device)
        if weight is not None:
            weight[apart] = 0
        bias.sub_(_logs(width).to(bias))
        bias[apart] = BIAS_WITHOUT_PARENT


def as_split(logits, dim, width):
    """Returns old logits as those of the outputs that they split into.

    Arguments
    ---------
    logits : torch.Tensor
        What the old model gives.
    dim : int
        Axis of the outputs.
    width : WidthMap
        From ``split_maps``.

    Returns
    -------
    torch.Tensor
        Without outputs that have no parent.

    Example
    -------
    >>> import torch
    >>> from speechbrain_growth.engine.maps.named_outputs import split_maps
    >>> width = split_maps(nn.Linear(1, 1), nn.Linear(1, 3), {"": [0, None]})[
    ...     ""
    ... ]
    >>> as_split(torch.tensor([1.0]), 0, width)
    tensor([0.3069, 0.3069])
    """
    copies = ~width.fresh
    source = width.source[copies].to(logits.device)
    shape = [-1 if d == dim else 1 for d in range(logits.ndim)]
    logs = _logs(width)[copies].to(logits).view(shape)
    return logits.index_select(dim, source) - logs


def _inside(name, tensor):
    """Dotted name of a layer's tensor."""
    return f"{name}.{tensor}" if name else tensor


def _tensors_of(key, tensors):
    """Names of the tensors of which an axis is made of a key's units."""
    return [
        name
        for name, axes in tensors.items()
        for axis in filter(None, axes)
        if key in [made for made, _ in axis.width.drawn_by or ()]
    ]


def _logs(width):
    """Logarithm of the number that each output's parent splits into."""
    logs = width.counts.double().log()[width.source]
    return logs.masked_fill(width.fresh | (width.share == 1), 0)
