"""Growth rules for recurrent layers.

Gates, and the two directions, are blocks of one map of the units: a unit's
gates, its state and its recurrent column belong together.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain.nnet import RNN
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import concat, replicate
from speechbrain_growth.engine.rules.registry import rule

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def _gated(old, new, arriving, trace, names=("ih", "hh"), what="units"):
    """Plans the four tensors of one direction of a layer; returns its map."""
    gates = next(n for kind, n in GATES.items() if kind in type(old).__name__)
    own = trace.widen(old.hidden_size, new.hidden_size, what)
    rows = replicate(own, gates, f"{gates} gates x {own.label}")
    for name, columns in zip(names, (arriving, own)):
        trace.tensor(f"weight_{name}", trace.out(rows), trace.into(columns))
        if old.bias:
            trace.tensor(f"bias_{name}", trace.out(rows))
    return own


@rule.register(nn.RNN)
@rule.register(nn.LSTM)
@rule.register(nn.GRU)
def _recurrent(old, new, signal, trace):
    """Each layer and each direction draws its own map."""
    if old.proj_size or new.proj_size:
        trace.problem(
            f"proj_size={old.proj_size or new.proj_size} cannot be widened; "
            "remove it, and add a linear layer after this one"
        )
    if old.num_layers != new.num_layers:
        trace.problem(
            f"{old.num_layers} layers would become {new.num_layers}; keep "
            "their number"
        )
        return signal
    arriving = trace.arriving(signal, old.input_size, new.input_size)
    states = trace.states[".".join(trace.path)] = []
    for layer in range(old.num_layers):
        own = []
        for way in ("", "_reverse")[: 1 + old.bidirectional]:
            place = f"_l{layer}{way}"
            names = [f"{kind}{place}" for kind in ("ih", "hh")]
            what = f"units{place}" if place != "_l0" else "units"
            own.append(_gated(old, new, arriving, trace, names, what))
            states.append(own[-1])
        label = f"[forward; backward] x {own[0].label}"
        arriving = concat(*own, label=label) if own[1:] else own[0]
    return Signal(arriving, dims=3)


@rule.register(nn.RNNCell)
@rule.register(nn.LSTMCell)
@rule.register(nn.GRUCell)
def _cell(old, new, signal, trace):
    """One step of a layer."""
    arriving = trace.arriving(signal, old.input_size, new.input_size)
    return Signal(_gated(old, new, arriving, trace), dims=2)


@rule.register(RNN.RNN)
@rule.register(RNN.LSTM)
@rule.register(RNN.GRU)
@rule.register(RNN.LiGRU)
@rule.register(RNN.SLiGRU)
def _wrapped(old, new, signal, trace):
    """SpeechBrain's wrappers of a layer, or of a list of layers."""
    return trace.child("rnn", old.rnn, new.rnn, signal)


@rule.register(RNN.RNNCell)
@rule.register(RNN.LSTMCell)
@rule.register(RNN.GRUCell)
def _wrapped_cells(old, new, signal, trace):
    """One step of several layers, with dropout in between."""
    return trace.child("rnn_cells", old.rnn_cells, new.rnn_cells, signal)


@rule.register(RNN.QuasiRNN)
def _quasi_rnn(old, new, signal, trace):
    """Layers, with dropout in between."""
    return trace.child("qrnn", old.qrnn, new.qrnn, signal)


@rule.register(RNN.QuasiRNNLayer)
def _quasi_rnn_layer(old, new, signal, trace):
    """A linear layer for the gates; the recurrence is unit by unit."""
    arriving = trace.arriving(signal, old.w.in_features, new.w.in_features)
    own = trace.widen(old.hidden_size, new.hidden_size)
    gates = old.w.out_features // old.hidden_size
    rows = replicate(own, gates, f"{gates} gates x {own.label}")
    trace.tensor("w.weight", trace.out(rows), trace.into(arriving))
    trace.tensor("w.bias", trace.out(rows))
    return Signal(_both_ways(old, own), dims=3)


@rule.register(RNN.LiGRU_Layer)
@rule.register(RNN.SLiGRU_Layer)
def _ligru_layer(old, new, signal, trace):
    """The units, both gates and both directions have one map.

    Both directions use the same weights. The initial state (zeros) and the
    pre-drawn dropout masks are those of the new model.
    """
    arriving = trace.arriving(signal, old.input_size, new.input_size)
    own = trace.widen(old.hidden_size, new.hidden_size)
    gates = replicate(own, 2, label=f"[candidate; update] x {own.label}")
    trace.tensor("w.weight", trace.out(gates), trace.into(arriving))
    trace.tensor("u.weight", trace.out(gates), trace.into(own))
    for name, norm in old.named_children():
        if name in ("norm", "layer_norm"):
            trace.child(name, norm, getattr(new, name), Signal(own))
    trace.keep_fresh("h_init", "drop_masks", "drop_mask_te")
    return Signal(_both_ways(old, own), dims=3)


def _both_ways(old, own):
    """Both directions of a layer, if it has two, share their weights."""
    if not old.bidirectional:
        return own
    return replicate(own, 2, label=f"[forward; backward] x {own.label}")
