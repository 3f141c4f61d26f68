"""The recurrence of a Li-GRU or SLi-GRU as one autograd function.

In the stock layers autograd records every operation of every time step. Here
the forward pass records states and gates only. The backward pass goes through
the steps once, and forms the gradient of the recurrent weight as one matrix
product over all steps. Both passes are compiled C (walk_in_c.py) where there is
a compiler, and torch's operations (walk.py) elsewhere.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import torch

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
        compiled = library(w, act)
        forwards = partial(in_c, compiled) if compiled else in_torch
        walk = forwards(w, u, start, drop, act, weight, bias, eps)
        ctx.save_for_backward(u, drop, weight, *walk)
        ctx.act, ctx.compiled = act, compiled
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
        back = (
            partial(back_in_c, ctx.compiled) if ctx.compiled else back_in_torch
        )
        into, through, start = back(gradient, u, drop, ctx.act, weight, walk)
        flat = through.flatten(0, 1)
        recurrent = flat.t() @ walk.before.flatten(0, 1)
        gain = shift = None
        if weight is not None:
            gain, shift = (into * walk.hat).sum((0, 1)), into.sum((0, 1))
        return into, recurrent, start, None, None, gain, shift, None
