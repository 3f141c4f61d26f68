"""A Li-GRU whose recurrence is one autograd function.

The stock layer lets autograd record every operation of every time step. Here
the forward pass records nothing but the hidden states and gates; the backward
pass walks back once and forms the gradient of the recurrent weight as a single
matrix product over all steps.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.nnet import RNN


class Recurrence(torch.autograd.Function):
    """h[t] = z[t] * h[t-1] + (1 - z[t]) * drop * act(a[t]).

    M. Ravanelli et al., https://arxiv.org/abs/1803.10225, equations 7 to 9,
    with [a[t]; z[t]] = w[t] + u h[t-1]. Tensors are time-major inside.
    """

    @staticmethod
    def forward(ctx, w, u, start, drop, act):
        """Runs over time; w is (batch, time, 2 x units)."""
        batch, time, both = w.shape
        units = both // 2
        w, turned = w.transpose(0, 1), u.t()
        gates = w.new_empty(time, batch, both)
        hidden = w.new_empty(time + 1, batch, units)
        hidden[0] = start
        candidate = w.new_empty(batch, units)
        before = gates.new_empty(0)
        if act is torch.sin:  # the only slope that the output does not tell
            before = w.new_empty(time, batch, units)
        for t in range(time):
            gate = torch.addmm(w[t], hidden[t], turned, out=gates[t])
            if act is torch.sin:
                before[t] = gate[:, :units]
            ACTIVATE[_kind(act)](gate[:, :units])
            gate[:, units:].sigmoid_()
            torch.mul(gate[:, :units], drop, out=candidate)
            torch.lerp(candidate, hidden[t], gate[:, units:], out=hidden[t + 1])
        ctx.save_for_backward(gates, hidden, u, drop, before)
        ctx.act = act
        return hidden[1:].transpose(0, 1)

    @staticmethod
    def backward(ctx, gradient):
        """Walks back once; what does not recur is computed for all steps."""
        if torch.is_grad_enabled():  # that is, with create_graph=True
            raise RuntimeError(
                "speechbrain_growth.nnet.ligru.LiGRU: a second derivative was "
                "asked for; speechbrain.nnet.RNN.LiGRU has one"
            )
        gates, hidden, u, drop, before = ctx.saved_tensors
        time, batch, both = gates.shape
        units = both // 2
        active, update = gates[..., :units], gates[..., units:]
        # What a step's gradient is multiplied by on its way into the gates
        factor = torch.empty_like(gates)
        slope = SLOPE[_kind(ctx.act)](before if before.numel() else active)
        torch.mul(1 - update, drop, out=factor[..., :units])
        factor[..., :units] *= slope
        torch.sub(hidden[:-1], active * drop, out=factor[..., units:])
        factor[..., units:] *= update * (1 - update)
        factor = factor.view(time, batch, 2, units)
        into = torch.empty_like(factor)
        gradient = gradient.transpose(0, 1)
        carried = torch.zeros_like(hidden[0])
        step = torch.empty_like(carried)
        for t in range(time - 1, -1, -1):
            torch.add(gradient[t], carried, out=step)
            torch.mul(factor[t], step.unsqueeze(1), out=into[t])
            torch.mul(step, update[t], out=carried)
            carried.addmm_(into[t].view(batch, both), u)
        flat = into.view(time * batch, both)
        weight = flat.t() @ hidden[:-1].reshape(time * batch, units)
        into = into.view(time, batch, both).transpose(0, 1)
        return into, weight, carried, None, None


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
    torch.sin: torch.cos,
}


def _kind(act):
    """The key of an activation in the tables above."""
    return act if act is torch.sin else type(act)


class LiGRULayer(RNN.LiGRU_Layer):
    """The stock layer with another recurrence.

    On other devices than the CPU the stock recurrence serves.
    """

    def _ligru_cell(self, w, ht):
        """Returns the hidden states, (batch, time, units)."""
        if w.device.type != "cpu":
            return super()._ligru_cell(w, ht)
        drop = self._sample_drop_mask(w).to(w.dtype)
        weight = self.u.weight.to(w.dtype)
        return Recurrence.apply(w, weight, ht.to(w.dtype), drop, self.act)


class LiGRU(RNN.LiGRU):
    """Stock ``speechbrain.nnet.RNN.LiGRU``, about twice as fast on a CPU.

    Parameters, buffers, names, initial values and results are the stock
    layer's, so a checkpoint moves freely between the two. It cannot be
    differentiated twice, which raises an error.

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

    def _init_layers(self):
        """Stock layers, which then compute their recurrence our way."""
        layers = super()._init_layers()
        for layer in layers:
            layer.__class__ = LiGRULayer
        return layers


def as_stock(module):
    """Gives the Li-GRUs inside a module the stock code, which can be scripted.

    Arguments
    ---------
    module : torch.nn.Module
        Its layers are changed; no tensor is.

    Returns
    -------
    bool
        Whether there was any of ours.

    Example
    -------
    >>> fast = LiGRU(input_shape=(4, 10, 20), hidden_size=5)
    >>> as_stock(fast)
    True
    >>> type(fast) is RNN.LiGRU
    True
    """
    stock = {LiGRU: RNN.LiGRU, LiGRULayer: RNN.LiGRU_Layer}
    ours = [layer for layer in module.modules() if type(layer) in stock]
    for layer in ours:
        layer.__class__ = stock[type(layer)]
    return bool(ours)
