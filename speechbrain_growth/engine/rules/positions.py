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
from speechbrain_growth.engine.maps.widths import (
    WidthMap,
    concat,
    repeat_each,
    replicate,
)
from speechbrain_growth.engine.rules.attention import (
    has_wider_heads,
    inside_heads,
    keeps_heads,
)
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
    undoes. Inside heads that grow, keys and positions become larger alone.
    """
    wider = has_wider_heads(old, new)
    if not wider and not keeps_heads(old, new, trace):
        return signal
    arriving = trace.arriving(signal, old.embed_dim, new.embed_dim)
    beside = Signal(trace.positions)
    positions = trace.arriving(beside, old.embed_dim, new.embed_dim)
    inside = _wider if wider else _more
    three, queries, keys, values = inside(old, new, trace)
    names = ["in_proj_weight", "linear_pos.weight", "pos_bias_u", "pos_bias_v"]
    trace.tensor(names[0], trace.out(three), trace.into(arriving))
    trace.tensor(names[1], trace.out(keys), trace.into(positions))
    for name in names[2:]:  # as flattened: heads, then what each has
        trace.tensor(name, trace.out(queries))
    if old.vbias is not None:
        names.append("value_bias_weight")
        trace.tensor(names[-1], trace.out(values))
    leaves = trace.child("out_proj", old.out_proj, new.out_proj, Signal(values))
    if wider:
        trace.made_up = ("scale",)
    elif old.scale != new.scale:
        factor = (old.scale / new.scale) ** 0.5
        for name in names:
            trace.scale(name, factor)
        trace.scale("out_proj.weight", 1 / factor)
        trace.made_up = ("scale",)
    return Signal(leaves.width, dims=3)


def _more(old, new, trace):
    """Maps of all rows, of queries, keys and values; heads are copied."""
    heads, each = (
        trace.widen(old.num_heads, new.num_heads, "heads"),
        old.head_dim,
    )
    three = repeat_each(heads, 3 * each, f"{heads.label} x 3")
    return [three] + [repeat_each(heads, each, f"{heads.label} x {each}")] * 3


def _wider(old, new, trace):
    """The same maps; the units inside each head are copied."""
    parts = inside_heads(old, new, trace, old.scale / new.scale)
    label = f"[{'; '.join(part.label for part in parts)}]"
    three = concat(*parts, label=label)
    return [replicate(one, old.num_heads, one.label) for one in (three, *parts)]
