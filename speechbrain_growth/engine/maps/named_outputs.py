"""Maps of outputs whose parents are named, one for each layer.

Two layers have rows and no bias. Cosines with the rows of a ``Classifier`` have
none that could be split, so a row that copies another gives the same cosine. An
``nn.Embedding`` is read, not returned: what copies a token is read as it is.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Integral

import torch
from torch import nn

from speechbrain.lobes.models.ECAPA_TDNN import Classifier
from speechbrain_growth.engine.maps.widths import WidthMap
from speechbrain_growth.errors import GrowthError

# What the rules of the layers that may be named call their own units
UNITS = {
    nn.Linear: "units",
    nn.Conv1d: "channels",
    nn.Conv2d: "channels",
    Classifier: "speakers",
    nn.Embedding: "tokens",
}
ROWS = (Classifier, nn.Embedding)  # without a bias


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


def _wrong(old, new, parents):
    """What is wrong with one layer and the parents of its new outputs."""
    if old is None or new is None:
        return ["is in one model only, or in none; name the last layer of both"]
    if not isinstance(new, tuple(UNITS)) or type(old) is not type(new):
        return [
            f"is a {type(new).__name__}; name the Linear, Conv1d or Conv2d of "
            "torch that gives the outputs, as output.w in SpeechBrain's Linear; "
            "its Classifier of speakers; or an nn.Embedding, as emb.Embedding"
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
    if parents and not isinstance(new, ROWS) and old.bias is None:
        problems.append(
            "has no bias, which splits the posterior; give the layer a bias, "
            "or use outputs: fresh"
        )
    if isinstance(new, Classifier) and None in parents:
        problems.append(
            "gives cosines, and no cosine gives an output without a parent "
            "almost none of the posterior; name a parent for each, whose cosine "
            "it then has, or use outputs: fresh"
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
    share = (1 / width.counts.double())[source]
    if isinstance(pair[1], Classifier):  # nothing is shared
        share = torch.ones_like(share)
    return width._replace(share=share.masked_fill(apart, 0))
