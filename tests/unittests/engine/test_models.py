"""Tests that whole models, and random ones, keep their function

Authors
 * The speechbrain_growth authors 2026
"""

import functools

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from test_layers import (
    Residual,
    SelfAttention,
    chain,
    drift,
    gap,
    inputs_of,
    randomise,
)
from torch import nn

from speechbrain.lobes.models import ECAPA_TDNN, Xvector
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.lobes.models.transformer import Transformer
from speechbrain.lobes.models.VanillaNN import VanillaNN
from speechbrain.nnet import RNN, linear
from speechbrain_growth import GrowthError, carry
from speechbrain_growth.nnet import ligru

SOUND, IMAGE = (3, 8, 8), (4, 1, 8, 8)
RANDOM = functools.partial(settings, deadline=None, derandomize=True)
RNNS = (RNN.RNN, RNN.LSTM, RNN.GRU, RNN.LiGRU, RNN.SLiGRU)
RNNS += (ligru.LiGRU, ligru.SLiGRU)


def followed(body, size=None):
    """A model, and an output layer"""
    size = size or body(torch.randn(SOUND)).shape[-1]
    output = linear.Linear(5, input_size=size)
    return nn.ModuleDict({"model": body, "output": output})


def crdnn(sizes, **options):
    """SpeechBrain's CRDNN; channels by whole multiples, for its LayerNorm"""
    channels, rnn, dnn, *projection = sizes
    options = {"cnn_blocks": 2, "rnn_layers": 2, **options}
    body = CRDNN(
        input_shape=(1, 8, 8),
        dropout=0.0,
        cnn_channels=channels,
        rnn_neurons=rnn,
        dnn_neurons=dnn,
        projection_dim=projection[0] if projection else -1,
        **options,
    )
    return followed(body)


def vanilla(width):
    """SpeechBrain's multilayer perceptron"""
    return followed(VanillaNN((1, 8, 8), dnn_neurons=width))


def xvector(sizes):
    """SpeechBrain's x-vectors and their classifier"""
    channels, embedding, hidden = sizes
    body = Xvector.Xvector(
        tdnn_blocks=2,
        tdnn_channels=channels,
        tdnn_kernel_sizes=[3, 3],
        tdnn_dilations=[1, 2],
        lin_neurons=embedding,
        in_channels=8,
    )
    next(m for m in body.blocks if hasattr(m, "return_std")).eps = 0.0
    classify = Xvector.Classifier(
        (2, 2, embedding), lin_neurons=hidden, out_neurons=5
    )
    classify.softmax.dtype = torch.float64
    return nn.ModuleDict({"embed": body, "classify": classify})


def ecapa(sizes, scale=2, **options):
    """SpeechBrain's ECAPA-TDNN, in small"""
    channels, attention, squeezed, last = sizes
    body = ECAPA_TDNN.ECAPA_TDNN(
        8,
        channels=channels,
        kernel_sizes=[3, 3, 3, 1],
        dilations=[1, 2, 3, 1],
        groups=[1, 1, 1, 1],
        attention_channels=attention,
        se_channels=squeezed,
        res2net_scale=scale,
        lin_neurons=last,
        **options,
    )
    return followed(body, last)


def cnn(sizes):
    """A convolutional net as in any tutorial"""
    one, two, hidden = sizes
    return nn.Sequential(
        nn.Conv2d(1, one, 3, padding=1),
        nn.BatchNorm2d(one),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(one, two, 3, padding=1),
        nn.PReLU(two),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * two, hidden),
        nn.ReLU(),
        nn.Dropout(0.0),
        nn.Linear(hidden, 10),
    )


