"""Li-GRU and SLi-GRU, quicker than SpeechBrain's; the latter on a CPU alone.

Parameters, buffers, names, initial values and results are the stock layers'.
Two things differ. The recurrence is one autograd function (recurrence.py). And
both directions have the same input weights, so the products with the input are
computed once, and reversed for the second direction.

Authors
 * The speechbrain_growth authors 2026
"""

from importlib.metadata import version

import torch

from speechbrain.nnet import RNN
from speechbrain_growth.nnet.on_gpu.serving import how
from speechbrain_growth.nnet.recurrence import Recurrence
from speechbrain_growth.nnet.walk_in_c import library


class _Quick:
    """What differs from the stock layers."""

    def forward(self, x, hx=None):
        """Returns the states after each step.

        Arguments
        ---------
        x : torch.Tensor
            Input, (batch, time, features).
        hx : torch.Tensor
            Initial state; zero if there is none.

        Returns
        -------
        torch.Tensor
            (batch, time, units), or twice the units for both directions.
        """
        if x.device.type != "cpu" and not self._in_triton():
            return super().forward(x, hx)
        fed = self.w(x)
        if self.bidirectional:
            fed = torch.cat([fed, fed.flip(1)])
        self._change_batch_size(fed)
        fed = self.norm(fed.flatten(0, 1)).view(fed.shape)
        start = self.h_init if hx is None else hx
        states = self._recur(fed, start.expand(len(fed), -1))
        if self.bidirectional:
            ahead, back = states.chunk(2)
            states = torch.cat([ahead, back.flip(1)], dim=2)
        return states

    def computed_in(self):
        """Names the code of the recurrence; others differ in last digits.

        Returns
        -------
        str
            ``torch``, or ``C`` and a digest of what was compiled, or
            ``Triton`` and its version; empty if the stock code runs.
        """
        if self._in_triton():
            return f"Triton {version('triton')}"
        if self.u.weight.device.type != "cpu":
            return ""
        compiled = library(self.u.weight, self.act)
        return f"C {compiled.made_of}" if compiled else "torch"

    @torch.compiler.disable
    def _in_triton(self):
        """Whether Triton computes the recurrence."""
        norm = getattr(self, "layer_norm", None)
        return how(self.u.weight, self.act, norm) is not None

    def _ligru_cell(self, w, ht):
        """The recurrence of the stock layer, where none of ours computes it."""
        return self._counted(w) if w.is_meta else super()._ligru_cell(w, ht)

    def _sligru_cell(self, w, ht):
        """The same of an SLi-GRU."""
        return self._counted(w) if w.is_meta else super()._sligru_cell(w, ht)

    def _counted(self, w):
        """States without values, and the products of all steps at once.

        On the meta device products are only counted. Step by step, that took
        most of the time of a plan.
        """
        states = w.chunk(2, dim=2)[0]
        self.u(states)
        return states

    @torch.compiler.disable
    def _recur(self, fed, start):
        """The recurrence, which no compiler needs to unroll."""
        norm = getattr(self, "layer_norm", None)
        if type(norm) not in (type(None), torch.nn.LayerNorm):
            return self._sligru_cell(
                fed, start
            )  # while it folds after a growth
        drop = self._sample_drop_mask(fed)
        # Under autocast the input may be rounded; states are not
        fed = fed.to(torch.promote_types(fed.dtype, start.dtype))
        weight = bias = eps = None
        if norm is not None:
            weight, bias, eps = norm.weight, norm.bias, norm.eps
            if weight is None:
                weight = fed.new_ones(norm.normalized_shape)
                bias = torch.zeros_like(weight)
        u, start, drop = (x.to(fed.dtype) for x in (self.u.weight, start, drop))
        drop = drop.expand(start.shape)
        return Recurrence.apply(
            fed, u, start, drop, self.act, weight, bias, eps
        )


class LiGRULayer(_Quick, RNN.LiGRU_Layer):
    """One layer of ``LiGRU``. On a GPU without Triton the stock code runs."""

    stands_for = RNN.LiGRU_Layer


class SLiGRULayer(_Quick, RNN.SLiGRU_Layer):
    """One layer of ``SLiGRU``. On a GPU the stock code runs."""

    stands_for = RNN.SLiGRU_Layer


class LiGRU(RNN.LiGRU):
    """Stock ``speechbrain.nnet.RNN.LiGRU``, several times as fast on a CPU.

    Parameters, buffers, names, initial values and results are the stock
    layer's, so either loads the other's checkpoints. A second derivative
    raises an error. On a GPU, Triton's kernels compute it, but for ``sin``.

    Arguments
    ---------
    *args : tuple
        As for the stock layer.
    **kwargs : dict
        As for the stock layer.

    Example
    -------
    >>> inputs = torch.randn(4, 10, 20)
    >>> fast = LiGRU(input_shape=inputs.shape, hidden_size=5)
    >>> stock = RNN.LiGRU(input_shape=inputs.shape, hidden_size=5)
    >>> _ = stock.load_state_dict(fast.state_dict(), strict=True)
    >>> torch.allclose(fast(inputs)[0], stock(inputs)[0], atol=1e-6)
    True
    """

    stands_for = RNN.LiGRU

    def _init_layers(self):
        """Stock layers, with our code for the recurrence."""
        return _ours(super()._init_layers(), LiGRULayer)


class SLiGRU(RNN.SLiGRU):
    """Stock ``speechbrain.nnet.RNN.SLiGRU``, quicker as ``LiGRU`` is.

    Arguments
    ---------
    *args : tuple
        As for the stock layer.
    **kwargs : dict
        As for the stock layer.

    Example
    -------
    >>> inputs = torch.randn(4, 10, 20)
    >>> fast = SLiGRU(input_shape=inputs.shape, hidden_size=5)
    >>> stock = RNN.SLiGRU(input_shape=inputs.shape, hidden_size=5)
    >>> _ = stock.load_state_dict(fast.state_dict(), strict=True)
    >>> torch.allclose(fast(inputs)[0], stock(inputs)[0], atol=1e-6)
    True
    """

    stands_for = RNN.SLiGRU

    def _init_layers(self):
        """Stock layers, with our code for the recurrence."""
        return _ours(super()._init_layers(), SLiGRULayer)


def _ours(layers, kind):
    """Gives stock layers our class; no tensor changes."""
    for layer in layers:
        layer.__class__ = kind
    return layers
