"""Tests that a grown model computes what the old one did

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
from torch import nn

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet import CNN, RNN, linear, normalization, pooling
from speechbrain_growth import carry, trace
from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.transfer import carry_weights
from speechbrain_growth.nnet import ligru, quick

torch.set_num_threads(1)

LIMITS = [(torch.float64, 1e-12), (torch.float32, 1e-5)]
RANDOM = functools.partial(settings, deadline=None, derandomize=True)


def mlp(widths, norm=None, act=nn.Tanh, bias=True, size=(3, 2)):
    """A multilayer perceptron; ``norm`` is one type, or one for each layer"""
    norms = norm if isinstance(norm, list) else [norm] * len(widths)
    layers, units = [], size[0]
    for width, kind in zip(widths, norms):
        layers += [nn.Linear(units, width, bias=bias)]
        layers += [kind(width)] if kind else []
        layers += [act(), nn.Dropout(0.0)]
        units = width
    return nn.Sequential(*layers, nn.Linear(units, size[1]))


def cnn(widths, positions=4, dim=2, norm=True, pool="Max", kernel=3):
    """Convolutions, one pooling, torch's flatten, two linear layers"""
    *channels, hidden = widths
    convolution = getattr(nn, f"Conv{dim}d")
    layers, units = [], 2
    for width in channels:
        layers += [convolution(units, width, kernel, padding=kernel // 2)]
        layers += [getattr(nn, f"BatchNorm{dim}d")(width)] if norm else []
        layers += [nn.ReLU()]
        units = width
    layers += [getattr(nn, f"{pool}Pool{dim}d")(2), nn.Flatten()]
    flat = units * (positions // 2) ** dim
    layers += [nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, 3)]
    return nn.Sequential(*layers)


def wrapped(widths):
    """SpeechBrain's wrappers around one torch layer each; no flatten"""
    a, b, c = widths
    return nn.Sequential(
        CNN.Conv1d(a, 3, in_channels=4),
        normalization.BatchNorm1d(input_size=a),
        nn.LeakyReLU(),
        pooling.Pooling1d("max", 2),
        CNN.Conv1d(b, 3, in_channels=a),
        normalization.LayerNorm(input_size=b),
        linear.Linear(c, input_size=b),
        nn.LeakyReLU(),
        linear.Linear(3, input_size=c),
    )


def wrapped_2d(widths, frequencies=4):
    """SpeechBrain's image wrappers, and its flatten"""
    a, b = widths
    shape = (1, 6, frequencies, a)
    return nn.Sequential(
        CNN.Conv2d(a, (3, 3), input_shape=(1, 6, frequencies)),
        normalization.BatchNorm2d(input_shape=shape),
        nn.LeakyReLU(),
        normalization.LayerNorm(input_shape=shape),
        pooling.Pooling2d("max", (2, 2)),
        linear.Linear(
            b, input_shape=(1, 3, frequencies // 2, a), combine_dims=True
        ),
        normalization.LayerNorm(input_size=b),
        linear.Linear(3, input_size=b),
    )


def crdnn(widths, features=8, kind=CRDNN, **options):
    """SpeechBrain's CRDNN, and an output layer"""
    channels, rnn, dnn, *projection = widths
    options = {"cnn_blocks": 2, "rnn_layers": 2, "dnn_blocks": 2, **options}
    body = kind(
        input_shape=(1, 8, features),
        dropout=0.0,
        cnn_channels=channels,
        rnn_neurons=rnn,
        dnn_neurons=dnn,
        projection_dim=projection[0] if projection else -1,
        **options,
    )
    size = body(torch.zeros(2, 8, features)).shape[-1]
    output = linear.Linear(5, input_size=size)
    return nn.ModuleDict({"model": body, "output": output})


def recurrent(widths, kind=RNN.LiGRU, **options):
    """A recurrent net on (time, frequency, channel), and an output layer"""
    shape = (1, 5, 2, 3)
    body = kind(widths[0], shape, num_layers=2, **options)
    size = widths[0] * (2 if options.get("bidirectional") else 1)
    output = linear.Linear(2, input_size=size)
    return nn.ModuleDict({"rnn": body, "output": output})


BATCH = nn.BatchNorm1d
STEPWISE = functools.partial(mlp, act=nn.ReLU)
BLOCKS = ([2, 3], 4, 5)
LARGER = ([4, 9], 7, 9)
ONE_BLOCK = {"cnn_blocks": 1, "rnn_layers": 1, "dnn_blocks": 1}
VECTOR, IMAGE, SOUND = (9, 3), (6, 2, 4, 4), (4, 8, 8)
# name: builder, its options, widths before and after, shape of the input
MODELS = {
    "mlp": (mlp, {}, [4, 5], [6, 13], VECTOR),
    "mlp one layer grows": (mlp, {}, [4, 5], [4, 6], VECTOR),
    "mlp of one unit": (mlp, {}, [1, 1], [3, 2], VECTOR),
    "mlp relu batchnorm": (STEPWISE, {"norm": BATCH}, [4, 5], [6, 13], VECTOR),
    "mlp without bias": (mlp, {"bias": False}, [4, 5], [7, 9], VECTOR),
    "mlp layernorm": (mlp, {"norm": nn.LayerNorm}, [4, 5], [8, 15], VECTOR),
    "cnn": (cnn, {}, [2, 3, 4], [5, 4, 7], IMAGE),
    "cnn average": (cnn, {"pool": "Avg"}, [2, 3, 4], [3, 6, 9], IMAGE),
    "cnn plain": (cnn, {"norm": False}, [2, 3, 4], [3, 7, 4], IMAGE),
    "cnn 1-d": (cnn, {"dim": 1}, [2, 3, 4], [3, 7, 5], IMAGE[:3]),
    "wrappers": (wrapped, {}, [2, 3, 4], [5, 9, 7], (4, 8, 4)),
    "wrappers 2-d": (wrapped_2d, {}, [2, 3], [6, 6], (4, 6, 4)),
    "crdnn": (crdnn, {}, BLOCKS, LARGER, SOUND),
    "crdnn one way": (
        crdnn,
        {"rnn_bidirectional": False},
        BLOCKS,
        LARGER,
        SOUND,
    ),
    "crdnn 2-d pooling": (
        crdnn,
        {"using_2d_pooling": True, "cnn_blocks": 1, "time_pooling": True},
        BLOCKS,
        LARGER,
        SOUND,
    ),
    "crdnn projection": (crdnn, {}, (*BLOCKS, 3), (*LARGER, 6), SOUND),
    "crdnn with rnnp": (crdnn, {"use_rnnp": True}, BLOCKS, LARGER, SOUND),
    "crdnn sligru": (
        crdnn,
        {"rnn_class": RNN.SLiGRU, **ONE_BLOCK},
        BLOCKS,
        ([6], 8, 7),
        SOUND,
    ),
    "crdnn with our li-gru": (
        crdnn,
        {"rnn_class": ligru.LiGRU, **ONE_BLOCK},
        BLOCKS,
        LARGER,
        SOUND,
    ),
    "ligru": (recurrent, {}, [3], [5], (4, 5, 2, 3)),
    "ligru both ways": (
        recurrent,
        {"bidirectional": True, "nonlinearity": "tanh"},
        [3],
        [8],
        (4, 5, 2, 3),
    ),
    "ligru layernorm": (
        recurrent,
        {"normalization": "layernorm", "bidirectional": True},
        [3],
        [6],
        (4, 5, 2, 3),
    ),
    "sligru": (
        recurrent,
        {"kind": RNN.SLiGRU, "bidirectional": True},
        [3],
        [9],
        (4, 5, 2, 3),
    ),
}
every_model = pytest.mark.parametrize("name", MODELS)


def randomise(model, seed=0, dtype=torch.float64):
    """Random weights and statistics, as if it had been trained"""
    generator = torch.Generator().manual_seed(seed)
    model.to(dtype)
    for name, tensor in model.state_dict().items():
        if name.endswith(("h_init", "drop_masks", "drop_mask_te")):
            continue
        if name.endswith("num_batches_tracked"):
            tensor.fill_(3 + seed)
            continue
        noise = torch.randn(
            tensor.shape, generator=generator, dtype=torch.float64
        )
        if name.endswith("running_var"):
            noise = noise.abs() + 0.5
        elif tensor.ndim > 1 and "norm" not in name:
            noise = noise / tensor[0].numel() ** 0.5
        else:
            noise = 1 + 0.5 * noise
        tensor.copy_(noise)
    return model


def run(model, inputs):
    """Output of a module, or of modules in signal order"""
    layers = model.values() if isinstance(model, nn.ModuleDict) else [model]
    for layer in layers:
        inputs = layer(inputs)
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
    return inputs


def signal(shape, dtype=torch.float64):
    """A random input"""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(shape, generator=generator, dtype=dtype)


def pair(name, dtype=torch.float64):
    """Old and new model of the table, both random, and an input"""
    build, options, small, large, shape = MODELS[name]
    old = randomise(build(small, **options), 0, dtype)
    new = randomise(build(large, **options), 1, dtype)
    return old, new, signal(shape, dtype)


def far(one, other):
    """Largest difference, relative to the largest value"""
    return float((one - other).abs().max() / one.abs().max())


def assert_same_function(old, new, plan, inputs, limit):
    """Same outputs in both modes, same statistics after training mode"""
    with torch.no_grad():
        for mode in (False, True):
            before = run(old.train(mode), inputs)
            after = run(new.train(mode), inputs)
            assert before.abs().max() > 1e-3
            assert far(before, after) < limit
        larger = new.state_dict()
        for name, tensor in old.state_dict().items():
            if "running" in name:
                width = plan.tensors[name][0].width
                copied = tensor[width.source[~width.fresh]]
                assert far(copied, larger[name][~width.fresh]) < limit
            elif name.endswith("tracked"):
                assert torch.equal(tensor, larger[name])


@pytest.mark.parametrize("dtype, limit", LIMITS)
@every_model
def test_the_function_is_preserved(name, dtype, limit):
    old, new, inputs = pair(name, dtype)
    before = {k: v.clone() for k, v in old.state_dict().items()}
    plan = carry(old, new)
    for key, tensor in old.state_dict().items():
        assert torch.equal(tensor, before[key])
    assert set(plan.tensors) <= set(before)
    assert_same_function(old, new, plan, inputs, limit)


@every_model
def test_something_was_copied(name):
    old, new, inputs = pair(name)
    assert far(run(old.eval(), inputs), run(new.eval(), inputs)) > 0.01
    assert carry(old, new).changes


@every_model
def test_a_stock_model_loads_the_grown_weights(name):
    build, options, _, large, _ = MODELS[name]
    old, new, inputs = pair(name)
    carry(old, new)
    stock = build(large, **options).double()
    stock.load_state_dict(new.state_dict(), strict=True)
    with torch.no_grad():
        outputs = [run(model.eval(), inputs) for model in (new, stock)]
    assert torch.equal(*outputs)


def test_two_growths_in_a_row_preserve_the_function():
    models = [randomise(mlp(w, BATCH), 2) for w in ([3, 4], [5, 6], [9, 13])]
    carry(models[0], models[1])
    carry(models[1], models[2])
    outputs = [run(model.eval(), signal(VECTOR)) for model in models]
    assert far(outputs[0], outputs[2]) < 1e-12


ACTS = (nn.ReLU, nn.Tanh, nn.LeakyReLU, nn.GELU, nn.Sigmoid)
NORMS = (None, nn.BatchNorm1d, nn.LayerNorm)


WAYS = st.sampled_from(
    ["shares", "fresh", "pairs", {"dirichlet": 1.0}, {"zero_sum": 0.5}]
)
FOLDS = st.integers(2, 9)
SEEDS = st.integers(0, 99)
# in float32, what is divided by the root of a small variance loses digits
RANDOM_LIMITS = [(torch.float64, 1e-12)] * 3 + [(torch.float32, 1e-3)]


def wider(draw, most=6, least=1):
    """Widths before and after

    A LayerNorm makes a single unit constant, and a BatchNorm behind it divides
    rounding errors by the root of eps; so LayerNorms have two units at least.
    """
    old = draw(st.integers(least, most))
    return old, old + draw(st.integers(0, 2 * most))


def assert_random_pair(draw, build, small, large, shape):
    """Grows a random model and compares"""
    dtype, limit = draw(st.sampled_from(RANDOM_LIMITS))
    old = randomise(build(small), draw(SEEDS), dtype)
    new = randomise(build(large), draw(SEEDS), dtype)
    symmetry, fold, seed = draw(WAYS), draw(FOLDS), draw(SEEDS)
    plan = carry(old, new, seed=seed, symmetry=symmetry, fold=fold)
    assert_same_function(old, new, plan, signal(shape, dtype), limit)
    stock = build(large).to(dtype)
    stock.load_state_dict(new.state_dict(), strict=True)


@RANDOM(max_examples=120)
@given(st.data())
def test_random_mlps_are_preserved(data):
    norms = data.draw(st.lists(st.sampled_from(NORMS), min_size=1, max_size=4))
    pairs = [wider(data.draw, least=1 + (n is nn.LayerNorm)) for n in norms]
    size = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 4)))
    build = functools.partial(
        mlp,
        norm=norms,
        act=data.draw(st.sampled_from(ACTS)),
        bias=data.draw(st.booleans()),
        size=size,
    )
    small, large = zip(*pairs)
    assert_random_pair(data.draw, build, small, large, (16, size[0]))


