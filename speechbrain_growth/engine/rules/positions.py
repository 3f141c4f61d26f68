"""Growth rules for attention with relative positions.

Positions are sines and cosines of frequencies that depend on the width. A larger
model keeps the old frequencies, each in the place of the nearest of its own, and
has its own in the others. No weight reads those at first.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.nnet import attention
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import WidthMap, repeat_each
from speechbrain_growth.engine.rules.attention import keeps_heads
from speechbrain_growth.engine.rules.registry import rule


@rule.register(attention.RelPosEncXL)
def _positions(old, new, signal, trace):
    """A sine and a cosine of each frequency, side by side."""
    kept = _spread(len(old.inv_freq), len(new.inv_freq))
    trace.tensor("inv_freq", trace.out(kept))
    return Signal(repeat_each(kept, 2, "positions"), dims=3)


def _spread(old, new):
    """The map that spreads old units evenly, with fresh ones between them."""
    places = torch.arange(old) * new // old
    source, share = (
        torch.zeros(new, dtype=torch.long),
        torch.zeros(new).double(),
    )
    source[places], share[places] = torch.arange(old), 1.0
    origin = torch.where(share > 0, -1, torch.arange(new))
    sign = torch.zeros_like(share)
    return WidthMap(source, share, old, "frequencies", origin, sign)


@rule.register(attention.RelPosMHAXL)
def _relative(old, new, signal, trace):
    """Self-attention; heads are copied, with queries, keys and values in each.

    It divides its scores by the root of all its width. What it multiplies
    becomes larger to make up for that, and so do values, which the last layer
    undoes.
    """
    if not keeps_heads(old, new, trace):
        return signal
    arriving = trace.arriving(signal, old.embed_dim, new.embed_dim)
    beside = Signal(trace.positions)
    positions = trace.arriving(beside, old.embed_dim, new.embed_dim)
    heads = trace.widen(old.num_heads, new.num_heads, "heads")
    each = old.head_dim
    three = repeat_each(heads, 3 * each, f"{heads.label} x 3")
    rows = trace.out(repeat_each(heads, each, f"{heads.label} x {each}"))
    names = ["in_proj_weight", "linear_pos.weight", "pos_bias_u", "pos_bias_v"]
    trace.tensor(names[0], trace.out(three), trace.into(arriving))
    trace.tensor(names[1], rows, trace.into(positions))
    trace.tensor(names[2], rows)  # as flattened: heads, then what each has
    trace.tensor(names[3], rows)
    if old.vbias is not None:
        names.append("value_bias_weight")
        trace.tensor(names[-1], rows)
    inside = Signal(rows.width)
    leaves = trace.child("out_proj", old.out_proj, new.out_proj, inside)
    if old.scale != new.scale:
        factor = (old.scale / new.scale) ** 0.5
        for name in names:
            trace.scale(name, factor)
        trace.scale("out_proj.weight", 1 / factor)
        trace.made_up = ("scale",)
    return Signal(leaves.width, dims=3)
