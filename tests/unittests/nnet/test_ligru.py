"""Our Li-GRU and SLi-GRU against SpeechBrain's, in C and in torch.

Authors
 * The speechbrain_growth authors 2026
"""

import subprocess
import sys

import pytest
import torch
from against_stock import STOCK, agree, pair, results
from torch.utils.flop_counter import FlopCounterMode

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import carry
from speechbrain_growth.nnet import kernels, walk_in_c
from speechbrain_growth.nnet.ligru import LiGRU, SLiGRU

OPTIONS = [
    {"nonlinearity": "relu"},
    {"nonlinearity": "tanh", "bidirectional": True},
    {"nonlinearity": "leaky_relu", "num_layers": 2},
    {"nonlinearity": "sin", "bidirectional": True, "num_layers": 2},
    {"normalization": "layernorm"},
    {"normalization": "none", "bidirectional": True},
    {"bias": False},
    {"dropout": 0.4, "bidirectional": True},
]
NORMED = [  # an SLi-GRU normalises what recurs, too
    {"ff_normalization": "layernorm"},
    {"recurrent_elementwise_affine": True, "bidirectional": True},
    {"recurrent_elementwise_affine": True, "nonlinearity": "sin"},
    {"nonlinearity": "tanh", "num_layers": 2, "dropout": 0.4},
]
CASES = [
    *(pytest.param(LiGRU, options, id=f"{options}") for options in OPTIONS),
    *(pytest.param(SLiGRU, options, id=f"S {options}") for options in NORMED),
]


@pytest.fixture(autouse=True, params=["C", "torch"])
def code(request, monkeypatch):
    """What the recurrence runs in."""
    if request.param == "torch":
        monkeypatch.setattr(walk_in_c, "kernel", lambda *_: None)
    elif kernels.kernel("recurrence", "REAL=float") is None:
        pytest.skip("there is no C compiler")
    return request.param


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind, options", CASES)
def test_values_and_gradients_are_the_stock_layers(kind, options, training):
    ours, stock, inputs = pair(kind=kind, **options)
    ours.train(training), stock.train(training)
    agree(results(ours, inputs), results(stock, inputs), 1e-12)


@pytest.mark.parametrize("kind, options", CASES)
def test_in_single_precision_too(kind, options):
    ours, stock, inputs = pair(torch.float32, kind=kind, **options)
    found, expected = results(ours, inputs), results(stock, inputs)
    if kind is LiGRU:
        return agree(found, expected, 1e-6)
    # Normalised, a small state has large gradients: rounding shows
    exact = results(pair(kind=kind, **options)[1], inputs.double())
    for one, two, three in zip(found, expected, exact):
        far, as_far = ((x - three).abs().max() for x in (one, two))
        assert far <= 4 * as_far + 2e-6 * three.abs().max()


@pytest.mark.parametrize("kind", STOCK)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch, units", [(1, 1), (5, 33), (16, 64), (27, 20)])
def test_any_size_and_any_number_of_threads(kind, threads, batch, units):
    ours, stock, inputs = pair(units=units, batch=batch, kind=kind)
    torch.set_num_threads(threads)
    try:
        found = results(ours, inputs)
    finally:
        torch.set_num_threads(1)
    # of one unit or one utterance, some gradients are zero but for rounding
    agree(found, results(stock, inputs), 1e-11 if batch * units > 1 else 1e-6)


@pytest.mark.parametrize("place", [-1e4, 1e4, float("inf"), float("nan")])
def test_extreme_numbers_come_out_as_from_the_stock_layer(place):
    ours, stock, inputs = pair(torch.float32)
    ours.eval(), stock.eval()
    with torch.no_grad():
        inputs[1, 2] = place
        found, expected = ours(inputs)[0], stock(inputs)[0]
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert expected[1].isnan().any() == (abs(place) > 1e30 or place != place)


@pytest.mark.parametrize("kind", STOCK)
def test_initial_values_are_the_stock_layers(kind):
    made = []
    for one in (kind, STOCK[kind]):
        torch.manual_seed(3)
        made.append(one(hidden_size=4, input_shape=(2, 3, 5)).state_dict())
    assert list(made[0]) == list(made[1])
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def test_takes_an_initial_state():
    ours, stock, inputs = pair()
    start = torch.randn(1, 3, 6, dtype=torch.float64)
    agree(results(ours, inputs, start), results(stock, inputs, start), 1e-12)


def test_the_gradient_of_the_initial_state():
    ours, stock, inputs = pair()
    start = torch.randn(1, 3, 6, dtype=torch.float64, requires_grad=True)
    found, expected = (
        torch.autograd.grad(layer(inputs, start)[0].sum(), start)
        for layer in (ours, stock)
    )
    agree(found, expected, 1e-12)


