"""The recurrence of a Li-GRU over all steps, forward and backward, in torch.

Everything that does not depend on the step before is computed for all steps at
once.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

ACTIVATE = {
    torch.nn.ReLU: torch.relu_,
    torch.nn.LeakyReLU: lambda x: torch.nn.functional.leaky_relu_(x),
    torch.nn.Tanh: torch.tanh_,
    torch.sin: torch.sin_,
}
SLOPE = {
    torch.nn.ReLU: lambda y: (y > 0).to(y),
    torch.nn.LeakyReLU: lambda y: (y > 0).to(y).mul_(0.99).add_(0.01),
    torch.nn.Tanh: lambda y: 1 - y.square(),
}


def kind_of(act):
    """The key of an activation in the tables above."""
    return act if act is torch.sin else type(act)


class Walk(NamedTuple):
    """What a forward pass records; all shapes begin with (batch, steps)."""

    before: torch.Tensor
    """States before each step, units."""
    after: torch.Tensor
    """States after each step, units."""
    gates: torch.Tensor
    """Activated candidate and update gate, 2 x units."""
    raw: torch.Tensor
    """Candidate before its activation, if the slope needs it; else empty."""
    hat: torch.Tensor
    """Normalised recurrent part, 2 x units; empty without a norm."""
    rstd: torch.Tensor
    """One over its deviation, one number; empty without a norm."""


def in_torch(w, u, start, drop, act, weight, bias, eps):
    """The forward pass, in torch's operations."""
    batch, steps, both = w.shape
    units = both // 2
    before, after = w.new_empty(2, batch, steps, units)
    gates = torch.empty_like(w, memory_format=torch.contiguous_format)
    raw = w.new_empty(0) if act is not torch.sin else torch.empty_like(before)
    hat = w.new_empty(0) if weight is None else torch.empty_like(gates)
    rstd = w.new_empty(0) if weight is None else w.new_empty(batch, steps, 1)
    turned, activate = u.t(), ACTIVATE[kind_of(act)]
    candidate = w.new_empty(batch, units)
    views = (w, gates, gates[..., :units], gates[..., units:], before, after)
    for t, (fed, gate, a, z, was, now) in enumerate(
        zip(*(view.unbind(1) for view in views))
    ):
        was.copy_(start)
        if weight is None:
            torch.addmm(fed, start, turned, out=gate)
        else:
            normed, _, spread = torch.native_layer_norm(
                start @ turned, [both], None, None, eps
            )
            hat[:, t], rstd[:, t] = normed, spread
            torch.addcmul(fed + bias, normed, weight, out=gate)
        if raw.numel():
            raw[:, t] = a
        activate(a)
        z.sigmoid_()
        torch.mul(a, drop, out=candidate)
        start = torch.lerp(candidate, start, z, out=now)
    return Walk(before, after, gates, raw, hat, rstd)


def slopes(drop, act, walk):
    """What a step's gradient is multiplied by to be that of its gates."""
    units = walk.before.shape[-1]
    active, update = walk.gates[..., :units], walk.gates[..., units:]
    drop = drop.unsqueeze(1)
    into = torch.empty_like(walk.gates)
    torch.mul(1 - update, drop, out=into[..., :units])
    into[..., :units] *= (
        walk.raw.cos() if act is torch.sin else SLOPE[kind_of(act)](active)
    )
    torch.sub(walk.before, active * drop, out=into[..., units:])
    into[..., units:] *= update * (1 - update)
    return into


def back_in_torch(gradient, u, drop, act, weight, walk):
    """The backward pass, in torch's operations."""
    units = walk.before.shape[-1]
    into, update = slopes(drop, act, walk), walk.gates[..., units:]
    through = into if weight is None else torch.empty_like(into)
    halves = into.unflatten(-1, (2, units)).unbind(1)
    grads, updates = gradient.unbind(1), update.unbind(1)
    carried = torch.zeros_like(walk.before[:, 0])
    for t in range(len(halves) - 1, -1, -1):
        total = grads[t] + carried
        halves[t].mul_(total.unsqueeze(1))
        if weight is not None:
            hat, far = walk.hat[:, t], into[:, t] * weight
            along = (far * hat).mean(-1, keepdim=True)
            far = far - far.mean(-1, keepdim=True) - hat * along
            through[:, t] = far * walk.rstd[:, t]
        carried = torch.addmm(total * updates[t], through[:, t], u)
    return into, through, carried
