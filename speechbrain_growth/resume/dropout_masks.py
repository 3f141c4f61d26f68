"""Position of each Li-GRU layer in its pre-drawn dropout masks.

SpeechBrain's Li-GRU keeps its masks in its state, but not which of them is the
next, nor the batch size for which they were drawn.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from collections import OrderedDict

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

PLACE = ("drop_mask_cnt", "batch_size")
DRAWN = ("drop_masks", "drop_mask_te", "h_init")  # what such a layer holds


def places(modules):
    """Finds the position of every layer that draws masks in advance.

    Arguments
    ---------
    modules : torch.nn.Module
        Searched for such layers.

    Returns
    -------
    list of list of int
        The next mask and the batch size, layer by layer.

    Example
    -------
    >>> import torch
    >>> from speechbrain.nnet.RNN import LiGRU
    >>> net = LiGRU(input_shape=(4, 10, 3), hidden_size=2, dropout=0.5)
    >>> before = places(net)
    >>> outputs = net(torch.rand(4, 10, 3))
    >>> before, places(net)
    ([[0, 4]], [[4, 4]])
    >>> go_to(net, before)
    >>> places(net)
    [[0, 4]]
    """
    return [
        [int(getattr(layer, name)) for name in PLACE]
        for layer in _layers(modules)
    ]


def go_to(modules, found):
    """Moves every such layer to an earlier position.

    Arguments
    ---------
    modules : torch.nn.Module
        As for ``places``.
    found : list of list of int
        From ``places``.
    """
    layers = _layers(modules)
    if len(layers) != len(found):
        logger.warning(
            f"The checkpoint has {len(found)} layers with masks, the model "
            f"{len(layers)}; all start at their first mask"
        )
        return
    for layer, place in zip(layers, found):
        for name, value in zip(PLACE, place):
            setattr(layer, name, value)


def drawn_by(modules):
    """Lists the tensors that such layers draw, and do not learn.

    Arguments
    ---------
    modules : torch.nn.Module
        Searched for such layers.

    Returns
    -------
    set of str
        Dotted names.
    """
    return {
        ".".join(filter(None, (name, leaf)))
        for name, layer in modules.named_modules()
        if _draws(layer)
        for leaf in DRAWN
    }


def copy_of(modules):
    """Copies modules, but for what such layers draw, which may be large.

    A layer that draws again replaces the tensor, and leaves that of the other
    as it is.

    Arguments
    ---------
    modules : torch.nn.Module
        Any.

    Returns
    -------
    torch.nn.Module

    Example
    -------
    >>> from speechbrain.nnet.RNN import LiGRU
    >>> net = LiGRU(input_shape=(4, 10, 3), hidden_size=2)
    >>> copied = copy_of(net)
    >>> copied.rnn[0].drop_masks is net.rnn[0].drop_masks
    True
    >>> copied.rnn[0].w.weight is net.rnn[0].w.weight
    False
    """
    state, drawn = modules.state_dict(keep_vars=True), drawn_by(modules)
    known = {id(state[name]): state[name] for name in drawn & set(state)}
    for layer in modules.modules():  # an empty one for each kind of hook
        held = [v for v in vars(layer).values() if type(v) is OrderedDict]
        known.update({id(v): OrderedDict() for v in held if not v})
    return copy.deepcopy(modules, known)


def _layers(modules):
    """All layers that draw masks in advance, in order."""
    return [layer for layer in modules.modules() if _draws(layer)]


def _draws(layer):
    """Whether a layer draws masks in advance."""
    return all(hasattr(layer, name) for name in PLACE)
