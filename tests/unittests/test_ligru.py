"""Our Li-GRU against SpeechBrain's.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet import RNN
from speechbrain_growth import carry
from speechbrain_growth.nnet.ligru import LiGRU

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


def pair(dtype=torch.float64, units=6, **options):
    """Our layer, the stock one with the same state, and an input."""
    torch.manual_seed(1)
    inputs = torch.randn(3, 7, 5, dtype=dtype, requires_grad=True)
    made = []
    for kind in (LiGRU, RNN.LiGRU):
        torch.manual_seed(0)
        layer = kind(hidden_size=units, input_shape=inputs.shape, **options)
        made.append(layer.to(dtype))
    made[1].load_state_dict(made[0].state_dict(), strict=True)
    return (*made, inputs)


def results(layer, inputs, start=None):
    """Outputs, last states, and gradients of inputs and parameters."""
    outputs, last = layer(inputs, start)
    weight = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype)
    trained = [p for p in layer.parameters() if p.requires_grad]
    loss = (outputs * weight.view_as(outputs)).sum() + last.square().sum()
    return [outputs, last, *torch.autograd.grad(loss, [inputs, *trained])]


def agree(ours, stock, tolerance):
    """Equal relative to the largest number of each tensor."""
    for found, expected in zip(ours, stock):
        scale = expected.abs().max().clamp(min=1e-30)
        assert (found - expected).abs().max() / scale < tolerance


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_values_and_gradients_are_the_stock_layers(options, training):
    ours, stock, inputs = pair(**options)
    ours.train(training), stock.train(training)
    agree(results(ours, inputs), results(stock, inputs), 1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_in_single_precision_too(options):
    ours, stock, inputs = pair(torch.float32, **options)
    agree(results(ours, inputs), results(stock, inputs), 2e-6)


def test_initial_values_are_the_stock_layers():
    made = []
    for kind in (LiGRU, RNN.LiGRU):
        torch.manual_seed(3)
        made.append(kind(hidden_size=4, input_shape=(2, 3, 5)).state_dict())
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


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh", "leaky_relu", "sin"])
def test_gradcheck(nonlinearity):
    ours, _, inputs = pair(nonlinearity=nonlinearity, units=3)
    assert torch.autograd.gradcheck(lambda x: ours(x)[0], inputs)


def test_differentiating_twice_is_an_error():
    ours, _, inputs = pair()
    loss = ours(inputs)[0].sum()
    with pytest.raises(RuntimeError, match="second derivative"):
        torch.autograd.grad(loss, inputs, create_graph=True)


def test_runs_under_bf16_autocast():
    ours, stock, inputs = pair(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = results(ours, inputs), results(stock, inputs)
    agree(found[:2], expected[:2], 3e-2)


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
    stock = build(RNN.LiGRU, **large)
    stock.load_state_dict(new.state_dict(), strict=True)
    inputs = torch.randn(2, 9, 12)
    outputs = new(inputs)
    agree([stock(inputs)], [outputs], 2e-6)
