"""Tests of every layer's growth rule, and of the tables in docs/layers.md

To write the tables again: ``python tests/unittests/engine/test_layers.py``

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import itertools
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from speechbrain.lobes.models import ECAPA_TDNN
from speechbrain.nnet import (
    CNN,
    RNN,
    activations,
    attention,
    containers,
    dropout,
    embedding,
    linear,
    normalization,
    pooling,
)
from speechbrain.utils.importutils import LazyModule
from speechbrain_growth import GrowthError, carry, rule
from speechbrain_growth.engine.rules.units import sequence
from speechbrain_growth.engine.transfer import remap
from speechbrain_growth.nnet import channels_last, ligru

torch.set_num_threads(1)
# hypothesis asks every module for its file; a lazy one would be imported
LazyModule.__file__ = None
DOCS = Path(__file__).resolve().parents[3] / "docs" / "layers.md"
VECTOR, SOUND, SIGNAL, IMAGE = (9, 3), (4, 6, 3), (4, 2, 6), (4, 2, 4, 4)
TOKENS, VOLUME = "tokens", (3, 2, 4, 4, 4)
MULTIPLE = "whole multiples"


class Residual(nn.Sequential):
    """Its input, and what its layers make of it, added"""

    def forward(self, x):
        y = x
        for layer in self:
            y = layer(y)
            y = y[0] if isinstance(y, tuple) else y
        return x + y


@rule.register(Residual)
def _residual(old, new, signal, trace):
    return trace.tie(signal, sequence(old, new, signal, trace))


# Nets around one layer; ``layer`` takes the number of units


def chain(*layers):
    """Layers in a row; of a tuple the first element is handed on"""
    return containers.Sequential(*layers)


def vector(layer, n, units=None):
    """Between two linear layers, on (batch, units)"""
    return chain(nn.Linear(3, n), layer(n), nn.Linear(units or n, 2))


def sound(layer, n, units=None, inputs=3):
    """As ``vector``, on SpeechBrain's (batch, time, units)"""
    first = linear.Linear(n, input_size=inputs)
    return chain(first, layer(n), linear.Linear(2, input_size=units or n))


def image(layer, n, dims=2, flat=None):
    """Between a convolution and a linear layer, on torch's images"""
    kind = getattr(nn, f"Conv{dims}d")
    head = chain(kind(2, n, 3, padding=1), layer(n), nn.Flatten())
    size = head(torch.zeros(2, 2, *[6 if dims == 1 else 4] * dims)).shape[-1]
    return chain(*head.values(), nn.Linear(size, 2))


