"""Calls a model on an example, which is given or made up.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import inspect
from collections.abc import Mapping

import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_map

from speechbrain_growth.errors import GrowthError

SIDES = (16, 8, 9, 10, 12, 7, 6, 5, 4, 3, 20, 24, 28, 32, 48, 64, 96, 128, 224)
LAYERS = 3  # of which the input's shape is tried, in their order


class CannotRun(GrowthError):
    """A model that raises on an example."""


@contextlib.contextmanager
def running(which):
    """Inside this context, what a model raises is told as the example's fault.

    Arguments
    ---------
    which : str
        ``old`` or ``new``.

    Yields
    ------
    None

    Raises
    ------
    CannotRun
        With what the model raised.
    """
    try:
        yield
    except GrowthError:
        raise
    except Exception as error:  # any code may fail on any input
        raise CannotRun(
            f"example: the {which} model raises {type(error).__name__} on it: "
            f"{' '.join(str(error).split())}"
        )


def run_of(example):
    """A function that calls a model on an example.

    Arguments
    ---------
    example : torch.Tensor, tuple, dict or callable
        The input; or all of them, by place or by name; or a function that
        takes the model and returns its outputs.

    Returns
    -------
    callable
        Each of its calls gets copies of the tensors, which a forward may change.

    Example
    -------
    >>> run_of({"input": torch.ones(2)})(nn.ReLU())
    tensor([1., 1.])
    """
    if isinstance(example, Mapping):
        return lambda model: _call(model, **_copied(dict(example)))
    if isinstance(example, (tuple, list)):
        return lambda model: _call(model, *_copied(list(example)))
    if isinstance(example, torch.Tensor):
        return lambda model: _call(model, example.clone())
    return example


def _copied(values):
    """Nested values with copies of tensors; the same tensor stays the same."""
    leaves = tree_flatten(values)[0]
    made = {id(o): o.clone() for o in leaves if isinstance(o, torch.Tensor)}
    return tree_map(lambda one: made.get(id(one), one), values)


def _call(model, *args, **kwargs):
    """Calls a model; modules in signal order one after the other."""
    if not _is_a_row(model):
        return model(*args, **kwargs)
    first, *others = list(model.children())
    out = first(*args, **kwargs)
    for module in others:
        out = module(out)
    return out


def _is_a_row(model):
    """Whether modules are only listed; SpeechBrain's Sequential runs them."""
    listed = isinstance(model, (nn.ModuleList, nn.ModuleDict))
    return listed and type(model).forward is nn.Module.forward


def made_up(model):
    """Examples that a model may take, by its first layers; the likely first.

    Arguments
    ---------
    model : torch.nn.Module
        Only its forward's arguments and its first layers are looked at.

    Yields
    ------
    list of tuple
        Arguments of one size, in all layouts that such a layer may be given.

    Example
    -------
    >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    >>> [tuple(example[0].shape) for example in next(made_up(model))]
    [(4, 3), (4, 5, 3), (3,)]
    """
    generator = torch.Generator().manual_seed(0)
    like = next(model.parameters(), torch.zeros(()))
    dtype = like.dtype if like.is_floating_point() else torch.float32
    needed, tried = _needed(model), []
    found = [one for one in map(_shapes, model.modules()) if one][:LAYERS]
    for sizes, tokens in found:
        for shapes in sizes:
            if (shapes, tokens) in tried or needed > 2:
                continue
            tried.append((shapes, tokens))
            examples = []
            for shape in shapes:
                if tokens:
                    data = torch.randint(tokens, shape, generator=generator)
                else:
                    data = torch.randn(shape, generator=generator, dtype=dtype)
                examples.append((data.to(like.device),))
                if needed == 2:  # relative lengths, as in SpeechBrain
                    lengths = torch.ones(shape[:1], dtype=dtype)
                    examples[-1] += (lengths.to(like.device),)
            yield examples


def _needed(model):
    """How many arguments without a default a forward has."""
    while _is_a_row(model) and len(model):
        model = next(model.children())
    return sum(
        one.default is one.empty
        and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        for one in inspect.signature(model.forward).parameters.values()
    )


def _shapes(layer):
    """Shapes that a layer takes, size by size, and the number of its tokens."""
    if isinstance(layer, nn.Linear):
        size = layer.in_features
        return [[(4, size), (4, 5, size), (size,)], [(4, 7, size)]], 0
    if isinstance(layer, nn.RNNBase):
        size = layer.input_size
        return [[(4, time, size), (time, size)] for time in (5, *SIDES)], 0
    if isinstance(layer, nn.Embedding):
        return [[(4, t), (t,)] for t in (5, *SIDES)], layer.num_embeddings
    for count, kind in enumerate((nn.Conv1d, nn.Conv2d, nn.Conv3d), start=1):
        if isinstance(layer, kind):
            return [_images(layer.in_channels, count, s) for s in SIDES], 0
    return None


def _images(channels, count, side):
    """Layouts of what a convolution may be given, with or without channels."""
    place = (side,) * count
    shapes = [(4, channels, *place), (channels, *place), (4, *place, channels)]
    return shapes + [(4, *place)] * (channels == 1)
