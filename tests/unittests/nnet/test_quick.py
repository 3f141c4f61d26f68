"""Our convolution, pooling and CRDNN against SpeechBrain's.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain.lobes.models import CRDNN as crdnn
from speechbrain.nnet import CNN, RNN, pooling
from speechbrain_growth.nnet import channels_last, quick

CONVOLUTIONS = {
    "as in a CRDNN": {"kernel_size": (3, 3)},
    "oblong": {"kernel_size": (3, 5)},
    "strided": {"kernel_size": (3, 3), "stride": (2, 1)},
    "dilated": {"kernel_size": (5, 3), "dilation": (1, 2)},
    "grouped": {"kernel_size": (3, 3), "groups": 2},
    "no bias": {"kernel_size": (3, 3), "bias": False},
    "zeros around": {"kernel_size": (3, 5), "padding_mode": "constant"},
    "normed weights": {"kernel_size": (3, 3), "weight_norm": True},
    "not padded": {"kernel_size": (2, 3), "padding": "valid"},
    "causal": {"kernel_size": (3, 3), "padding": "causal"},
    "swapped": {"kernel_size": (3, 5), "swap": True},
    "bounded norm": {"kernel_size": (3, 3), "max_norm": 0.1},
}
POOLS = {
    "max over frequencies": ("max", 2, {"pool_axis": 2}),
    "max over times": ("max", 3, {"pool_axis": 1, "stride": 2}),
    "mean over times": ("avg", 2, {"pool_axis": 1, "padding": 1}),
    "mean, up": ("avg", 3, {"pool_axis": 2, "ceil_mode": True}),
    "dilated": ("max", 2, {"pool_axis": 2, "dilation": 2}),
    "over channels": ("max", 2, {"pool_axis": 3}),
}
MODELS = {
    "as in the recipe": {"time_pooling": True},
    "two-dimensional pools": {"using_2d_pooling": True},
    "a projection": {"projection_dim": 6, "activation": nn.ReLU},
    "SLi-GRU": {"rnn_class": RNN.SLiGRU},
    "GRU": {"rnn_class": RNN.GRU},
}


def results(layer, *shape, seed=0):
    """Output, and gradients of input and parameters."""
    torch.manual_seed(seed)
    inputs = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    outputs = layer(inputs)
    weight = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype)
    loss = (outputs * weight.view_as(outputs)).sum()
    wanted = [inputs, *layer.parameters()]
    return [outputs, *torch.autograd.grad(loss, wanted)]


def agree(found, expected):
    """Equal relative to the largest number of each tensor, if that is large."""
    assert len(found) == len(expected)
    for one, two in zip(found, expected):
        assert one.shape == two.shape
        far = (one - two).abs().max()
        assert far <= 1e-12 * two.abs().max().clamp(min=1)


def pair(ours, stock, *args, **kwargs):
    """Ours and the stock layer, of the same initial values."""
    made = []
    for kind in (ours, stock):
        torch.manual_seed(0)
        made.append(kind(*args, **kwargs).double())
    states = [layer.state_dict() for layer in made]
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])
    return made


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("shape", [(2, 9, 8, 4), (3, 7, 8)], ids=str)
@pytest.mark.parametrize("channels", [6, 2])
def test_convolutions_are_the_stock_layers(options, shape, channels):
    if len(shape) == 3 and options.get("groups"):
        pytest.skip("there is one channel to group")
    layers = pair(
        channels_last.Conv2d, CNN.Conv2d, channels, input_shape=shape, **options
    )
    agree(*(results(layer, *shape) for layer in layers))


HOOKS = {
    # As SpeechBrain before 1.1.2 normed weights: a hook computes them
    "weight norm": lambda conv: nn.utils.weight_norm(conv, dim=1),
    "before": lambda conv: conv.register_forward_pre_hook(
        lambda _, x: x[0] * 2
    ),
    "after": lambda conv: conv.register_forward_hook(lambda _, x, y: y * 2),
}


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_hooks_inside_a_convolution_run(hook):
    layers = pair(
        channels_last.Conv2d, CNN.Conv2d, 6, (3, 3), input_shape=(2, 9, 8, 4)
    )
    plain = results(layers[1], 2, 9, 8, 4)[0]
    for layer in layers:
        hook(layer.conv)
        with torch.no_grad():  # a training step, of which the hook must know
            for parameter in layer.conv.parameters():
                parameter.mul_(2)
    found, expected = (results(layer, 2, 9, 8, 4) for layer in layers)
    agree(found, expected)
    assert (found[0] - plain).abs().max() > 0.1


def test_one_channel_out_of_three_axes_leaves_three():
    layers = pair(
        channels_last.Conv2d, CNN.Conv2d, 1, (3, 3), input_shape=(2, 5, 4)
    )
    agree(*(results(layer, 2, 5, 4) for layer in layers))


@pytest.mark.parametrize("kind, size, options", POOLS.values(), ids=POOLS)
def test_pools_are_the_stock_layers(kind, size, options):
    layers = pair(
        channels_last.Pooling1d,
        pooling.Pooling1d,
        kind,
        size,
        input_dims=4,
        **options,
    )
    agree(*(results(layer, 2, 9, 8, 4) for layer in layers))


def test_a_pool_of_three_axes_is_the_stock_layer():
    layers = pair(channels_last.Pooling1d, pooling.Pooling1d, "max", 2)
    agree(*(results(layer, 2, 9, 4) for layer in layers))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_a_crdnn_is_the_stock_model(options, training):
    sizes = {
        "input_size": 12,
        "cnn_channels": [3, 4],
        "rnn_neurons": 5,
        "rnn_layers": 2,
        "dnn_neurons": 6,
        "dropout": 0.3,
    }
    models = pair(quick.CRDNN, crdnn.CRDNN, **sizes, **options)
    for model in models:
        model.train(training)
    # in training, both draw the same masks from the same random numbers
    agree(*(results(model, 3, 9, 12) for model in models))
    agree(
        *(
            [b for b in model.buffers() if b.is_floating_point()]
            for model in models
        )
    )


def test_trained_alike_step_by_step():
    """Adadelta takes rounding for a direction, so this is in float64."""
    sizes = {"input_size": 12, "cnn_channels": [3, 4], "rnn_neurons": 8}
    models = pair(quick.CRDNN, crdnn.CRDNN, **sizes)
    losses = []
    for model in models:
        torch.manual_seed(1)
        own = []
        optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, eps=1e-8)
        for _ in range(20):
            inputs = torch.randn(3, 12, 12, dtype=torch.float64)
            phones = torch.randint(1, 9, (3, 4))
            scores = model(inputs).log_softmax(-1).transpose(0, 1)
            lengths = torch.full((3,), 12), torch.full((3,), 4)
            loss = nn.functional.ctc_loss(scores, phones, *lengths)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            own.append(loss.item())
        losses.append(own)
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)
    assert losses[0][0] != pytest.approx(losses[0][-1], rel=1e-3)


def test_quickened_and_back():
    def kinds():
        return [type(layer) for layer in model.modules()]

    model = crdnn.CRDNN(input_size=8, cnn_channels=[2, 4])
    before, tensors = kinds(), dict(model.named_parameters())
    assert quick.quicken(model) is model
    assert set(quick.QUICK) & set(kinds()) == set()
    assert {channels_last.Conv2d, channels_last.Pooling1d} <= set(kinds())
    assert quick.as_stock(model) and not quick.as_stock(model)
    assert kinds() == before
    now = dict(model.named_parameters())
    assert all(now[name] is tensors[name] for name in tensors)


def test_nothing_is_copied_into_another_order():
    """What makes it quick: no layer of the CNN copies its input."""
    model = quick.CRDNN(input_size=8, cnn_channels=[2, 4])
    inputs = torch.rand(3, 40, 8)
    most = []
    for change in (torch.nn.Module.eval, quick.as_stock):
        change(model)
        with torch.profiler.profile(record_shapes=True) as profile:
            model.CNN(inputs)
        most.append(
            max(
                torch.Size(event.input_shapes[0]).numel()
                for event in profile.events()
                if event.name == "aten::copy_"
            )
        )
    weights = max(p.numel() for p in model.CNN.parameters())
    assert most[0] <= weights < inputs.numel() < most[1]