@RANDOM(max_examples=80)
@given(st.data())
def test_random_cnns_are_preserved(data):
    depth = data.draw(st.integers(2, 4))
    pairs = [wider(data.draw, 4) for _ in range(depth)]
    dim = data.draw(st.sampled_from([1, 2]))
    positions = data.draw(st.sampled_from([2, 4, 6]))
    build = functools.partial(
        cnn,
        positions=positions,
        dim=dim,
        norm=data.draw(st.booleans()),
        pool=data.draw(st.sampled_from(["Max", "Avg"])),
        kernel=data.draw(st.sampled_from([1, 3])),
    )
    small, large = zip(*pairs)
    assert_random_pair(
        data.draw, build, small, large, (6, 2) + (positions,) * dim
    )


@RANDOM(max_examples=30)
@given(st.data())
def test_random_crdnns_are_preserved(data):
    draw = data.draw
    rnn = draw(st.sampled_from([RNN.LiGRU, ligru.LiGRU, RNN.SLiGRU]))
    kind = draw(st.sampled_from([CRDNN, quick.CRDNN]))
    blocks = draw(st.integers(0, 2))
    # SpeechBrain squeezes a single channel away: the net would be another
    channels = [wider(draw, 3, least=2) for _ in range(blocks)]
    pairs = [wider(draw, 4), wider(draw, 4)]
    pairs += [wider(draw, 4, least=2)] if draw(st.booleans()) else []
    small, large = zip(*pairs)
    build = functools.partial(
        crdnn,
        kind=kind,
        features=draw(st.sampled_from([4, 8])),
        cnn_blocks=blocks,
        rnn_layers=draw(st.integers(1, 2)),
        dnn_blocks=draw(st.integers(0, 2)),
        rnn_class=rnn,
        rnn_bidirectional=draw(st.booleans()),
        using_2d_pooling=draw(st.booleans()),
    )
    shape = (4, 8, build.keywords["features"])
    before, after = [[pair[i] for pair in channels] for i in (0, 1)]
    assert_random_pair(
        data.draw, build, (before, *small), (after, *large), shape
    )


