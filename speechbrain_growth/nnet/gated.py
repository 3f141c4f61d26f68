"""A residual block that can be inserted into a trained model.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.nnet.RNN import LiGRU, SLiGRU
from speechbrain_growth.engine.births.layers import (
    FirstState,
    copy,
    copy_of,
    gate,
    identity,
)
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.errors import GrowthError


class Gated(torch.nn.Module):
    """Returns x + g f(x), with one trainable number g.

    At g = 0, where it begins, it returns its input, in training and in
    evaluation. There only g has a gradient, so f learns from the second step.
    Such gates are from ReZero (https://arxiv.org/abs/2003.04887) and SkipInit
    (https://arxiv.org/abs/2002.10444).

    Arguments
    ---------
    inner : torch.nn.Module
        f; its outputs have the shape of its inputs. If it returns a tuple, as
        recurrent layers do, its first element is f(x).

    Example
    -------
    >>> block = Gated(torch.nn.Linear(3, 3))
    >>> inputs = torch.randn(2, 3)
    >>> torch.equal(block(inputs), inputs)
    True
    """

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.gate = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        """Returns the sum.

        Arguments
        ---------
        x : torch.Tensor
            What ``inner`` takes.

        Returns
        -------
        torch.Tensor
        """
        outputs = self.inner(x)
        if isinstance(outputs, tuple):
            outputs = outputs[0]
        return x + self.gate * outputs


@gate.register(Gated)
def _closed(layer, place):
    """g = 0, with f as it was built."""
    return FirstState({"gate": torch.zeros(())})


@identity.register(Gated)
def _no_identity(layer, place):
    """The gate is how this block becomes an identity."""
    raise GrowthError(
        "a gated block cannot begin as an identity; use birth: gate or copy"
    )


@copy.register(Gated)
def _copy(layer, place):
    """A copy of a gated block with its gate, or of a plain one with g = 1."""
    if place.earlier and type(place.earlier[-1][1]) is Gated:
        return copy_of(layer, place, Gated)
    path, twin = "inner", layer.inner
    if isinstance(twin, (LiGRU, SLiGRU)):  # which may have several layers
        path, twin = "inner.rnn.0", twin.rnn[0]
    state = copy_of(twin, place, type(twin))
    tensors = {f"{path}.{key}": name for key, name in state.tensors.items()}
    return state._replace(tensors={"gate": torch.ones(()), **tensors})


@rule.register(Gated)
def _gated(old, new, signal, trace):
    """Both branches of the sum share one map."""
    trace.tensor("gate")
    branch = trace.child("inner", old.inner, new.inner, signal)
    return trace.tie(signal, branch)
