"""Both passes of the recurrence in Triton, chunk after chunk.

What does not recur is computed by torch, for all steps at once, as in walk.py.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.nn.functional import pad

from speechbrain_growth.nnet.on_gpu import chunks
from speechbrain_growth.nnet.on_gpu.how import name_of
from speechbrain_growth.nnet.walk import Walk, slopes


def in_triton(how, w, u, start, drop, act, weight, bias, eps):
    """The forward pass, in Triton; there is no norm.

    Arguments
    ---------
    how : How
        From ``how``.
    w : torch.Tensor
        (batch, steps, 2 x units); the others are as for ``walk.in_torch``.
    u : torch.Tensor
        See there.
    start : torch.Tensor
        See there.
    drop : torch.Tensor
        See there.
    act : callable
        See there.
    weight : None
        See there.
    bias : None
        See there.
    eps : None
        See there.

    Returns
    -------
    Walk
    """
    batch, steps, both = w.shape
    units = both // 2
    before, after = w.new_empty(2, batch, steps, units)
    gates = w.new_empty(batch, steps, both)
    with torch.cuda.device_of(w):
        size = _size(how, w, units, name_of(act))
        there = chunks.chunk(chunks.forward_chunk, size)
        there.u[:, :units, :units] = u.view(2, units, units)
        there.drop[:batch, :units] = drop
        states = there.states[:, :batch, :units]
        states[0] = start
        for first in range(0, steps, chunks.STEPS):
            part = slice(first, min(first + chunks.STEPS, steps))
            many = part.stop - part.start
            here = slice(0, many), slice(0, batch), slice(0, 2), slice(0, units)
            there.fed[here] = _by_step(w, part, 2)
            there.run()
            _by_step(before, part)[:] = states[:many]
            _by_step(after, part)[:] = states[1 : many + 1]
            _by_step(gates, part, 2)[:] = there.gates[here]
            states[0] = states[many]
    none = w.new_empty(0)
    return Walk(before, after, gates, raw=none, hat=none, rstd=none)


def back_in_triton(how, gradient, u, drop, act, weight, walk):
    """The backward pass, in Triton.

    Arguments
    ---------
    how : How
        As in the forward pass.
    gradient : torch.Tensor
        Of the states, (batch, steps, units).
    u : torch.Tensor
        As for ``walk.back_in_torch``, and so are the others.
    drop : torch.Tensor
        See there.
    act : callable
        See there.
    weight : None
        See there.
    walk : Walk
        From ``in_triton``.

    Returns
    -------
    into : torch.Tensor
        Gradient of the gates, (batch, steps, 2 x units).
    through : torch.Tensor
        The same, as there is no norm.
    start : torch.Tensor
        Gradient of the initial state, (batch, units).
    """
    batch, steps, units = walk.before.shape
    into, update = slopes(drop, act, walk), walk.gates[..., units:]
    totals = torch.empty_like(walk.before)
    earlier = pad(gradient, (0, 0, 1, -1))  # a step later; zero to the start
    with torch.cuda.device_of(gradient):
        size = _size(how, walk.before, units, "")
        there = chunks.chunk(chunks.backward_chunk, size)
        turned = u.view(2, units, units).permute(2, 0, 1)
        there.u[:units, :, :units] = turned
        found = there.totals[:, :batch, :units]
        found[-1] = gradient[:, -1]
        for last in range(steps, 0, -chunks.STEPS):
            part = slice(max(last - chunks.STEPS, 0), last)
            unused = chunks.STEPS - (part.stop - part.start)
            here = slice(unused, None), slice(0, batch)
            there.slopes[here][..., :units] = _by_step(into, part, 2)
            there.update[here][..., :units] = _by_step(update, part)
            there.upstream[here][..., :units] = _by_step(earlier, part)
            there.run()
            _by_step(totals, part)[:] = found[unused + 1 :]
            found[-1] = found[unused]
        start = found[-1].clone()
    into.unflatten(-1, (2, units)).mul_(totals.unsqueeze(2))
    return into, into, start


def _size(how, like, units, act):
    """For which chunk a batch asks."""
    stream = 0
    if like.is_cuda:
        stream = torch.cuda.current_stream(like.device).cuda_stream
    return chunks.Size(
        batch=-(-len(like) // chunks.ROWS) * chunks.ROWS,
        units=units,
        act=act,
        dtype=like.dtype,
        product=how.product,
        precision=how.precision,
        device=like.device,
        stream=stream,
    )


def _by_step(tensor, part, gates=None):
    """Some steps of a tensor, steps first, gates in an axis of their own."""
    some = tensor[:, part].transpose(0, 1)
    return some.unflatten(-1, (gates, -1)) if gates else some
