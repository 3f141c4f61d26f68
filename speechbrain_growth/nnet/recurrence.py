"""The recurrence of a Li-GRU or SLi-GRU as one autograd function.

In the stock layers autograd records every operation of every time step. Here
the forward pass records states and gates only. The backward pass goes through
the steps once, and forms the gradient of the recurrent weight as one matrix
product over all steps. On a CPU both passes are compiled C (walk_in_c.py) where
there is a compiler, and torch's operations (walk.py) elsewhere; on a GPU they are
Triton's kernels (on_gpu).

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import torch

from speechbrain_growth.nnet.on_gpu.serving import how
from speechbrain_growth.nnet.walk import Walk, back_in_torch, in_torch
from speechbrain_growth.nnet.walk_in_c import back_in_c, in_c, library


class Recurrence(torch.autograd.Function):
    """h[t] = z[t] * h[t-1] + (1 - z[t]) * drop * act(a[t]).

    M. Ravanelli et al., https://arxiv.org/abs/1803.10225, equations 7 to 9,
    with [a[t]; z[t]] = w[t] + u h[t-1]; for an SLi-GRU, u h[t-1] is normalised
    (https://arxiv.org/abs/2302.10144). Arguments: w (batch, steps, 2 x units),
    u (2 x units, units), start and drop (batch, units), act, and weight, bias
    and eps of the norm; the three are None where there is none.
    """

    @staticmethod
    def forward(ctx, w, u, start, drop, act, weight, bias, eps):
        """Runs over time; returns the states, (batch, steps, units)."""
        forwards, ctx.back = _passes(w, act, weight)
        walk = forwards(w, u, start, drop, act, weight, bias, eps)
        ctx.save_for_backward(u, drop, weight, *walk)
        ctx.act = act
        return walk.after

    @staticmethod
    def backward(ctx, gradient):
        """Goes back once; all that does not recur is computed at once."""
        if torch.is_grad_enabled():  # that is, with create_graph=True
            raise RuntimeError(
                "speechbrain_growth.nnet.ligru: has no second derivative; use "
                "the layers of speechbrain.nnet.RNN"
            )
        u, drop, weight, *walk = ctx.saved_tensors
        walk = Walk(*walk)
        given = gradient, u, drop, ctx.act, weight, walk
        into, through, start = ctx.back(*given)
        flat = through.flatten(0, 1)
        recurrent = flat.t() @ walk.before.flatten(0, 1)
        gain = shift = None
        if weight is not None:
            gain, shift = (into * walk.hat).sum((0, 1)), into.sum((0, 1))
        return into, recurrent, start, None, None, gain, shift, None


def _passes(w, act, weight):
    """The forward and the backward pass for tensors like these."""
    compiled = library(w, act)
    if compiled:
        return partial(in_c, compiled), partial(back_in_c, compiled)
    found = how(w, act, weight) if w.numel() else None
    if found:
        # Triton is imported where it computes, and not before
        from speechbrain_growth.nnet.on_gpu import walk_in_triton

        return (
            partial(walk_in_triton.in_triton, found),
            partial(walk_in_triton.back_in_triton, found),
        )
    return in_torch, back_in_torch
