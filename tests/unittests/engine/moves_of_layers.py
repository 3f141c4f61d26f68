"""Steps of random forwards that sum over axes, or have parameters.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from moves import Own, P, axis, each, move, over, shape
from torch import nn
from torch.nn import functional as F

THREE = P(3, 3)


# Pools, and what works on the last axes


def _pool(name):
    def found(sizes, pick):
        kind, function = POOLS[name]
        if len(sizes) not in (kind + 1, kind + 2):
            return None
        return function, ()

    return found


POOLS = {
    "max_pool1d": (1, lambda x: F.max_pool1d(x, 2)),
    "avg_pool1d": (1, lambda x: F.avg_pool1d(x, 2, 1)),
    "adaptive_avg_pool1d": (1, lambda x: F.adaptive_avg_pool1d(x, 1)),
    "max_pool2d": (2, lambda x: F.max_pool2d(x, 2)),
    "adaptive_max_pool2d": (2, lambda x: F.adaptive_max_pool2d(x, 1)),
    "unfold": (2, lambda x: F.unfold(x, 2)),
}
each(" ".join(POOLS), _pool)


# Products of matrices


@move
def products(sizes, pick):
    if len(sizes) < 2:
        return None
    return pick(
        [
            (lambda x: x @ x.mT, ()),
            (lambda x: x.mT @ x, ()),
            (lambda x: torch.softmax(x @ x.mT, -1) @ x, ()),
            (lambda x: torch.einsum("...ij,...kj->...ik", x, x.tanh()), ()),
            (lambda x: torch.einsum("b...,b...->b...", x, x), ()),
            (lambda x: torch.einsum("bi,bj->bij", x, x), ()),
            (lambda x: torch.einsum("bti,bsi->bts", x, x), ()),
            (lambda x: torch.einsum("bti,bsi->ib", x, x), ()),
            (lambda x: torch.einsum("bti->bit", x), ()),
            (lambda x: torch.einsum("bti->bi", x), ()),
            (lambda x: torch.bmm(x, x.mT), ()),
            (lambda x: torch.baddbmm(x @ x.mT, x, x.mT), ()),
            (lambda x: torch.cdist(x, x.tanh()), ()),
            (lambda x: torch.tensordot(x, x, ([0], [0])), ()),
            (lambda x: torch.outer(x[0].flatten(), x[0].flatten()), ()),
            (lambda x: x.unsqueeze(-1) * x.unsqueeze(-2), ()),
        ]
    )


@move
def attention(sizes, pick):
    """Heads by a view, and SDPA or by hand"""
    if len(sizes) != 3:
        return None
    heads = pick([2, P(sizes[-1].old // 2, sizes[-1].new // 2), 1])

    def attend(x, heads):
        q = x.view(*x.shape[:2], heads, -1).transpose(1, 2)
        if by_hand:
            weights = torch.softmax(q @ q.transpose(-1, -2) * 0.5, -1)
            out = weights @ q
        else:
            out = F.scaled_dot_product_attention(q, q.tanh(), q, is_causal=c)
        return out.transpose(1, 2).reshape(x.shape)

    by_hand, c = pick([False, False, True]), pick([False, True])
    return attend, (heads,)


@move
def plain_attention(sizes, pick):
    return lambda x: F.scaled_dot_product_attention(x, x, x.tanh()), ()


# Norms


@move
def norm(sizes, pick):
    if len(sizes) < 2:
        return None
    count, channels = pick([1, 1, 2]), sizes[1]
    over_last = shape(sizes[-count:])
    groups = pick([1, 2, over(channels, 2)])
    return pick(
        [
            (lambda x, s: F.layer_norm(x, s), (over_last,)),
            (lambda x, s: F.rms_norm(x, s), (over_last,)),
            (lambda x: F.instance_norm(x), ()),
            (lambda x: F.batch_norm(x, None, None, training=True), ()),
            (lambda x, g: F.group_norm(x, g), (groups,)),
        ]
    )


@move
def norm_with_weight(sizes, pick):
    if len(sizes) < 2:
        return None
    last, channels = shape(sizes[-1:]), sizes[1]
    groups = pick([1, 2, over(channels, 2)])
    return pick(
        [
            (lambda x, w, s: F.layer_norm(x, s, w), (last,), Own(sizes[-1:])),
            (lambda x, w, s: F.rms_norm(x, s, w), (last,), Own(sizes[-1:])),
            (
                lambda x, w: F.batch_norm(x, None, None, w, w, training=True),
                (),
                Own(sizes[1:2]),
            ),
            (lambda x, w: F.instance_norm(x, weight=w), (), Own(sizes[1:2])),
            (lambda x, w, g: F.group_norm(x, g, w), (groups,), Own(sizes[1:2])),
        ]
    )


# Own parameters


@move
def own_point(sizes, pick):
    """Meets, number by number, on all axes or the last ones"""
    count = pick(range(len(sizes)))
    kept = [pick([s, s, P(1, 1)]) for s in sizes[count:]]
    after = pick(
        [
            lambda x, w: x + w,
            lambda x, w: x * w,
            lambda x, w: x * torch.exp(w),
            lambda x, w: x + w.detach().tanh(),
            lambda x, w: x - w.to(x.dtype).expand_as(x),
            lambda x, w: torch.cat([w.expand_as(x), x]),
            lambda x, w: torch.where(x > 0, x, w),
            lambda x, w: x * w.softmax(0),
        ]
    )
    return after, (), Own(tuple(kept))


@move
def own_product(sizes, pick):
    """A product with a matrix"""
    out = pick([THREE, P(2, 4), P(4, 6)])
    after = pick(
        [
            (lambda x, w: x @ w, 0),
            (lambda x, w: x @ w.tanh(), 0),
            (lambda x, w: x @ w.abs(), 0),
            (lambda x, w: x @ (w * 0.5), 0),
            (lambda x, w: x @ w.contiguous().double(), 0),
            (lambda x, w: torch.einsum("...i,ij->...j", x, w), 0),
            (lambda x, w: torch.einsum("bti,ij->btj", x, w), 0),
            (lambda x, w: F.linear(x, w), 1),
            (lambda x, w: F.linear(x, w - w.mean(1, keepdim=True)), 1),
            (lambda x, w: F.linear(x, F.normalize(w, dim=0)), 1),
            (lambda x, w: F.linear(x, w.view(w.shape)), 1),
            (lambda x, w: F.linear(x, w.clamp(-1, 1)), 1),
            (lambda x, w: torch.addmm(w[0], x, w), 0),
            (lambda x, w: torch.tensordot(x, w, 1), 0),
            (lambda x, w: torch.matmul(w, x.unsqueeze(-1)).squeeze(-1), 1),
            (lambda x, w: F.linear(x.softmax(-1), w), 1),
            (lambda x, w: x.argmax(-1).unsqueeze(-1) * w[0], 0),
        ]
    )
    own = (out, sizes[-1]) if after[1] else (sizes[-1], out)
    return after[0], (), Own(own)


@move
def own_convolution(sizes, pick):
    if len(sizes) != 3:
        return None
    out = pick([THREE, P(2, 4), sizes[1]])
    if pick([0, 0, 1]):
        own = Own((sizes[1], P(1, 1), P(2, 2)))
        return (
            lambda x, w, g: F.conv1d(x, w, groups=g),
            (sizes[1],),
            own,
        )
    how = pick(
        [
            lambda x, w: F.conv1d(x, w, padding=1),
            lambda x, w: F.conv1d(x, w.tanh(), stride=2),
            lambda x, w: F.conv_transpose1d(x, w.transpose(0, 1), stride=2),
        ]
    )
    return how, (), Own((out, sizes[1], P(2, 2)))


@move
def own_table(sizes, pick):
    """Rows of a table by positions that are whole numbers"""
    last = sizes[-1]
    how = pick(
        [
            lambda x, w: x + F.embedding((x[..., 0] > 0).long(), w),
            lambda x, w: x + w[(x[..., 0] > 0).long()],
            lambda x, w: x + w[:1],
            lambda x, w: x + w[1],
            lambda x, w: x + w.sum(0),
            lambda x, w: x * (x @ w[0]).unsqueeze(-1),
            lambda x, w: torch.cat([x, w[:1].expand(*x.shape[:-2], 1, -1)], -2),
        ]
    )
    return how, (), Own((P(2, 2), last))


@move
def own_constant(sizes, pick):
    """A constant of an axis that may grow"""
    dim = axis(sizes, pick) % len(sizes)
    still = sizes[dim]
    flat = [P(1, 1)] * (len(sizes) - dim - 1)
    return (
        lambda x, s, w: x * torch.linspace(0, 1, s).to(x).view(w),
        (still, shape([still, *flat])),
    )


# Layers


def _layer(name):
    def found(sizes, pick):
        last, channels = sizes[-1], sizes[min(1, len(sizes) - 1)]
        out = pick([THREE, P(4, 6), P(2, 4), last])
        build = LAYERS[name](last, channels, out, sizes)

        def make(side):
            return build(lambda pair: pair[side])

        return CALLS.get(name, _call), (), Own(build=make)

    return found


def _call(x, layer):
    """The first of what a layer returns"""
    left = layer(x)
    return left if torch.is_tensor(left) else left[0]


def _packed(x, layer):
    """Sequences of other lengths"""
    lengths = torch.arange(len(x), 0, -1).clamp(max=x.shape[1])
    given = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    left = nn.utils.rnn.pad_packed_sequence(layer(given)[0], batch_first=True)
    return left[0]


CALLS = {
    "gru_state": lambda x, layer: layer(x)[1][-1],
    "lstm_states": lambda x, layer: torch.cat(list(layer(x)[1][0]), -1),
    "packed": _packed,
    "multihead": lambda x, layer: layer(x, x, x)[0],
    "crossed": lambda x, layer: layer(x, x.tanh(), x.detach())[0],
}
LAYERS = {
    "gru_state": lambda a, c, o, s: lambda n: nn.GRU(n(a), n(o)),
    "lstm_states": lambda a, c, o, s: lambda n: nn.LSTM(
        n(a), n(o), bidirectional=True, batch_first=True
    ),
    "packed": lambda a, c, o, s: lambda n: nn.GRU(n(a), n(o), batch_first=True),
    "multihead": lambda a, c, o, s: lambda n: nn.MultiheadAttention(
        n(a), n(a) // 2, batch_first=True
    ),
    "crossed": lambda a, c, o, s: lambda n: nn.MultiheadAttention(
        n(a), n(a) // 2
    ),
    "linear": lambda a, c, o, s: lambda n: nn.Linear(n(a), n(o)),
    "layer_norm": lambda a, c, o, s: lambda n: nn.LayerNorm(n(a)),
    "layer_norm_two": lambda a, c, o, s: lambda n: nn.LayerNorm(
        [n(x) for x in s[-2:]], elementwise_affine=False
    ),
    "batch_norm1d": lambda a, c, o, s: lambda n: nn.BatchNorm1d(n(c)),
    "batch_norm2d": lambda a, c, o, s: lambda n: nn.BatchNorm2d(n(c)),
    "group_norm_layer": lambda a, c, o, s: lambda n: nn.GroupNorm(1, n(c)),
    "instance_norm1d": lambda a, c, o, s: lambda n: nn.InstanceNorm1d(n(c)),
    "conv1d": lambda a, c, o, s: lambda n: nn.Conv1d(n(c), n(o), 2),
    "conv2d": lambda a, c, o, s: lambda n: nn.Conv2d(n(c), n(o), 1),
    "grouped": lambda a, c, o, s: lambda n: nn.Conv1d(
        n(c), 2 * n(c), 1, groups=2
    ),
    "gru": lambda a, c, o, s: lambda n: nn.GRU(n(a), n(o), batch_first=True),
    "lstm": lambda a, c, o, s: lambda n: nn.LSTM(
        n(a), n(o), bidirectional=True
    ),
    "softmax_layer": lambda a, c, o, s: lambda n: nn.Softmax(1),
    "flatten_layer": lambda a, c, o, s: lambda n: nn.Flatten(),
    "glu_layer": lambda a, c, o, s: lambda n: nn.GLU(),
    "relu_layer": lambda a, c, o, s: lambda n: nn.ReLU(),
    "prelu_layer": lambda a, c, o, s: lambda n: nn.PReLU(n(c)),
    "max_pool_layer": lambda a, c, o, s: lambda n: nn.MaxPool1d(2),
    "shuffle_layer": lambda a, c, o, s: lambda n: nn.PixelShuffle(2),
    "upsample_layer": lambda a, c, o, s: lambda n: nn.Upsample(scale_factor=2),
    "sequential": lambda a, c, o, s: lambda n: nn.Sequential(
        nn.Linear(n(a), n(o)), nn.ReLU(), nn.Linear(n(o), n(a))
    ),
    "dropout_layer": lambda a, c, o, s: lambda n: nn.Dropout(0.0),
}
each(" ".join(LAYERS), _layer)