def speech_image(layer, n):
    """On SpeechBrain's (batch, time, frequency, channel)"""
    head = chain(CNN.Conv2d(n, (3, 3), input_shape=(1, 6, 3)), layer(n))
    size = head(torch.zeros(2, 6, 3)).shape[2:].numel()
    shape = (1, 6, size // n, n)
    last = linear.Linear(2, input_shape=shape, combine_dims=True)
    return chain(*head.values(), last)


def words(layer, n):
    """Embedded tokens"""
    return chain(layer(n), nn.Linear(n, 2))


def first(layer, n, shape):
    """The layer stands first; it reads what does not grow"""
    body = layer(n)
    with torch.no_grad():
        out = body(torch.randn(shape))
    size = (out[0] if isinstance(out, tuple) else out).shape[-1]
    return chain(body, linear.Linear(2, input_size=size))


def torch_rnn(kind, **options):
    """A recurrent layer of torch that reads units that grow"""
    ways = 2 if options.get("bidirectional") else 1
    layer = lambda n: kind(n, n, batch_first=True, **options)  # noqa: E731
    return lambda n: sound(layer, n, ways * n)


def sb_rnn(kind, **options):
    """A recurrent layer of SpeechBrain, the same way"""
    ways = 2 if options.get("bidirectional") else 1
    layer = lambda n: kind(n, input_shape=(1, 6, n), **options)  # noqa: E731
    return lambda n: sound(layer, n, ways * n)


def quiet(**options):
    """Statistics pooling without SpeechBrain's noise of 1e-5"""
    pool = pooling.StatisticsPooling(**options)
    pool.eps = 0.0
    return pool


def heads(layer, units_of_a_head=2):
    """Self-attention in a residual sum; n units"""
    return lambda n: sound(lambda n: layer(n, n // units_of_a_head), n)


class SelfAttention(nn.Module):
    """torch's attention of a signal to itself"""

    def __init__(self, units, number, **options):
        super().__init__()
        self.attention = nn.MultiheadAttention(
            units, number, batch_first=True, **options
        )

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class SpeechAttention(nn.Module):
    """SpeechBrain's attention of a signal to itself"""

    def __init__(self, units, number):
        super().__init__()
        self.attention = attention.MultiheadAttention(number, units)

    def forward(self, x):
        return self.attention(x, x, x)[0]


for _kind in (SelfAttention, SpeechAttention):
    rule.register(_kind, sequence)


def grouped(kind, groups, **options):
    """A grouped convolution between two others"""
    return lambda n: image(
        lambda n: kind(n, 2 * n, 3, padding=1, groups=groups(n), **options),
        n,
        1,
    )


def connected(kind, projection):
    """SpeechBrain's blocks with shortcuts"""

    def build(n):
        body = containers.ConnectBlocks((1, 6, n), kind, projection)
        for _ in range(2):
            body.append(linear.Linear, n_neurons=n)
            body.append(nn.Tanh())
            body.append(linear.Linear, n_neurons=n, end_of_block=True)
        return body

    return lambda n: sound(build, n)


def _layer_rows():
    """name: builder, sizes before and after by kind, shape of the input"""
    rows = {}

    def row(name, build, shape, small=4, **sizes):
        sizes = {k.replace("_", " "): v for k, v in sizes.items()}
        rows[name] = build, small, sizes or {"any": 7, MULTIPLE: 8}, shape

    def plain(kind, build, shape, *args, **options):
        place = "sb " if "speechbrain" in kind.__module__ else ""
        build = functools.partial(build, lambda n: kind(*args, **options))
        row(f"{place}{kind.__name__}", build, shape)

    def sized(name, layer, build, shape, **sizes):
        row(name, functools.partial(build, layer), shape, **sizes)

    row("Linear", lambda n: vector(lambda n: nn.Linear(n, n), n), VECTOR)
    row("sb Linear", lambda n: sound(lambda n: nn.Tanh(), n), SOUND)
    for kind in (
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
        nn.Hardtanh,
        nn.Hardswish,
        nn.Hardsigmoid,
        nn.Identity,
    ):
        plain(kind, vector, VECTOR)
    plain(nn.Threshold, vector, VECTOR, 0.1, 0.0)
    plain(activations.Swish, sound, SOUND)
    for name in ("Dropout", "AlphaDropout", "FeatureAlphaDropout"):
        plain(getattr(nn, name), vector, VECTOR, 0.0)
    sized("PReLU, one slope", lambda n: nn.PReLU(), vector, VECTOR)
    sized("PReLU, a slope for each unit", nn.PReLU, image, IMAGE)
    sized(
        "GLU",
        lambda n: nn.GLU(),
        lambda f, n: vector(f, n, n // 2),
        VECTOR,
        even=10,
    )

    # Convolutions
    for dims, shape in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        build = functools.partial(image, dims=dims)
        for kind in ("Conv", "ConvTranspose"):
            layer = getattr(nn, f"{kind}{dims}d")
            sized(layer.__name__, lambda n, k=layer: k(n, n, 3), build, shape)
        plain(getattr(nn, f"Dropout{dims}d"), build, shape, 0.0)
        for name in ("MaxPool", "AvgPool"):
            plain(getattr(nn, f"{name}{dims}d"), build, shape, 2)
        for name in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
            plain(getattr(nn, f"{name}{dims}d"), build, shape, 2)
        for name in (
            "ZeroPad",
            "ReflectionPad",
            "ReplicationPad",
            "CircularPad",
        ):
            plain(getattr(nn, f"{name}{dims}d"), build, shape, 1)
        plain(getattr(nn, f"ConstantPad{dims}d"), build, shape, 1, 0.5)
        norm = getattr(nn, f"BatchNorm{dims}d")
        sized(norm.__name__, norm, build, shape)
        norm = getattr(nn, f"InstanceNorm{dims}d")
        options = {"affine": True, "track_running_stats": True}
        sized(norm.__name__, functools.partial(norm, **options), build, shape)
    for dims, shape in ((1, SIGNAL), (2, IMAGE)):
        build = functools.partial(image, dims=dims)
        plain(getattr(nn, f"LPPool{dims}d"), build, shape, 2, 2)
    plain(nn.Upsample, image, IMAGE, scale_factor=2)
    plain(nn.UpsamplingNearest2d, image, IMAGE, scale_factor=2)
    plain(nn.UpsamplingBilinear2d, image, IMAGE, scale_factor=2)
    for kind in (nn.Conv1d, nn.ConvTranspose1d):
        name = kind.__name__
        row(f"{name}, 2 groups", grouped(kind, lambda n: 2), SIGNAL, even=6)
        row(
            f"{name}, groups of 2",
            grouped(kind, lambda n: n // 2),
            SIGNAL,
            whole_groups=6,
        )
        row(f"{name}, depthwise", grouped(kind, lambda n: n), SIGNAL)
    sized("sb Conv1d", lambda n: CNN.Conv1d(n, 3, in_channels=n), sound, SOUND)
    sized(
        "sb Conv1d, channels first",
        lambda n: CNN.Conv1d(n, 3, in_channels=n, skip_transpose=True),
        functools.partial(image, dims=1),
        SIGNAL,
    )
    sized(
        "sb Conv2d",
        lambda n: CNN.Conv2d(n, (3, 3), in_channels=n),
        speech_image,
        SOUND,
    )
    sized(
        "our Conv2d",
        lambda n: channels_last.Conv2d(n, (3, 3), in_channels=n),
        speech_image,
        SOUND,
    )
    sized(
        "sb ConvTranspose1d",
        lambda n: CNN.ConvTranspose1d(n, 3, in_channels=n),
        sound,
        SOUND,
    )
    sized(
        "sb DepthwiseSeparableConv1d",
        lambda n: CNN.DepthwiseSeparableConv1d(n, 3, (1, 6, n)),
        sound,
        SOUND,
    )
    sized(
        "sb DepthwiseSeparableConv2d",
        lambda n: CNN.DepthwiseSeparableConv2d(n, 3, (1, 6, 3, n)),
        speech_image,
        SOUND,
    )

    # Norms
    sized("SyncBatchNorm", nn.SyncBatchNorm, vector, VECTOR)
    sized("LayerNorm", nn.LayerNorm, vector, VECTOR)
    sized(
        "LayerNorm, (channels, positions)",
        lambda n: nn.LayerNorm((n, 4, 4)),
        image,
        IMAGE,
    )
    sized("LayerNorm, positions", lambda n: nn.LayerNorm((4, 4)), image, IMAGE)
    sized(
        "GroupNorm, 2 groups",
        lambda n: nn.GroupNorm(2, n),
        image,
        IMAGE,
        even=6,
        **{MULTIPLE: 8},
    )
    sized(
        "GroupNorm, groups of 2",
        lambda n: nn.GroupNorm(n // 2, n),
        image,
        IMAGE,
        whole_groups=6,
    )
    sized(
        "sb BatchNorm1d",
        lambda n: normalization.BatchNorm1d(input_size=n),
        sound,
        SOUND,
    )
    sized(
        "sb BatchNorm1d, batch and time in one",
        lambda n: normalization.BatchNorm1d(
            input_size=n, combine_batch_time=True
        ),
        sound,
        SOUND,
    )
    sized(
        "sb BatchNorm2d",
        lambda n: normalization.BatchNorm2d(input_size=n),
        speech_image,
        SOUND,
    )
    sized(
        "sb LayerNorm",
        lambda n: normalization.LayerNorm(input_size=n),
        sound,
        SOUND,
    )
    sized(
        "sb InstanceNorm1d",
        lambda n: normalization.InstanceNorm1d(input_size=n, affine=True),
        sound,
        SOUND,
    )
    sized(
        "sb InstanceNorm2d",
        lambda n: normalization.InstanceNorm2d(input_size=n),
        speech_image,
        SOUND,
    )
    sized(
        "sb GroupNorm",
        lambda n: normalization.GroupNorm(input_size=n, num_groups=2),
        sound,
        SOUND,
        even=6,
        **{MULTIPLE: 8},
    )

    # Pooling and shapes
    plain(pooling.Pooling1d, sound, SOUND, "max", 2)
    sized(
        "our Pooling1d",
        lambda n: channels_last.Pooling1d("max", 1, input_dims=4, pool_axis=2),
        speech_image,
        SOUND,
    )
    plain(pooling.Pooling2d, speech_image, SOUND, "avg", (2, 2))
    plain(pooling.AdaptivePool, sound, SOUND, 2)
    plain(dropout.Dropout2d, speech_image, SOUND, 0.0)
    row(
        "sb StatisticsPooling",
        lambda n: sound(lambda n: quiet(), n, 2 * n),
        SOUND,
    )
    row(
        "sb StatisticsPooling, mean alone",
        lambda n: sound(lambda n: quiet(return_std=False), n),
        SOUND,
    )
    sized("Flatten", lambda n: nn.Flatten(2), image, IMAGE)
    row(
        "Flatten, channels last",
        lambda n: vector(lambda n: nn.Flatten(), n, 6 * n),
        SOUND,
    )
    row(
        "Unflatten",
        lambda n: chain(
            nn.Linear(3, n),
            nn.Unflatten(1, (n // 2, 2)),
            nn.Conv1d(n // 2, 2, 1),
        ),
        VECTOR,
        whole_groups=6,
    )
    row(
        "Unflatten, channels last",
        lambda n: chain(
            nn.Linear(3, n),
            nn.Unflatten(1, (2, n // 2)),
            nn.Linear(n // 2, 2),
        ),
        VECTOR,
        even=6,
    )
    row(
        "Flatten, channels and one axis",
        lambda n: chain(
            nn.Conv2d(2, n, 1),
            nn.Flatten(1, 2),
            nn.Conv1d(4 * n, 3, 1),
            nn.MaxPool1d(2),
        ),
        IMAGE,
    )
    shared = nn.GLU()
    row(
        "GLU, one for two places",
        lambda n: chain(
            nn.Linear(3, n),
            shared,
            nn.Linear(n // 2, n),
            shared,
            nn.Linear(n // 2, 2),
        ),
        VECTOR,
        even=6,
    )
    row(
        "sb StatisticsPooling, deviation alone",
        lambda n: sound(lambda n: quiet(return_mean=False), n),
        SOUND,
    )
    row(
        "residual sum around two directions",
        lambda n: sound(
            lambda n: Residual(
                nn.GRU(n, n // 2, bidirectional=True, batch_first=True)
            ),
            n,
        ),
        SOUND,
        even=6,
    )
    row(
        "residual sum of two directions and two others",
        lambda n: chain(
            nn.GRU(3, n, bidirectional=True, batch_first=True),
            Residual(
                nn.LSTM(2 * n, n, bidirectional=True, batch_first=True),
            ),
            nn.Linear(2 * n, 2),
        ),
        SOUND,
    )
    row(
        "residual sum after two directions",
        lambda n: chain(
            nn.GRU(3, n, bidirectional=True, batch_first=True),
            Residual(nn.Linear(2 * n, 2 * n)),
            nn.Linear(2 * n, 2),
        ),
        SOUND,
    )
    sized("Softmax, along positions", lambda n: nn.Softmax(-1), image, IMAGE)

    # Embeddings
    for padding in (None, 1):
        name = "Embedding" if padding is None else "Embedding, padding_idx"
        sized(name, lambda n, p=padding: nn.Embedding(5, n, p), words, TOKENS)
    sized("EmbeddingBag", lambda n: nn.EmbeddingBag(5, n), words, TOKENS)
    sized("sb Embedding", lambda n: embedding.Embedding(5, n), words, TOKENS)

    # Recurrent layers
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        name = kind.__name__
        row(name, torch_rnn(kind), SOUND)
        options = {"num_layers": 2, "bidirectional": True}
        row(f"{name}, 2 layers, both ways", torch_rnn(kind, **options), SOUND)
        row(f"{name}, no bias", torch_rnn(kind, bias=False), SOUND)
    for name in ("RNNCell", "LSTMCell", "GRUCell"):
        kind = getattr(nn, name)
        row(name, lambda n, k=kind: first(lambda n: k(3, n), n, VECTOR), VECTOR)
        kind = getattr(RNN, name)
        row(
            f"sb {name}",
            lambda n, k=kind: first(
                lambda n: k(n, input_size=3, num_layers=2), n, VECTOR
            ),
            VECTOR,
        )
    ours = (ligru.LiGRU, ligru.SLiGRU)
    stock = (RNN.RNN, RNN.LSTM, RNN.GRU, RNN.LiGRU, RNN.SLiGRU)
    for kind in (*stock, *ours):
        place = "our" if kind in ours else "sb"
        options = {"num_layers": 2, "bidirectional": True}
        row(f"{place} {kind.__name__}", sb_rnn(kind), SOUND)
        row(
            f"{place} {kind.__name__}, 2 layers, both ways",
            sb_rnn(kind, **options),
            SOUND,
        )
    row(
        "sb LiGRU, layernorm",
        sb_rnn(RNN.LiGRU, normalization="layernorm"),
        SOUND,
    )
    row(
        "sb QuasiRNN",
        lambda n: sound(
            lambda n: RNN.QuasiRNN(
                n, input_size=n, num_layers=2, bidirectional=True
            ),
            n,
            2 * n,
        ),
        SOUND,
    )

    # Attention, feed-forward blocks, sums
    row(
        "MultiheadAttention, heads of 2",
        heads(SelfAttention),
        SOUND,
        whole_heads=6,
    )
    row(
        "MultiheadAttention, bias_kv, no bias",
        heads(functools.partial(SelfAttention, bias=False, add_bias_kv=True)),
        SOUND,
        whole_heads=6,
    )
    row(
        "sb MultiheadAttention, heads of 2",
        heads(SpeechAttention),
        SOUND,
        whole_heads=6,
    )
    row(
        "MultiheadAttention, 2 heads",
        lambda n: sound(lambda n: SelfAttention(n, 2), n),
        SOUND,
        wider_heads=6,
    )
    row(
        "MultiheadAttention, 2 heads, bias_kv, no bias",
        lambda n: sound(
            lambda n: SelfAttention(n, 2, bias=False, add_bias_kv=True), n
        ),
        SOUND,
        wider_heads=6,
    )
    row(
        "sb MultiheadAttention, 2 heads",
        lambda n: sound(lambda n: SpeechAttention(n, 2), n),
        SOUND,
        wider_heads=6,
    )
    row(
        "sb PositionalwiseFeedForward, d_ffn",
        lambda n: sound(
            lambda _: attention.PositionalwiseFeedForward(n, input_size=4), 4
        ),
        SOUND,
    )
    row(
        "sb PositionalwiseFeedForward, input_size",
        lambda n: sound(
            lambda n: attention.PositionalwiseFeedForward(5, input_size=n), n
        ),
        SOUND,
    )
    row(
        "residual sum",
        lambda n: vector(lambda n: Residual(nn.Tanh(), nn.Linear(n, n)), n),
        VECTOR,
    )
    row("sb ConnectBlocks, residual", connected("residual", False), SOUND)
    row("sb ConnectBlocks, dense", connected("dense", False), SOUND)
    row("sb ConnectBlocks, skip", connected("skip", False), SOUND)
    row("sb ConnectBlocks, projections", connected("residual", True), SOUND)
    row(
        "sb ModuleList",
        lambda n: sound(lambda n: containers.ModuleList(nn.Tanh()), n),
        SOUND,
    )
    return rows


ROWS = _layer_rows()
every_layer = pytest.mark.parametrize("name", ROWS)


def randomise(model, seed=0):
    """Random weights and statistics in float64, as if it had been trained"""
    generator = torch.Generator().manual_seed(seed)
    model.double()
    for name, tensor in model.state_dict().items():
        if name.endswith(("h_init", "drop_masks", "drop_mask_te", "tracked")):
            continue
        noise = torch.randn(
            tensor.shape, generator=generator, dtype=torch.float64
        )
        if name.endswith("running_var"):
            noise = noise.abs() + 0.5
        elif tensor.ndim > 1 and "norm" not in name:
            noise = noise / tensor[0].numel() ** 0.5
        else:
            noise = 0.5 + 0.5 * noise
        tensor.copy_(noise)
    return model


def inputs_of(shape):
    """A random input"""
    generator = torch.Generator().manual_seed(7)
    if shape == TOKENS:
        return torch.randint(5, (4, 3), generator=generator)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def far(one, other):
    """Largest difference, relative to the largest value"""
    return float((one - other).abs().max() / one.abs().max())


def run(model, inputs):
    """Output of a module, or of modules in signal order"""
    layers = model.values() if isinstance(model, nn.ModuleDict) else [model]
    for layer in layers:
        inputs = layer(inputs)
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
    return inputs


def drift(old, new, inputs, training):
    """How far a grown model's output is from the old one's"""
    with torch.no_grad():
        before = run(old.train(training), inputs)
        after = run(new.train(training), inputs)
    assert before.dtype is torch.float64 and before.abs().max() > 1e-3
    return far(before, after)


def grown(build, small, large, fold=None):
    """Old and new model, random, and the plan"""
    old, new = randomise(build(small), 0), randomise(build(large), 1)
    return old, new, carry(old, new, seed=3, fold=fold)


@functools.lru_cache(maxsize=None)
def cells(name):
    """What the table says of a layer: sizes, exact in eval, in train"""
    build, small, sizes, shape = ROWS[name]
    for (word, large), fold in itertools.product(sizes.items(), (None, 9)):
        try:
            old, new, plan = grown(build, small, large, fold)
        except GrowthError:
            continue
        word += ", folded" if plan.weights else ""
        assert plan.changes and set(plan.tensors) <= set(new.state_dict())
        drifts = [drift(old, new, inputs_of(shape), m) for m in (False, True)]
        drifts.append(gap(old, new, plan, inputs_of(shape)))
        return (word, *("yes" if d < 1e-12 else "no" for d in drifts))
    return "none", "no", "no", "no"


@every_layer
def test_a_layer_keeps_its_function(name):
    assert cells(name)[0].split(",")[0] in ROWS[name][2]
    assert cells(name)[1:3] == ("yes", "yes")


# What averages over units gives each copy the same part of its gradient, and
# not its share
AVERAGES = ("GroupNorm, 2", "sb GroupNorm")


@every_layer
def test_gradients_are_those_of_the_old_model(name):
    build, small, sizes, shape = ROWS[name]
    old, new = randomise(build(small), 0), randomise(build(larger(name)), 1)
    equal = any(word in name for word in AVERAGES)
    way = "equal" if equal else "shares"
    plan = carry(old, new, symmetry=way, seed=3, fold=9)
    assert gap(old, new, plan, inputs_of(shape)) < 1e-12


def larger(name):
    """The size that a layer can grow to"""
    return ROWS[name][2][cells(name)[0].split(",")[0]]


def gap(old, new, plan, inputs):
    """How far gradients are from the law: a copy has its share of them"""
    weight = None
    for model in (old.train(), new.train()):
        output = run(model, inputs)
        if weight is None:
            weight = torch.rand_like(output)
        model.zero_grad()
        (output * weight).sum().backward()
    before = {n: p.grad for n, p in old.named_parameters() if p.requires_grad}
    largest = max(float(gradient.abs().max()) for gradient in before.values())
    gaps = [
        float((p.grad - remap(before[n], plan.tensors[n], (1, 0))).abs().max())
        for n, p in new.named_parameters()
        if p.requires_grad
    ]
    return max(gaps) / largest


def test_the_row_of_the_padding_stays_zero():
    old, new = (nn.Embedding(5, n, padding_idx=1) for n in (4, 7))
    carry(old, new)
    assert (new.weight[1] == 0).all() and (new.weight[0] != 0).all()


# Refusals: what, old, new


def both(build, old, new):
    """Two models"""
    return lambda: (build(old), build(new))


def blocks_in_a_row(number):
    """SpeechBrain's blocks with shortcuts"""
    body = containers.ConnectBlocks((1, 6, 4))
    for _ in range(number):
        body.append(linear.Linear, n_neurons=4, end_of_block=True)
    return body


def ecapa(blocks):
    """ECAPA-TDNN of so many blocks"""
    ones = [1] * blocks
    channels = [4] * blocks
    return ECAPA_TDNN.ECAPA_TDNN(
        3, "cpu", 4, nn.ReLU, channels, ones, ones, 3, 2, 3, True, ones
    )


REFUSED = {
    "Softmax over units": both(
        functools.partial(vector, lambda n: nn.Softmax(-1)), 4, 6
    ),
    "sb Softmax over units": both(
        functools.partial(sound, lambda n: activations.Softmax()), 4, 6
    ),
    "MaxPool1d over units": both(
        lambda n: chain(nn.Linear(3, n), nn.MaxPool1d(1), nn.Linear(n, 2)), 4, 6
    ),
    "MaxPool2d over channels": both(
        functools.partial(image, lambda n: nn.MaxPool2d(1), dims=1), 4, 6
    ),
    "Pooling1d over units": both(
        functools.partial(
            sound, lambda n: pooling.Pooling1d("max", 1, pool_axis=2)
        ),
        4,
        6,
    ),
    "InstanceNorm1d over units": both(
        functools.partial(vector, nn.InstanceNorm1d), 4, 6
    ),
    "LayerNorm, other than whole multiples": both(
        functools.partial(vector, nn.LayerNorm), 4, 6
    ),
    "LayerNorm, channels first": both(
        functools.partial(image, lambda n: nn.LayerNorm((n, 4, 4))), 4, 6
    ),
    "GroupNorm, other than whole multiples": both(
        functools.partial(image, lambda n: nn.GroupNorm(2, n)), 4, 6
    ),
    "GroupNorm, groups and their size": lambda: (
        image(lambda n: nn.GroupNorm(2, n), 4),
        image(lambda n: nn.GroupNorm(4, n), 12),
    ),
    "groups and their size": lambda: (
        image(lambda n: nn.Conv1d(n, n, 3, groups=2), 4, 1),
        image(lambda n: nn.Conv1d(n, n, 3, groups=3), 9, 1),
    ),
    "GLU over halves that differ": both(
        lambda n: chain(
            nn.Linear(3, n), nn.GroupNorm(1, n), nn.GLU(), nn.Linear(n // 2, 2)
        ),
        4,
        6,
    ),
    "max_norm": both(
        lambda n: chain(
            nn.Linear(3, n), linear.Linear(2, input_size=n, max_norm=1.0)
        ),
        4,
        6,
    ),
    "Embedding with max_norm": both(
        functools.partial(words, lambda n: nn.Embedding(5, n, max_norm=1.0)),
        4,
        6,
    ),
    "LSTM with proj_size": both(
        lambda n: first(
            lambda n: nn.LSTM(3, n, proj_size=2, batch_first=True), n, SOUND
        ),
        4,
        6,
    ),
    "smaller heads": lambda: (
        sound(lambda n: SelfAttention(n, 1), 4),
        sound(lambda n: SelfAttention(n, 3), 6),
    ),
    "more and wider heads": lambda: (
        sound(lambda n: SelfAttention(n, 1), 4),
        sound(lambda n: SelfAttention(n, 2), 12),
    ),
    "heads with rotated positions": both(
        functools.partial(sound, lambda n: attention.RoPEMHA(n, 2)), 4, 6
    ),
    "attention with relative positions": both(
        functools.partial(sound, lambda n: attention.RelPosMHAXL(n, 2)), 4, 6
    ),
    "a sum with inputs that do not grow": both(
        lambda n: chain(Residual(nn.Linear(4, n))), 4, 6
    ),
    "Softmax2d over channels": both(
        functools.partial(image, lambda n: nn.Softmax2d()), 4, 6
    ),
    "Softmax along an unknown axis": both(
        functools.partial(vector, lambda n: nn.Softmax(1)), 4, 6
    ),
    "sb Softmax, batch and time in one": both(
        lambda n: chain(
            CNN.Conv1d(n, 3, in_channels=3), activations.Softmax(dim=1)
        ),
        4,
        6,
    ),
    "Softmax over units, after combine_dims": both(
        lambda n: chain(
            CNN.Conv2d(2, (3, 3), input_shape=(1, 6, 3)),
            linear.Linear(n, input_size=6, combine_dims=True),
            nn.Softmax(2),
        ),
        4,
        6,
    ),
    "Softmax over channels, after Flatten": both(
        lambda n: chain(
            CNN.Conv2d(n, (3, 3), input_shape=(1, 6, 3)),
            nn.Flatten(1, 2),
            nn.Softmax(2),
        ),
        4,
        6,
    ),
    "Flatten that merges the batch": both(
        lambda n: chain(nn.Conv1d(2, n, 1), nn.Flatten(0, 1)), 4, 6
    ),
    "Pooling2d over channels": both(
        functools.partial(
            speech_image, lambda n: pooling.Pooling2d("max", (1, 1), (2, 3))
        ),
        4,
        6,
    ),
    "Pooling1d over channels": both(
        functools.partial(
            speech_image,
            lambda n: pooling.Pooling1d("max", 1, input_dims=4, pool_axis=3),
        ),
        4,
        6,
    ),
    "AdaptivePool, channels first": both(
        lambda n: chain(nn.Conv1d(2, n, 1), pooling.AdaptivePool(2)), 4, 6
    ),
    "StatisticsPooling, channels first": both(
        lambda n: chain(nn.Conv1d(2, n, 1), pooling.StatisticsPooling()), 4, 6
    ),
    "BatchNorm1d of four axes, batch and time in one": both(
        functools.partial(
            speech_image,
            lambda n: normalization.BatchNorm1d(
                input_size=n, combine_batch_time=True
            ),
        ),
        4,
        6,
    ),
    "sb Conv2d with max_norm": both(
        functools.partial(
            speech_image,
            lambda n: CNN.Conv2d(2, (1, 1), in_channels=n, max_norm=1.0),
        ),
        4,
        6,
    ),
    "a recurrent layer of another depth": lambda: [
        chain(nn.GRU(3, 4, depth)) for depth in (1, 2)
    ],
    "attention to other keys": both(
        lambda n: SelfAttention(4, 2, kdim=3, vdim=3), 4, 4
    ),
    "an activation that is a function of one's own": both(
        lambda n: nn.TransformerEncoderLayer(
            4, 2, n, activation=lambda x: x.softmax(-1)
        ),
        4,
        6,
    ),
    "shortcuts of another number": lambda: [
        blocks_in_a_row(number) for number in (1, 2)
    ],
    "Res2Net of another scale": lambda: [
        ECAPA_TDNN.Res2NetBlock(4, 4, scale) for scale in (2, 4)
    ],
    "ECAPA-TDNN of another depth": lambda: [ecapa(number) for number in (3, 4)],
    "attentive pooling that grows alone": lambda: [
        ECAPA_TDNN.AttentiveStatisticsPooling(n, 3) for n in (4, 6)
    ],
    "a shortcut with a layer in one model only": lambda: (
        ECAPA_TDNN.SERes2NetBlock(4, 4, 2, 3),
        ECAPA_TDNN.SERes2NetBlock(4, 6, 2, 3),
    ),
    "shortcuts of an unknown kind": lambda: [
        chain(containers.ConnectBlocks((1, 6, n), "skip", False, torch.fmod))
        for n in (4, 4)
    ],
}


# What cannot be read, even if nothing grows
NEVER = (
    "LSTM with proj_size",
    "attention to other keys",
    "an activation that is a function of one's own",
    "shortcuts of an unknown kind",
)


@functools.lru_cache(maxsize=None)
def message(name):
    """The message of a growth that is refused; nothing has changed"""
    old, new = REFUSED[name]()
    before = [v.clone() for m in (old, new) for v in m.state_dict().values()]
    with pytest.raises(GrowthError) as raised:
        carry(old, new)
    after = [v for m in (old, new) for v in m.state_dict().values()]
    assert all(map(torch.equal, before, after))
    return raised.value.problems[0]


IMPERATIVE = r"[;:,] (use|keep|give|add|remove|let|put|make) "


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_where_what_and_what_to_do(name):
    assert re.match(r"[\w.]+: ", message(name))
    assert re.search(IMPERATIVE, message(name))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_may_stand_unchanged(name):
    if name in NEVER:
        return
    old, new = (REFUSED[name]()[0] for _ in range(2))
    assert not carry(old, new).changes


class Centred(nn.Conv1d):
    """A convolution that changes what its base's forward runs"""

    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, weight - weight.mean(), bias)


def test_what_forward_runs_must_be_the_base_s_own():
    old, new = (image(lambda n: Centred(n, n, 3), n, 1) for n in (4, 6))
    with pytest.raises(
        GrowthError, match="^1: test_layers.py:.* mean averages"
    ):
        carry(old, new)


# The tables


def grouped_by(function, names):
    """Names by what a function makes of them, in order"""
    groups = {}
    for name in names:
        groups.setdefault(function(name), []).append(name)
    return groups.items()


PLACES = {
    "": "`torch.nn`",
    "sb": "`speechbrain.nnet`",
    "our": "`speechbrain_growth`",
}


def with_place(name):
    """What is measured of a layer, after the place that it is from"""
    place = name.split()[0]
    return (place if place in PLACES else "", *cells(name))


def short(name):
    """A message without a layer's name and sizes, so that many are equal"""
    text = message(name).split(": ", 1)[1]
    return re.sub(r"\b0[.\w]* (units|channels) 4 -> 6", r"N \1", text)


def table():
    """The two tables of docs/layers.md"""
    titles = ("layers", "sizes", "exact in eval", "in train", "gradients")
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---|---|"]
    for (place, *found), names in grouped_by(with_place, ROWS):
        names = "; ".join(name.removeprefix(f"{place} ") for name in names)
        lines.append(f"| {PLACES[place]}: {names} | {' | '.join(found)} |")
    lines += ["", "| refused | message, after the layer's name |", "|---|---|"]
    for text, names in grouped_by(short, REFUSED):
        lines.append(f"| {'; '.join(names)} | {text} |")
    return "\n".join(lines)


def with_table(text):
    """The page with its tables written again"""
    start, end = "<!-- tables -->\n", "\n<!-- end of tables -->"
    before, rest = text.split(start)
    return before + start + table() + end + rest.split(end)[1]


def test_the_table_of_the_docs_is_what_was_measured():
    text = DOCS.read_text(encoding="utf-8")
    assert text == with_table(text)


if __name__ == "__main__":
    DOCS.write_text(with_table(DOCS.read_text("utf-8")), encoding="utf-8")
