"""Puts stock SpeechBrain classes in the place of ours, or names those that lack.

Authors
 * The speechbrain_growth authors 2026
"""

import pydoc
import re
import sys

from speechbrain.lobes.models import CRDNN as crdnn
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.export.speech import nodes_of
from speechbrain_growth.nnet.quick import CRDNN, QUICK
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN

# The stock class of each of ours that has its parameters, names and results
STOCK = {ours: stock for stock, ours in QUICK.items()}
STOCK |= {CRDNN: crdnn.CRDNN, ScalableCRDNN: crdnn.CRDNN}
# What an environment with SpeechBrain has
THERE = {"speechbrain", "torch", *sys.stdlib_module_names}
OURS = re.compile(r"(!(?:new|name):)(speechbrain_growth\.[\w.]+)")
NAMED = re.compile(r"!(?:new|name|apply|applyref|module):([\w.]+)")
ADDED = ("extra_cnn_blocks", "extra_rnn_layers", "extra_dnn_blocks")
LISTS = ("rnn_neurons", "dnn_neurons")


def strange_layers(chain):
    """Returns what of a model SpeechBrain and torch lack.

    Arguments
    ---------
    chain : dict
        Modules by name.

    Returns
    -------
    list of str
        One problem for each class.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth.nnet.gated import Gated
    >>> strange_layers({"net": nn.Sequential(nn.ReLU(), Gated(nn.ReLU()))})
    ['net.1: SpeechBrain has no layer Gated of speechbrain_growth.nnet.gated']
    """
    strange = {}
    for name, one in chain.items():
        for path, layer in one.named_modules(prefix=name):
            kind = type(layer)
            if kind not in STOCK and _root(kind.__module__) not in THERE:
                strange.setdefault(kind, []).append(path)
    return [
        f"{', '.join(paths)}: SpeechBrain has no layer {kind.__name__} of "
        f"{kind.__module__}"
        for kind, paths in strange.items()
    ]


def as_stock(tree):
    """Prepares a tree for ``stock_text``: drops arguments of ours.

    Arguments
    ---------
    tree : dict
        Of a YAML; it is changed.

    Raises
    ------
    GrowthError
        If a stock class cannot take the others.
    """
    problems = []
    for node in nodes_of(tree):
        path = tag_of(node).partition(":")[2]
        ours = path.startswith("speechbrain_growth.")
        if not ours or pydoc.locate(path) is not ScalableCRDNN:
            continue
        problems += [
            f"{key} is {list(node[key])}, a width for each layer, and "
            "SpeechBrain's CRDNN has one for all"
            for key in LISTS
            if isinstance(node, dict) and isinstance(node.get(key), list)
        ]
        for key in ADDED:
            if isinstance(node, dict):
                node.pop(key, None)
    if problems:
        raise GrowthError(problems)


def stock_text(text):
    """Names stock classes in a YAML instead of ours.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    str

    Raises
    ------
    GrowthError
        Naming every class or function that SpeechBrain lacks.

    Example
    -------
    >>> stock_text("rnn_class: !name:speechbrain_growth.LiGRU")
    'rnn_class: !name:speechbrain.nnet.RNN.LiGRU'
    >>> stock_text("net: !new:speechbrain_growth.MLP")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: SpeechBrain has no speechbrain_growth.MLP
    """
    text = OURS.sub(_stock, text)
    strange = dict.fromkeys(NAMED.findall(text))
    problems = [
        f"SpeechBrain has no {path}"
        for path in strange
        if _root(path) not in THERE
    ]
    if problems:
        raise GrowthError(problems)
    return text


def _stock(found):
    """A tag with the stock class, where there is one."""
    stock = STOCK.get(pydoc.locate(found[2]))
    if stock is None:
        return found[0]
    return f"{found[1]}{stock.__module__}.{stock.__qualname__}"


def _root(path):
    """The package of a dotted path."""
    return path.partition(".")[0]
