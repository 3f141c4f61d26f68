"""Small models of the kinds that public code has, for test_reading.py.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain.nnet.attention import RoPEMHA


def numbers(*shape):
    """A random input"""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


TOKENS = torch.tensor([[1, 2, 3, 4, 0], [4, 3, 3, 1, 2]])


class Front(nn.Module):
    """Convolutions over a spectrogram, channels and frequencies in one axis"""

    def __init__(self, width, gru):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.rnn = nn.GRU(4 * width, gru, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * gru, 2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x[:, None])))
        batch, channels, time, bins = x.shape
        x = x.transpose(1, 2).reshape(batch, time, channels * bins)
        out, state = self.rnn(x)
        return self.out(torch.cat([state[0], state[1]], -1) + out[:, -1])


class RMSNorm(nn.Module):
    """Root mean square, by hand"""

    def __init__(self, units):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(units))

    def forward(self, x):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * (x * scale)


class Attention(nn.Module):
    """Queries in one layer with fewer keys and values"""

    def __init__(self, width, heads, groups, each):
        super().__init__()
        self.sizes = [heads * each, groups * each, groups * each]
        self.heads, self.groups, self.each = heads, groups, each
        self.all = nn.Linear(width, sum(self.sizes))
        self.out = nn.Linear(heads * each, width)

    def forward(self, x):
        batch, time, _ = x.shape
        query, key, value = self.all(x).split(self.sizes, dim=-1)
        query = query.view(batch, time, self.heads, self.each).transpose(1, 2)
        key, value = (
            one.view(batch, time, self.groups, self.each)
            .transpose(1, 2)
            .repeat_interleave(self.heads // self.groups, dim=1)
            for one in (key, value)
        )
        scores = query @ key.transpose(-2, -1) / self.each**0.5
        x = torch.softmax(scores, -1) @ value
        return self.out(x.transpose(1, 2).reshape(batch, time, -1))


class Block(nn.Module):
    """Attention and a gated feed-forward layer, each in a residual sum"""

    def __init__(self, width, heads, groups, each, inner):
        super().__init__()
        self.one, self.two = RMSNorm(width), RMSNorm(width)
        self.attention = Attention(width, heads, groups, each)
        self.up, self.gate = nn.Linear(width, inner), nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)

    def forward(self, x):
        x = x + self.attention(self.one(x))
        y = self.two(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Language(nn.Module):
    """Tokens to tokens; the last layer has the weights of the first"""

    def __init__(
        self, width=4, heads=4, groups=2, each=2, inner=6, depth=2, tied=True
    ):
        super().__init__()
        self.words = nn.Embedding(5, width)
        self.places = nn.Parameter(torch.zeros(1, 8, width))
        sizes = width, heads, groups, each, inner
        self.blocks = nn.ModuleList(Block(*sizes) for _ in range(depth))
        self.norm = RMSNorm(width)
        self.out = nn.Linear(width, 5, bias=False)
        if tied:
            self.out.weight = self.words.weight

    def forward(self, tokens):
        x = self.words(tokens) + self.places[:, : tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x))


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of an image"""

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias)
        return x.permute(0, 3, 1, 2)


class Scaled(nn.Module):
    """A depthwise convolution, two linear layers, a scale for each channel"""

    def __init__(self, width, inner):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.1))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)
        return x + self.scale * y


class Images(nn.Module):
    """Patches, such blocks in a Sequential, a mean over positions"""

    def __init__(self, width=4, inner=6, depth=1):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, width, 2, 2), LayerNorm2d(width))
        self.body = nn.Sequential(*[Scaled(width, inner) for _ in range(depth)])
        self.out = nn.Linear(width, 3)

    def forward(self, x):
        return self.out(self.body(self.stem(x)).mean([-2, -1]))


class Residual(nn.Module):
    """Two convolutions with norms beside a shortcut, and a ReLU behind"""

    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.two = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.last = nn.BatchNorm2d(width)

    def forward(self, x):
        y = F.relu(self.norm(self.one(x)))
        return F.relu(self.last(self.two(y)) + x)


class Gated(nn.Module):
    """A squeeze-and-excitation gate in a residual branch"""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)
        self.squeeze, self.excite = nn.Linear(width, 2), nn.Linear(2, width)

    def forward(self, x):
        y = self.conv(x)
        gate = self.excite(F.relu(self.squeeze(y.mean((2, 3)))))
        return x + torch.sigmoid(gate)[:, :, None, None] * y


class Tower(nn.Module):
    """Residual blocks in a loop, two heads side by side"""

    def __init__(self, width=4, depth=1, block=Residual):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(block(width) for _ in range(depth))
        self.one, self.two = nn.Conv2d(width, 2, 1), nn.Conv2d(width, 1, 1)
        self.out = nn.Linear(3 * 16, 2)

    def forward(self, x):
        x = F.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.out(torch.cat([self.one(x), self.two(x)], 1).flatten(1))


