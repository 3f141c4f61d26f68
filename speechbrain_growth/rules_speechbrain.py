"""Growth rules for SpeechBrain's layers; most wrap one layer of torch.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain.nnet import (
    CNN,
    RNN,
    activations,
    containers,
    linear,
    normalization,
    pooling,
)
from speechbrain.nnet.dropout import Dropout2d
from speechbrain.processing.features import InputNormalization
from speechbrain_growth.rules import sequence, unit_by_unit
from speechbrain_growth.tracing import Signal, rule
from speechbrain_growth.widths import concat

for _kind in (
    pooling.Pooling1d,
    pooling.Pooling2d,
    Dropout2d,
    activations.Softmax,
    InputNormalization,
):
    rule.register(_kind, unit_by_unit)

for _kind in (containers.Sequential, containers.LengthsCapableSequential):
    rule.register(_kind, sequence)


@rule.register(linear.Linear)
@rule.register(CNN.Conv1d)
@rule.register(CNN.Conv2d)
@rule.register(normalization.BatchNorm1d)
@rule.register(normalization.BatchNorm2d)
@rule.register(normalization.LayerNorm)
def _wrapper(old, new, signal, trace):
    """SpeechBrain keeps channels last, whatever the layer inside does."""
    before, after = dict(old.named_children()), dict(new.named_children())
    signal = trace.chain(before, after, signal)
    return Signal(signal.width, channels_last=True)


@rule.register(RNN.LiGRU)
@rule.register(RNN.SLiGRU)
def _ligru(old, new, signal, trace):
    """Layers one after the other."""
    before, after = (
        dict(old.rnn.named_children()),
        dict(new.rnn.named_children()),
    )
    trace.path.append("rnn")
    signal = trace.chain(before, after, signal)
    trace.path.pop()
    return signal


@rule.register(RNN.LiGRU_Layer)
@rule.register(RNN.SLiGRU_Layer)
def _ligru_layer(old, new, signal, trace):
    """One map serves the units, both gates, and both directions.

    Candidate and update gate of a unit, its state and its recurrent column
    belong together; both directions use the same weights. The initial state
    (zeros) and the pre-drawn dropout masks are built anew at the new size.
    """
    arriving = trace.arriving(signal, old.input_size, new.input_size)
    own = trace.widen(old.hidden_size, new.hidden_size)
    gates = concat(own, own, label=f"[candidate; update] x {own.label}")
    trace.tensor("w.weight", trace.out(gates), trace.into(arriving))
    trace.tensor("u.weight", trace.out(gates), trace.into(own))
    for name, norm in old.named_children():
        if name in ("norm", "layer_norm"):
            trace.child(name, norm, getattr(new, name), Signal(gates))
    trace.keep_fresh("h_init", "drop_masks", "drop_mask_te")
    if old.bidirectional:
        own = concat(own, own, label=f"[forward; backward] x {own.label}")
    return Signal(own)
