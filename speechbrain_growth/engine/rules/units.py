"""Growth rules for layers of ``torch.nn``: units and containers.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.engine.births.matching import chain
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.unwrap import state_of

UNIT_BY_UNIT = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Softsign,
    nn.Tanhshrink,
    nn.Hardshrink,
    nn.Softshrink,
    nn.Threshold,
    nn.Hardtanh,
    nn.Hardswish,
    nn.Hardsigmoid,
)


def unit_by_unit(old, new, signal, trace):
    """Layers that treat every unit alone and own no tensor."""
    return signal


for _kind in UNIT_BY_UNIT:
    rule.register(_kind, unit_by_unit)


@rule.register(nn.Sequential)
@rule.register(nn.ModuleList)
@rule.register(nn.ModuleDict)
def sequence(old, new, signal, trace):
    """Children in the order of the signal."""
    return chain(_children(old), _children(new), signal, trace)


def _children(module):
    """Named children; a layer without tensors may stand at several places.

    A layer with tensors is listed once, so that its second name has no plan
    and is refused: the widths at its two places may differ.
    """
    once = dict(module.named_children())
    return {
        name: child
        for name, child in module._modules.items()
        if name in once or (child is not None and not state_of(child))
    }


@rule.register(nn.Linear)
def _linear(old, new, signal, trace):
    """Rows are copied, columns are shared; the bias follows the rows."""
    arriving = trace.arriving(signal, old.in_features, new.in_features)
    own = trace.widen(old.out_features, new.out_features)
    trace.tensor("weight", trace.out(own), trace.into(arriving))
    if old.bias is not None:
        trace.tensor("bias", trace.out(own))
    return Signal(own, dims=signal.dims)


@rule.register(nn.Embedding)
@rule.register(nn.EmbeddingBag)
def _embedding(old, new, signal, trace):
    """Columns are copied; the row of each token stays, that of the padding 0."""
    rows = None
    if old.num_embeddings != new.num_embeddings:
        rows = trace.append(old.num_embeddings, new.num_embeddings, "tokens")
        rows = trace.out(rows)
    own = trace.widen(old.embedding_dim, new.embedding_dim)
    if old.max_norm is not None and not own.is_identity:
        trace.problem(
            f"bounds the norm of {own}, which counts the copies; remove "
            "max_norm"
        )
    trace.tensor("weight", rows, trace.out(own))
    return Signal(own)


@rule.register(nn.PReLU)
def _prelu(old, new, signal, trace):
    """One slope for all units, or one for each."""
    if old.num_parameters == new.num_parameters == 1:
        trace.tensor("weight")
        return signal
    own = trace.arriving(signal, old.num_parameters, new.num_parameters)
    trace.tensor("weight", trace.out(own))
    return signal._replace(width=own)