def resnet(sizes):
    """Two residual blocks, the second grouped, and channels that are gated"""
    one, two = sizes
    return nn.Sequential(
        nn.Conv2d(1, one, 3, padding=1),
        Residual(
            nn.Conv2d(one, two, 3, padding=1),
            nn.BatchNorm2d(two),
            nn.ReLU(),
            nn.Conv2d(two, one, 3, padding=1),
            nn.BatchNorm2d(one),
        ),
        Residual(
            nn.Conv2d(one, one, 3, padding=1, groups=one),
            nn.GELU(),
            nn.Conv2d(one, one, 1),
        ),
        Residual(nn.Conv2d(one, one, 3, padding=1, groups=2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(one, 10),
    )


def torch_transformer(sizes, norm=None, **options):
    """torch's encoder; heads of 2"""
    units, feed = sizes
    layer = nn.TransformerEncoderLayer(
        units, units // 2, feed, dropout=0.0, batch_first=True, **options
    )
    norm = nn.LayerNorm(units) if norm else None
    body = nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)
    return nn.Sequential(nn.Linear(8, units), body, nn.Linear(units, 3))


def speech_transformer(sizes, **options):
    """SpeechBrain's encoder; heads of 2"""
    units, feed = sizes
    body = Transformer.TransformerEncoder(
        num_layers=2, nhead=units // 2, d_ffn=feed, d_model=units, **options
    )
    first = linear.Linear(units, input_size=8)
    return chain(first, body, linear.Linear(3, input_size=units))


SIZES = ([2, 3], 4, 5), ([4, 9], 8, 7)
DEEP = ([4, 4, 4, 8], 3, 3, 4), ([6, 6, 6, 11], 5, 4, 7)
# name: builder, its options, sizes before and after, shape of the input
MODELS = {
    **{
        f"crdnn {kind.__module__[:11]} {kind.__name__} {way}": (
            crdnn,
            {"rnn_class": kind, "rnn_bidirectional": way == "both ways"},
            *SIZES,
            SOUND,
        )
        for kind in RNNS
        for way in ("one way", "both ways")
    },
    **{
        f"crdnn {kind.__name__} with rnnp": (
            crdnn,
            {"rnn_class": kind, "use_rnnp": True},
            *SIZES,
            SOUND,
        )
        for kind in RNNS[:5]
    },
    "crdnn projection": (
        crdnn,
        {"rnn_class": RNN.LSTM},
        ([2, 3], 4, 5, 3),
        ([2, 6], 6, 7, 9),
        SOUND,
    ),
    "crdnn 2-d pooling": (
        crdnn,
        {
            "using_2d_pooling": True,
            "rnn_class": RNN.GRU,
            "time_pooling": True,
            "cnn_blocks": 1,
        },
        *SIZES,
        SOUND,
    ),
    "crdnn without cnn": (
        crdnn,
        {"cnn_blocks": 0, "rnn_class": RNN.LSTM},
        ([], 4, 5),
        ([], 7, 6),
        SOUND,
    ),
    "vanilla": (vanilla, {}, 4, 7, SOUND),
    "x-vector": (xvector, {}, ([2, 3], 4, 5), ([3, 7], 5, 8), SOUND),
    "ecapa": (ecapa, {}, *DEEP, SOUND),
    "ecapa of many chunks": (
        ecapa,
        {"scale": 4},
        ([8, 8, 8, 5], 3, 3, 4),
        ([12, 12, 12, 9], 4, 3, 5),
        SOUND,
    ),
    "ecapa without context": (
        ecapa,
        {"global_context": False},
        *DEEP,
        SOUND,
    ),
    "ecapa with shortcuts": (
        ecapa,
        {},
        ([4, 8, 8, 5], 3, 3, 4),
        ([6, 10, 10, 8], 3, 4, 5),
        SOUND,
    ),
    "cnn": (cnn, {}, (2, 3, 4), (5, 4, 7), IMAGE),
    "resnet": (resnet, {}, (4, 3), (6, 8), IMAGE),
    "torch transformer, feed-forward": (
        torch_transformer,
        {},
        (4, 5),
        (4, 9),
        SOUND,
    ),
    "torch transformer": (torch_transformer, {}, (4, 5), (8, 9), SOUND),
    "torch transformer, norm first": (
        torch_transformer,
        {"norm_first": True, "norm": True, "activation": "gelu"},
        (4, 5),
        (12, 7),
        SOUND,
    ),
    "torch transformer, prelu, no bias": (
        torch_transformer,
        {"activation": nn.PReLU(), "bias": False},
        (4, 5),
        (8, 7),
        SOUND,
    ),
    "sb transformer, feed-forward": (
        speech_transformer,
        {},
        (4, 5),
        (4, 9),
        SOUND,
    ),
    "sb transformer": (speech_transformer, {}, (4, 5), (8, 9), SOUND),
    "sb transformer, norm first": (
        speech_transformer,
        {"normalize_before": True},
        (4, 5),
        (8, 7),
        SOUND,
    ),
    "sb transformer, convolutions": (
        speech_transformer,
        {"ffn_type": "1dcnn"},
        (4, 5),
        (8, 7),
        SOUND,
    ),
    "sb transformer, rotary": (
        speech_transformer,
        {"attention_type": "RoPEMHA"},
        (4, 5),
        (4, 7),
        SOUND,
    ),
}
every_model = pytest.mark.parametrize("name", MODELS)


def pair(name):
    """Old and new model of the table, random, and an input"""
    build, options, small, large, shape = MODELS[name]
    old, new = (build(sizes, **options) for sizes in (small, large))
    return randomise(old, 0), randomise(new, 1), inputs_of(shape)


@every_model
def test_a_model_keeps_its_function(name):
    old, new, inputs = pair(name)
    assert drift(old, new, inputs, False) > 0.01
    assert carry(old, new).changes
    assert drift(old, new, inputs, False) < 1e-12
    assert drift(old, new, inputs, True) < 1e-12


@every_model
def test_a_stock_model_loads_the_grown_weights(name):
    build, options, _, large, _ = MODELS[name]
    old, new, inputs = pair(name)
    carry(old, new)
    stock = build(large, **options).double()
    stock.load_state_dict(new.state_dict(), strict=True)
    assert drift(new, stock, inputs, False) == 0


@every_model
def test_gradients_with_equal_shares(name):
    old, new, inputs = pair(name)
    plan = carry(old, new, symmetry="equal")
    assert gap(old, new, plan, inputs) < 1e-11


# Random models. A layer is drawn as (build, what its sizes must be)

VECTORS = [
    (lambda n: nn.Tanh(), 1),
    (lambda n: nn.GELU(), 1),
    (lambda n: nn.PReLU(), 1),
    (nn.PReLU, 1),
    (nn.BatchNorm1d, 1),
    (lambda n: nn.GroupNorm(1, n), "multiple"),
    (lambda n: nn.GroupNorm(2, n), "multiple"),
    (lambda n: nn.GroupNorm(n // 2, n), 2),
    (nn.LayerNorm, 1),
    (lambda n: Residual(nn.Linear(n, n)), 1),
    (lambda n: Residual(nn.Tanh(), nn.Linear(n, n), nn.BatchNorm1d(n)), 1),
    (lambda n: Residual(nn.Linear(n, n), nn.GroupNorm(2, n)), "multiple"),
]
IMAGES = [
    (lambda n: nn.LeakyReLU(), 1),
    (nn.PReLU, 1),
    (nn.BatchNorm2d, 1),
    (functools.partial(nn.InstanceNorm2d, affine=True), 1),
    (lambda n: nn.GroupNorm(2, n), "multiple"),
    (lambda n: nn.GroupNorm(n // 2, n), 2),
    (lambda n: nn.LayerNorm((n, 4, 4)), 1),
    (lambda n: nn.Conv2d(n, n, 3, padding=1), 1),
    (lambda n: nn.Conv2d(n, n, 3, padding=1, groups=n), 1),
    (lambda n: nn.Conv2d(n, n, 3, padding=1, groups=2), 2),
    (lambda n: nn.Conv2d(n, n, 1, groups=n // 2), 2),
    (lambda n: nn.ConvTranspose2d(n, n, 3, padding=1), 1),
    (lambda n: nn.ConvTranspose2d(n, n, 1, groups=2), 2),
    (lambda n: nn.MaxPool2d(3, 1, 1), 1),
    (lambda n: Residual(nn.Conv2d(n, n, 3, padding=1), nn.Tanh()), 1),
    (lambda n: Residual(nn.Conv2d(n, n, 1, groups=n), nn.BatchNorm2d(n)), 1),
    (lambda n: Residual(nn.Conv2d(n, n, 1), nn.GroupNorm(2, n)), "multiple"),
]


def sb(kind, ways=1, **options):
    """A recurrent layer of SpeechBrain, and a linear one behind it"""

    def build(n):
        both = ways == 2
        layer = kind(n, input_shape=(1, 6, n), bidirectional=both, **options)
        return chain(layer, linear.Linear(n, input_size=ways * n))

    return build


SOUNDS = [
    (lambda n: nn.Tanh(), 1),
    # An SLi-GRU of one unit normalises two numbers: any rounding shows
    *(
        (sb(kind, ways), 2 if "SLi" in kind.__name__ else 1)
        for kind in RNNS
        for ways in (1, 2)
    ),
    (sb(RNN.LSTM, num_layers=2), 1),
    (lambda n: Residual(nn.LSTM(n, n, batch_first=True)), 1),
    (lambda n: Residual(nn.GRU(n, n, batch_first=True), nn.Tanh()), 1),
    (lambda n: Residual(SelfAttention(n, n // 2)), 2),
    (
        lambda n: nn.TransformerEncoderLayer(
            n, n // 2, n + 3, 0.0, batch_first=True
        ),
        2,
    ),
    (
        lambda n: Transformer.TransformerEncoderLayer(
            n + 1, n // 2, n, normalize_before=True
        ),
        2,
    ),
]


def sizes(draw, needs):
    """Sizes before and after that suit every layer

    Two blocks of groups of two need fours.
    """
    if set(needs) == {1}:
        old = draw(st.integers(1, 6))
        return old, old + draw(st.integers(0, 9))
    old = 4 * draw(st.integers(1, 2))
    if "multiple" in needs:
        return old, old * draw(st.integers(1, 3))
    return old, old + 4 * draw(st.integers(0, 3))


COPIES = st.sampled_from(["shares", {"dirichlet": 1.0}, {"zero_sum": 0.5}])
WAYS = st.one_of(COPIES, st.sampled_from(["fresh", "pairs"]))


def assert_random(data, layers, around, shape):
    """Draws some layers in a row, grows them, and compares"""
    chosen = data.draw(
        st.lists(st.sampled_from(layers), min_size=1, max_size=4)
    )
    needs = [needs for _, needs in chosen]
    small, large = sizes(data.draw, needs)
    old, new = (
        randomise(around(n, *(build(n) for build, _ in chosen)), seed)
        for seed, n in enumerate((small, large))
    )
    # GroupNorm would count fresh units
    way = data.draw(COPIES if "multiple" in needs else WAYS)
    seed = data.draw(st.integers(0, 99))
    carry(old, new, seed=seed, symmetry=way, fold=7)
    for training in (False, True):
        assert drift(old, new, inputs_of(shape), training) < 1e-12


@RANDOM(max_examples=140)
@given(st.data())
def test_random_vectors(data):
    def around(n, *layers):
        return nn.Sequential(nn.Linear(3, n), *layers, nn.Linear(n, 2))

    assert_random(data, VECTORS, around, (9, 3))


@RANDOM(max_examples=140)
@given(st.data())
def test_random_images(data):
    def around(n, *layers):
        last = nn.Linear(16 * n, 2)
        return nn.Sequential(nn.Conv2d(2, n, 1), *layers, nn.Flatten(), last)

    assert_random(data, IMAGES, around, (3, 2, 4, 4))


@RANDOM(max_examples=100)
@given(st.data())
def test_random_sounds(data):
    def around(n, *layers):
        first = linear.Linear(n, input_size=3)
        return chain(first, *layers, linear.Linear(2, input_size=n))

    assert_random(data, SOUNDS, around, (3, 6, 3))


def test_wishes_that_contradict_each_other_come_to_an_end():
    def build(n):
        return nn.Sequential(
            nn.Linear(3, n), nn.GroupNorm(4, n), nn.GroupNorm(n // 6, n)
        )

    with pytest.raises(GrowthError, match="4 equal blocks|groups of 6"):
        carry(build(12), build(24))