@pytest.mark.parametrize("kind", STOCK)
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh", "leaky_relu", "sin"])
def test_gradcheck(kind, nonlinearity):
    ours, _, inputs = pair(nonlinearity=nonlinearity, units=3, kind=kind)
    assert torch.autograd.gradcheck(lambda x: ours(x)[0], inputs)


def test_differentiating_twice_is_an_error():
    ours, _, inputs = pair()
    loss = ours(inputs)[0].sum()
    with pytest.raises(RuntimeError, match="second derivative"):
        torch.autograd.grad(loss, inputs, create_graph=True)


@pytest.mark.parametrize(
    "kind, options",
    [
        (LiGRU, {}),
        (SLiGRU, {}),
        (SLiGRU, {"recurrent_elementwise_affine": True}),
    ],
)
def test_runs_under_bf16_autocast(kind, options):
    ours, stock, inputs = pair(torch.float32, kind=kind, **options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = results(ours, inputs), results(stock, inputs)
    agree(found[:2], expected[:2], 3e-2)
    assert [x.dtype for x in found] == [x.dtype for x in expected]


def test_a_crdnn_moves_between_the_two_and_grows():
    def build(kind, **sizes):
        torch.manual_seed(0)
        return CRDNN(
            input_size=12, rnn_class=kind, rnn_layers=2, dropout=0.0, **sizes
        )

    small = {"cnn_channels": [2, 4], "rnn_neurons": 5, "dnn_neurons": 6}
    large = {"cnn_channels": [4, 8], "rnn_neurons": 8, "dnn_neurons": 6}
    old, new = build(LiGRU, **small), build(LiGRU, **large)
    carry(old, new)
    stock = build(STOCK[LiGRU], **large)
    stock.load_state_dict(new.state_dict(), strict=True)
    inputs = torch.randn(2, 9, 12)
    outputs = new(inputs)
    agree([stock(inputs)], [outputs], 2e-6)


def one_output(**environment):
    """Of a process with other environment variables; and what it logs."""
    script = (
        "import logging, torch; logging.basicConfig(level='INFO')\n"
        "from speechbrain_growth.nnet.ligru import LiGRU\n"
        "torch.manual_seed(0)\n"
        "layer = LiGRU(hidden_size=3, input_shape=(2, 4, 5))\n"
        "print(layer(torch.ones(2, 4, 5))[0].sum().item())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**kernels.os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout), run.stderr


@pytest.mark.slow
def test_without_a_compiler_torch_serves_and_the_log_says_so(tmp_path, code):
    if code == "torch":
        pytest.skip("is about C")
    found, log = one_output(XDG_CACHE_HOME=str(tmp_path), CC="no_such_cc")
    expected, silence = one_output(SPEECHBRAIN_GROWTH_NO_KERNELS="1")
    assert found == expected
    assert "recurrence.c was not compiled, so slower code runs" in log
    assert "no_such_cc" in log and "recurrence.c" not in silence
    again, _ = one_output(XDG_CACHE_HOME=str(tmp_path))
    assert again == pytest.approx(expected, rel=1e-5)
    (library,) = tmp_path.rglob("*.*")
    assert library.suffix == ".so"
    # where nothing can be kept, it is compiled for the process
    elsewhere, log = one_output(XDG_CACHE_HOME=str(library))
    assert elsewhere == again and "compiled for this start alone" in log


@pytest.mark.parametrize("kind, options", CASES)
def test_a_count_of_operations_is_that_of_the_stock_layer(kind, options, code):
    ours, stock, inputs = pair(kind=kind, **options)
    found = []
    for layer in (ours, stock):
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            states, last = layer.to("meta").eval()(inputs.to("meta"))
        found.append((counter.get_total_flops(), states.shape, last.shape))
    assert found[0] == found[1] and found[0][0] > 0


def test_the_code_that_computes_has_a_name(code):
    def name(kind=LiGRU, dtype=torch.float64, device="cpu", **options):
        layer = pair(dtype, kind=kind, **options)[0].to(device)
        (found,) = {one.computed_in() for one in layer.rnn}
        return found

    assert name(nonlinearity="sin") == "torch"
    assert name(device="meta") == ""
    if code == "torch":
        assert name() == "torch"
    else:
        digest = kernels.kernel("recurrence", "REAL=double").made_of
        assert name(num_layers=2) == name(SLiGRU) == f"C {digest}"
        digest = kernels.kernel("recurrence", "REAL=float").made_of
        assert name(dtype=torch.float32) == f"C {digest}"