class Patches(nn.Module):
    """A class token and positions of its own, torch's own attention"""

    def __init__(self, width=4, heads=2, inner=6):
        super().__init__()
        self.patch = nn.Conv2d(1, width, 2, 2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.1 * torch.randn(1, 5, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        x = self.patch(x).flatten(2).mT
        token = self.token.expand(x.shape[0], -1, -1)
        x = torch.cat([token, x], dim=1) + self.places
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.down(F.gelu(self.up(x)))
        return self.out(x[:, 0])


class Pyramid(nn.Module):
    """Pools of several sizes, flattened and joined"""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.out = nn.Linear(5 * width, 2)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        pools = [F.adaptive_avg_pool2d(x, size).flatten(1) for size in (1, 2)]
        return self.out(torch.cat(pools, 1))


class Own(nn.Module):
    """Nothing but parameters of its own"""

    def __init__(self, width):
        super().__init__()
        self.one = nn.Parameter(torch.randn(3, width))
        self.bias = nn.Parameter(torch.randn(width))
        self.two = nn.Parameter(torch.randn(2, width))
        self.gain = nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        x = torch.tanh(torch.addmm(self.bias, x, self.one))
        return torch.einsum("bh,oh->bo", x, self.two) * self.gain


class Gates(nn.Module):
    """Linear gates: a GLU, halves by chunk, and where"""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(3, 2 * width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        x = F.glu(self.a(x))
        one, other = self.b(x).chunk(2, dim=-1)
        return self.out(torch.where(one > 0, one, other).clamp(max=2.0))


class Cells(nn.Module):
    """A recurrent cell in a loop, whose state begins as zeros"""

    def __init__(self, width):
        super().__init__()
        self.into, self.back = nn.Linear(3, width), nn.Linear(width, width)
        self.out, self.width = nn.Linear(width, 2), width

    def forward(self, x):
        state = x.new_zeros(x.shape[0], self.width)
        for step in x.unbind(1):
            state = torch.tanh(self.into(step) + self.back(state))
        return self.out(state)


class Packed(nn.Module):
    """Sequences of several lengths, without their padding"""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(3, width), nn.LSTM(width, width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        lengths = torch.tensor([3, 2])
        packed = nn.utils.rnn.pack_padded_sequence(
            self.a(x), lengths, batch_first=True
        )
        out, (state, _) = self.b(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
        return self.out(state[-1] + padded.sum(1))


class Rooted(nn.Module):
    """Embeddings times, and a layer by, the root of the width"""

    def __init__(self, width):
        super().__init__()
        self.words, self.width = nn.Embedding(5, width), width
        self.one, self.out = nn.Linear(width, width), nn.Linear(width, 2)

    def forward(self, tokens):
        x = self.words(tokens) * self.width**0.5
        return self.out(torch.tanh(x + self.one(x) / self.width**0.5))


class Rotated(nn.Module):
    """Attention whose scores are divided by the root of all its width"""

    def __init__(self, width, heads):
        super().__init__()
        self.into, self.out = nn.Linear(3, width), nn.Linear(width, 2)
        self.attention = RoPEMHA(width, heads, vbias=True)

    def forward(self, x):
        x = self.into(x)
        return self.out(self.attention(x, x, x)[0])


class Padded(nn.Module):
    """Zeros of torch.Tensor, which no function returns, joined in time"""

    def __init__(self, width):
        super().__init__()
        self.into, self.out = nn.Linear(3, width), nn.Linear(2 * width, 2)

    def forward(self, x):
        x = self.into(x)
        pad = torch.Tensor(torch.zeros(x.shape[0], 1, x.shape[2])).to(x)
        x = torch.cat([pad, x, pad], 1)
        return self.out(torch.cat([x[:, 1:], x[:, :-1]], -1))


class Turned(nn.Module):
    """Tied weights behind a layer of their own"""

    def __init__(self, width):
        super().__init__()
        self.words, self.turn = nn.Embedding(5, width), nn.Linear(width, width)
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 5)
        self.out.weight = self.words.weight

    def forward(self, tokens):
        return self.out(self.norm(F.gelu(self.turn(self.words(tokens)))))


class Rolled(nn.Module):
    """A branch that is moved along time, and back"""

    def __init__(self, inner):
        super().__init__()
        self.up, self.down = nn.Linear(4, inner), nn.Linear(inner, 4)

    def forward(self, x):
        y = self.down(torch.tanh(self.up(torch.roll(x, 1, 1))))
        return x + torch.roll(y, -1, 1)


def rows(inner):
    """Such blocks in a row"""
    return nn.Sequential(*map(Rolled, inner))


def encoder(depth, first=True):
    """torch's own encoder"""
    layer = nn.TransformerEncoderLayer(
        4, 2, 6, dropout=0.0, batch_first=True, norm_first=first
    )
    return nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)


IMAGE = (numbers(3, 1, 4, 4),)
WORDS = (TOKENS,)


def grown(build, inputs, after, **before):
    """One row: what is built, its input, its sizes before and after"""
    return build, inputs, before, {**before, **after}


def _of(kind):
    """Builds a model by its one size"""
    return lambda width: kind(width)


MODELS = {
    "front end": grown(
        Front, (numbers(3, 6, 4),), {"width": 5, "gru": 4}, width=3, gru=3
    ),
    "feed-forward": grown(Language, WORDS, {"inner": 9}),
    "heads": grown(Language, WORDS, {"heads": 6, "groups": 3}),
    "heads alone": grown(Language, WORDS, {"heads": 3}, heads=2, groups=1),
    "width, tied": grown(Language, WORDS, {"width": 8}),
    "width, not tied": grown(Language, WORDS, {"width": 8}, tied=False),
    "one more Transformer block": grown(Language, WORDS, {"depth": 3}),
    "all of it": grown(
        Language, WORDS, {"width": 12, "heads": 8, "groups": 4, "depth": 4}
    ),
    "channels": grown(Images, (numbers(2, 2, 4, 4),), {"width": 8}),
    "inner channels": grown(Images, (numbers(2, 2, 4, 4),), {"inner": 7}),
    "one more scaled block": grown(
        Images, (numbers(2, 2, 4, 4),), {"depth": 2}
    ),
    "residual tower": grown(Tower, IMAGE, {"width": 6}),
    "one more residual block": grown(Tower, IMAGE, {"depth": 3}),
    "squeeze and excitation": grown(Tower, IMAGE, {"width": 7}, block=Gated),
    "one more gated block": grown(Tower, IMAGE, {"depth": 2}, block=Gated),
    "class token": grown(Patches, IMAGE, {"width": 8, "heads": 4}),
    "inner units": grown(Patches, IMAGE, {"inner": 8}),
    "pyramid": grown(_of(Pyramid), IMAGE, {"width": 5}, width=3),
    "own parameters": grown(_of(Own), (numbers(4, 3),), {"width": 6}, width=4),
    "gates": grown(_of(Gates), (numbers(9, 3),), {"width": 6}, width=4),
    "cell in a loop": grown(
        _of(Cells), (numbers(2, 3, 3),), {"width": 6}, width=4
    ),
    "root of the width": grown(_of(Rooted), WORDS, {"width": 6}, width=4),
    "root of the width in attention": grown(
        Rotated,
        (numbers(2, 3, 3),),
        {"width": 8, "heads": 4},
        width=4,
        heads=2,
    ),
    "zeros that nobody returns": grown(
        _of(Padded), (numbers(2, 3, 3),), {"width": 6}, width=4
    ),
    "tied behind a layer": grown(_of(Turned), WORDS, {"width": 8}, width=4),
    "one more rolled block, in between": grown(
        rows, (numbers(2, 3, 4),), {"inner": (5, 5, 7)}, inner=(5, 7)
    ),
    "one more layer of an encoder": grown(
        encoder, (numbers(2, 3, 4),), {"depth": 3}, depth=2
    ),
    "packed": grown(_of(Packed), (numbers(2, 3, 3),), {"width": 6}, width=4),
}


class PostNorm(nn.Module):
    """A norm behind the sum, so that zeros leave no identity"""

    def __init__(self, depth=1):
        super().__init__()
        self.a = nn.Linear(3, 4)
        self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(depth))
        self.norms = nn.ModuleList(nn.LayerNorm(4) for _ in range(depth))
        self.blocks = nn.ModuleList(
            Behind(*pair) for pair in zip(self.blocks, self.norms)
        )
        del self.norms

    def forward(self, x):
        x = self.a(x)
        for block in self.blocks:
            x = block(x)
        return x


class Behind(nn.Module):
    """One such block"""

    def __init__(self, linear, norm):
        super().__init__()
        self.linear, self.norm = linear, norm

    def forward(self, x):
        return self.norm(x + self.linear(x))


class Plain(nn.Module):
    """A block without a shortcut"""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        return torch.tanh(self.linear(x))


def _plain(depth):
    """Blocks that return no input of theirs"""
    blocks = [Plain() for _ in range(depth)]
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(*blocks))


BLOCKS = {
    "a norm behind": (
        PostNorm,
        numbers(2, 3),
        r"has a LayerNorm behind its sums \(own_models.py",
    ),
    "an encoder with norms behind": (
        lambda depth: nn.Sequential(encoder(depth, first=False)),
        numbers(2, 3, 4),
        "norm_first",
    ),
    "no shortcut": (_plain, numbers(2, 3), "does not return its input"),
}
