"""Outputs that are added to a trained layer: split from old ones, or apart.

An output is a class, a phone, a token or a speaker: a row of the last layer,
behind which a softmax stands. One that splits into n gives each of them its row,
and its bias less log n, so that their posteriors sum to what it had. One that no
old output stood for begins with a posterior of almost zero.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Integral

import torch
from torch import nn

from speechbrain_growth.engine.maps.widths import WidthMap
from speechbrain_growth.errors import GrowthError

# Bias of an output without a parent: e ** -20, 2e-9 of an output whose logit is 0
BIAS_WITHOUT_PARENT = -20.0
# What the rules of the layers that may be named call their own units
UNITS = {nn.Linear: "units", nn.Conv1d: "channels", nn.Conv2d: "channels"}


def split_maps(old, new, outputs):
    """Returns the map of each layer whose outputs are said to split.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    outputs : dict
        As ``carry`` takes it; None is as an empty one.

    Returns
    -------
    dict
        By the layer's name, of those that get more outputs.

    Raises
    ------
    GrowthError
        Naming each layer, or parent, that is wrong.

    Example
    -------
    >>> old, new = nn.Linear(2, 3), nn.Linear(2, 6)
    >>> split_maps(old, new, {"": [1, 1, None]})[""].share
    tensor([1.0000, 0.3333, 1.0000, 0.3333, 0.3333, 0.0000], dtype=torch.float64)
    """
    outputs = {} if outputs is None else outputs
    if not isinstance(outputs, dict):
        raise GrowthError(
            f"outputs is {outputs!r}; use {{name of the last layer: list of "
            "parents}}, or fresh"
        )
    pairs = {
        name: [dict(model.named_modules()).get(name) for model in (old, new)]
        for name in outputs
    }
    problems = [
        f"outputs: {name or 'model'}: {problem}"
        for name, parents in outputs.items()
        for problem in _wrong(*pairs[name], parents)
    ]
    if problems:
        raise GrowthError(problems)
    return {
        name: _map(name, pairs[name], parents)
        for name, parents in outputs.items()
        if len(parents)
    }


def with_splits(plan, splits):
    """Returns a plan that knows which outputs split.

    Arguments
    ---------
    plan : Plan
        Of the growth, traced with the maps of ``splits``.
    splits : dict
        From ``split_maps``.

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
    for name, width in splits.items():
        ((key, _),) = width.drawn_by
        own = [_inside(name, "weight"), _inside(name, "bias")]
        others = [t for t in _tensors_of(key, tensors) if t not in own]
        where = f"outputs: {name or 'model'}: "
        if others:
            problems.append(
                f"{where}its outputs meet other weights, {', '.join(others)}; "
                "name a layer behind which there are none"
            )
        elif key not in leaving:
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
        apart = width.fresh
        if weight is not None:
            weight[apart.to(weight.device)] = 0
        if bias is not None:
            bias.sub_(_logs(width).to(bias))
            bias[apart.to(bias.device)] = BIAS_WITHOUT_PARENT


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


def _wrong(old, new, parents):
    """What is wrong with one layer and the parents of its new outputs."""
    if old is None or new is None:
        return ["is in one model only, or in none; name the last layer of both"]
    if not isinstance(new, tuple(UNITS)) or type(old) is not type(new):
        return [
            f"is a {type(new).__name__}; name the Linear, Conv1d or Conv2d of "
            "torch that gives the outputs, as output.w in SpeechBrain's Linear"
        ]
    if not isinstance(parents, (list, tuple)):
        return [f"its parents are {parents!r}; give a list"]
    (before, after), problems = map(_units, (old, new)), []
    if after < before:
        return []  # the rule of the layer refuses it
    if len(parents) != after - before:
        problems.append(
            f"found {len(parents)} parents, but the layer gets "
            f"{after - before} new outputs; give each the index of its parent, "
            "or None"
        )
    strange = [p for p in parents if p is not None and not _is(p, before)]
    if strange:
        problems.append(
            f"found the parents {', '.join(map(repr, strange))}, which are no "
            f"index of its {before} old outputs; use 0 to {before - 1}, or None"
        )
    if parents and old.bias is None:
        problems.append(
            "has no bias, which splits the posterior; give the layer a bias"
        )
    return problems


def _is(parent, before):
    """Whether a parent is the index of an old output."""
    whole = isinstance(parent, Integral) and not isinstance(parent, bool)
    return whole and 0 <= parent < before


def _units(layer):
    """How many outputs a layer has."""
    return layer.weight.shape[0]


def _map(name, pair, parents):
    """The map of a layer's outputs, as its rule would have drawn it."""
    old, new = map(_units, pair)
    source = torch.tensor([*range(old), *(p or 0 for p in parents)]).long()
    apart = torch.tensor([False] * old + [p is None for p in parents])
    what = next(w for kind, w in UNITS.items() if isinstance(pair[1], kind))
    label = f"{name or 'model'} {what}"
    width = WidthMap(
        source,
        torch.ones(len(source)).double(),
        old,
        label,
        torch.arange(len(source)).masked_fill(~apart, -1),
        torch.zeros(len(source)).double(),
        (((label, old, new), 1),),
    )
    share = (1 / width.counts.double())[source].masked_fill(apart, 0)
    return width._replace(share=share)


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
    return width.counts.double().log()[width.source].masked_fill(width.fresh, 0)
