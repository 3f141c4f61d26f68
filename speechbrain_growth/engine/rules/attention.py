"""Growth rules for attention and for the encoder layers of Transformers.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain.lobes.models.transformer import Transformer
from speechbrain.nnet import attention
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import (
    concat,
    repeat_each,
    replicate,
    shared_by_keys,
)
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.rules.units import sequence

ACTIVATIONS = (F.relu, F.gelu, F.silu, F.elu, F.leaky_relu, F.mish)
ACTIVATIONS += (torch.relu, torch.tanh, torch.sigmoid)

for _kind in (
    attention.PositionalwiseFeedForward,
    nn.TransformerEncoder,
    Transformer.TransformerEncoder,
):
    rule.register(_kind, sequence)


@rule.register(nn.MultiheadAttention)
def _attention(old, new, signal, trace):
    """Self-attention; heads are copied, or the units inside each.

    A head divides its scores by the root of its width. Where that grows, keys
    become larger to make up for it.
    """
    wider = has_wider_heads(old, new)
    if not wider and not keeps_heads(old, new, trace):
        return signal
    if old.in_proj_weight is None:
        trace.problem("its keys differ from its queries; use self-attention")
        return signal
    arriving = trace.arriving(signal, old.embed_dim, new.embed_dim)
    if wider:
        gain = (new.head_dim / old.head_dim) ** 0.5
        parts = inside_heads(old, new, trace, gain)
        queries, keys, values = (
            replicate(one, old.num_heads, f"{old.num_heads} x {one.label}")
            for one in parts
        )
    else:
        heads = trace.widen(old.num_heads, new.num_heads, "heads")
        each = old.head_dim
        rows = repeat_each(heads, each, f"{heads.label} x {each}")
        queries = keys = values = rows
    three = concat(
        queries, keys, values, label=f"[query; key; value] x {values.label}"
    )
    trace.tensor("in_proj_weight", trace.out(three), trace.into(arriving))
    if old.in_proj_bias is not None:
        trace.tensor("in_proj_bias", trace.out(three))
    if old.bias_k is not None:
        trace.tensor("bias_k", None, None, trace.out(keys))
        trace.tensor("bias_v", None, None, trace.out(values))
    leaves = trace.child("out_proj", old.out_proj, new.out_proj, Signal(values))
    return Signal(leaves.width, dims=3)


def has_wider_heads(old, new):
    """Whether heads grow, and their number stays."""
    return old.num_heads == new.num_heads and old.head_dim < new.head_dim


def inside_heads(old, new, trace, gain):
    """Maps of the queries, keys and values of one head that grows."""
    sizes = old.head_dim, new.head_dim
    queries = trace.widen(*sizes, "queries of a head")
    values = trace.widen(*sizes, "values of a head")
    return queries, shared_by_keys(queries, gain), values


def keeps_heads(old, new, trace):
    """Whether the size of a head stays; else notes the problem."""
    each, number = old.head_dim, old.num_heads
    if each == new.head_dim:
        return True
    up = -(-new.embed_dim // each)
    why = "let their number grow, or their size, one after the other"
    if new.head_dim < each:
        why = "units cannot leave a head, so its size must stay"
    trace.problem(
        f"{number} heads of {each} would become {new.num_heads} of "
        f"{new.head_dim}; {why}; use {up} heads of {each} "
        f"(embed_dim={up * each})"
    )
    return False


@rule.register(attention.MultiheadAttention)
def _wrapped_attention(old, new, signal, trace):
    """SpeechBrain's wrapper."""
    return trace.child("att", old.att, new.att, signal)


@rule.register(attention.RoPEMHA)
def _rotated(old, new, signal, trace):
    """Self-attention; heads are copied, with queries, keys and values in each.

    It divides its scores by the root of all its width. Queries and keys become
    larger to make up for that, and so do values, which the last layer undoes.
    Positions turn pairs of units by angles that depend on the size of a head,
    so that size stays.
    """
    if has_wider_heads(old, new):
        trace.problem(
            "positions turn each pair of units of a head by an angle that "
            f"depends on its size, so it must stay {old.head_dim}, not become "
            f"{new.head_dim}; use more heads of {old.head_dim}"
        )
        return signal
    if not keeps_heads(old, new, trace):
        return signal
    arriving = trace.arriving(signal, old.embed_dim, new.embed_dim)
    heads = trace.widen(old.num_heads, new.num_heads, "heads")
    three = repeat_each(heads, 3 * old.head_dim, f"{heads.label} x 3")
    rows = repeat_each(heads, old.head_dim, f"{heads.label} x {old.head_dim}")
    trace.tensor("in_proj_weight", trace.out(three), trace.into(arriving))
    if old.vbias is not None:
        trace.tensor("value_bias_weight", trace.out(rows))
    leaves = trace.child("out_proj", old.out_proj, new.out_proj, Signal(rows))
    if old.scale != new.scale:
        factor = (old.scale / new.scale) ** 0.5
        trace.scale("in_proj_weight", factor)
        trace.scale("out_proj.weight", 1 / factor)
        if old.vbias is not None:
            trace.scale("value_bias_weight", factor)
        trace.made_up = ("scale",)
    return Signal(leaves.width, dims=3)


def _encoder_layer(old, new, signal, trace, blocks, first):
    """Attention and feed-forward block, each with a norm and a residual sum.

    Arguments
    ---------
    old : torch.nn.Module
        The layer before the growth.
    new : torch.nn.Module
        The larger layer.
    signal : Signal
        What arrives.
    trace : Trace
        Takes the axes of each tensor.
    blocks : tuple
        Names of the modules in a row of each of the two blocks.
    first : bool
        Whether a block's norm stands before it.

    Returns
    -------
    Signal
        What leaves.
    """

    def run(name, signal):
        """Plans a child by its name."""
        return trace.child(name, getattr(old, name), getattr(new, name), signal)

    for number, names in enumerate(blocks, start=1):
        branch = run(f"norm{number}", signal) if first else signal
        for name in names:
            branch = run(name, branch)
        signal = trace.tie(signal, branch)
        signal = signal if first else run(f"norm{number}", signal)
    return signal


@rule.register(nn.TransformerEncoderLayer)
def _torch_layer(old, new, signal, trace):
    """The activation is a function or a layer."""
    feed = ["linear1", "linear2"]
    if isinstance(old.activation, nn.Module):
        feed.insert(1, "activation")
    elif old.activation not in ACTIVATIONS:
        trace.problem(
            "its activation is an unknown function; use a layer of torch.nn"
        )
    blocks = (["self_attn"], feed)
    return _encoder_layer(old, new, signal, trace, blocks, old.norm_first)


@rule.register(Transformer.TransformerEncoderLayer)
def _speechbrain_layer(old, new, signal, trace):
    """As torch's, under other names."""
    blocks = (["self_att"], ["pos_ffn"])
    return _encoder_layer(old, new, signal, trace, blocks, old.normalize_before)