# Mistakes of published implementations


def test_the_bias_of_the_next_layer_survives():
    old, new, _ = pair("mlp one layer grows")
    carry(old, new)
    assert torch.equal(new[-1].bias, old[-1].bias)
    assert new[-1].bias is not old[-1].bias


GROWING = [
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (torch.optim.Adam, {"lr": 0.01}),
    (torch.optim.Adadelta, {"lr": 1.0}),
]
each_optimizer = pytest.mark.parametrize("kind, options", GROWING)


def step(model, optimizer, seed):
    """One update on a regression problem"""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(32, 3, generator=generator).double()
    target = torch.sin(3 * inputs[:, :2])
    optimizer.zero_grad()
    (model(inputs) - target).square().mean().backward()
    optimizer.step()


@each_optimizer
def test_one_step_moves_every_grown_weight(kind, options):
    old, new = randomise(mlp([4, 5]), 0), randomise(mlp([6, 13]), 1)
    optimizer = kind(old.parameters(), **options)
    step(old, optimizer, 0)
    carry(old, new, optimizer)
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in new.parameters()]
    before = [p.detach().clone() for p in new.parameters()]
    step(new, optimizer, 1)
    for weight, was in zip(new.parameters(), before):
        assert (weight != was).all()


def largest_gap_between_copies(kind, options, symmetry):
    """How far copies' incoming weights are apart after some steps"""
    old, new = randomise(mlp([4]), 0), randomise(mlp([8]), 1)
    plan = trace(old, new, symmetry, torch.Generator().manual_seed(0))
    new.load_state_dict(
        {**new.state_dict(), **dict(carry_weights(plan, old, new))}
    )
    optimizer = kind(new.parameters(), **options)
    for number in range(10):
        step(new, optimizer, number)
    source = plan.tensors["0.weight"][0].width.source
    weight, gaps = new[0].weight.detach(), []
    for unit in range(4):
        one, other = weight[source == unit]
        gaps.append(float((one - other).abs().max()))
    return min(gaps)


@each_optimizer
def test_copies_part(kind, options):
    # Adadelta and Adam are nearly blind to the share: what parts is small
    assert largest_gap_between_copies(kind, options, Symmetry("shares")) > 1e-6


@each_optimizer
def test_equal_shares_would_keep_copies_identical(kind, options):
    assert largest_gap_between_copies(kind, options, Symmetry("equal")) < 1e-14


@each_optimizer
def test_net2nets_noise_parts_copies_at_once(kind, options):
    old, new = randomise(mlp([4]), 0), randomise(mlp([8]), 1)
    old[0].weight.data *= 100
    plan = carry(old, new, symmetry={"noise": 0.01})
    width = plan.tensors["0.weight"][0].width
    assert set(width.share.tolist()) == {0.5}
    weight, original = new[0].weight.detach(), old[0].weight.detach()
    gap = (weight - original[width.source]).abs()
    assert (gap[:4] == 0).all() and (gap[4:] > 0).all()
    assert 0.005 < gap.max() / weight.std() < 0.05
    assert torch.equal(new[0].bias, old[0].bias[width.source])
