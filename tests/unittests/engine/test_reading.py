"""What people write by hand grows exactly: it is read by running it.

Each model is of a kind that is used in public code, written here anew.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from own_models import BLOCKS, MODELS
from torch import nn

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import GrowthError, NoRuleError, carry
from speechbrain_growth.engine.probe import drift, in_eval
from speechbrain_growth.engine.reading.examples import run_of


def trained(model, inputs, seed):
    """A model of which no tensor is as it was built, in float64"""
    torch.manual_seed(seed)
    model = model.double().train()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for parameter in model.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    for _ in range(2):
        out = model(*inputs)
        out.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def outputs(model, inputs, training):
    """What a model returns in a mode, without a trace"""
    with torch.no_grad():
        return copy.deepcopy(model).train(training)(*inputs)


@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_its_function_and_goes_on_learning(name):
    build, inputs, before, after = MODELS[name]
    old = trained(build(**before), inputs, 0)
    new = trained(build(**after), inputs, 1)
    optimizer = torch.optim.Adam(old.parameters(), 1e-3)
    old(*inputs).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
    expected = [outputs(old, inputs, mode) for mode in (False, True)]
    plan = carry(old, new, optimizer, example=inputs)
    assert plan.changes or plan.born
    for mode in (False, True):
        assert drift(expected[mode], outputs(new, inputs, mode)) < 1e-12
    losses = []
    for _ in range(3):
        loss = new(*inputs).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.RMSprop])
@pytest.mark.parametrize("name", [n for n in MODELS if "root of" in n])
def test_averages_of_multiplied_weights_are_those_of_their_gradients(
    name, kind
):
    build, inputs, before, after = MODELS[name]
    old = trained(build(**before), inputs, 0)
    new = trained(build(**after), inputs, 1)
    # After one step from zero they are the squares, in a fixed proportion
    optimizer = kind(old.parameters(), 0.0)
    old(*inputs).square().mean().backward()
    optimizer.step()
    key = "exp_avg_sq" if kind is torch.optim.Adam else "square_avg"
    weight = next(old.parameters())
    times = optimizer.state[weight][key] / weight.grad.square()
    times = times[times.isfinite()].max()
    assert carry(old, new, optimizer, example=inputs).scales
    carried = [parameter.grad for parameter in new.parameters()]
    new.zero_grad()
    new(*inputs).square().mean().backward()
    for parameter, grad in zip(new.parameters(), carried):
        assert torch.allclose(grad, parameter.grad, rtol=1e-9, atol=1e-14)
        found = optimizer.state[parameter][key]
        expected = times * parameter.grad.square()
        assert torch.allclose(found, expected, rtol=1e-9, atol=1e-18)


FACTORS = {
    "read twice": lambda net, x: net.a(x) + net.a(x) * net.width,
    "two readers": lambda net, x: (y := net.a(x)) + y * net.width,
    "behind a square": lambda net, x: net.a(x).square() * net.width,
    "weights by hand": lambda net, x: net.a(x) * net.width
    + net.a.weight.sum(1),
}


@pytest.mark.parametrize("name", FACTORS)
def test_a_factor_that_no_weights_can_take_is_refused(name):
    class Net(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.a, self.b = nn.Linear(3, width), nn.Linear(width, 2)
            self.width = width

        def forward(self, x):
            return self.b(FACTORS[name](self, x))

    with pytest.raises(GrowthError, match="gets 4, and .* 6; keep that number"):
        carry(Net(4), Net(6), example=torch.ones(2, 3))


def test_heads_that_become_smaller_are_refused():
    class Net(nn.Module):
        def __init__(self, heads):
            super().__init__()
            self.a, self.heads = nn.Linear(3, 4), heads

        def forward(self, x):
            return self.a(x).view(len(x), self.heads, -1).amax(-1).sum(1)

    with pytest.raises(GrowthError, match="more heads of the same size need"):
        carry(Net(2), Net(4), example=torch.ones(2, 3))


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_that_is_no_identity_cannot_be_born(name):
    build, inputs, message = BLOCKS[name]
    old, new = build(depth=1).double(), build(depth=2).double()
    before = {n: t.clone() for n, t in new.state_dict().items()}
    with pytest.raises(GrowthError, match=message):
        carry(old, new, example=inputs)
    after = new.state_dict()
    assert all(torch.equal(before[n], after[n]) for n in before)


def test_an_example_that_does_not_fit_is_named():
    build, *_ = MODELS["own parameters"]
    with pytest.raises(GrowthError, match="example: the old model raises"):
        carry(build(width=4), build(width=6), example=torch.ones(2, 2))


def test_the_models_stay_as_they_are_while_they_are_read():
    class Counts(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.a, self.b = nn.Linear(3, width), nn.Linear(width, 2)
            self.register_buffer("seen", torch.zeros(()))
            self.last = None

        def forward(self, x):
            self.seen += 1
            self.last = x
            return self.b(torch.relu(self.a(x)))

    old, new = Counts(4), Counts(6)
    state = torch.get_rng_state()
    carry(old, new, example=torch.ones(2, 3))
    assert not old.seen and not new.seen and old.last is new.last is None
    assert torch.equal(state, torch.get_rng_state())
    with in_eval(old), in_eval(new):
        inputs = torch.randn(5, 3)
        assert drift(old(inputs), new(inputs)) < 1e-6


def test_of_a_made_up_input_every_layout_counts():
    """A softmax over axis 1 is right only where a batch comes first"""

    class Net(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.a = nn.LSTM(3, width, batch_first=True)
            self.b = nn.Linear(width, 2)

        def forward(self, x):
            out, _ = self.a(x)
            return self.b(out * torch.softmax(out, 1))

    old, new = Net(4).double(), Net(6).double()
    with pytest.raises(GrowthError, match="dim=1.*made-up.*example=batch"):
        carry(old, new)
    inputs = torch.randn(2, 5, 3).double()
    carry(old, new, example=inputs)
    assert drift(old(inputs), new(inputs)) < 1e-12


def test_another_path_in_the_larger_model_is_named_with_its_line():
    class Net(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.a, self.b = nn.Linear(3, width), nn.Linear(width, 2)
            self.wide = width > 4

        def forward(self, x):
            x = self.a(x)
            if self.wide:
                x = torch.tanh(x)
            return self.b(x)

    with pytest.raises(GrowthError, match=r"tanh \(test_reading.py:\d+\)"):
        carry(Net(4), Net(6))


def test_a_function_can_be_taught():
    from speechbrain_growth import reads
    from speechbrain_growth.engine.reading.functions.registry import FUNCTIONS

    class Net(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.a, self.b = nn.Linear(3, width), nn.Linear(width, 2)

        def forward(self, x):
            return self.b(torch.special.i0e(self.a(x)))

    old, new = Net(4).double(), Net(6).double()
    with pytest.raises(NoRuleError, match="special_i0e has no growth rule"):
        carry(old, new)
    try:
        reads("special_i0e")(lambda step, input: input.axes)
        carry(old, new)
    finally:
        del FUNCTIONS["special_i0e"]
    inputs = torch.randn(5, 3).double()
    assert drift(old(inputs), new(inputs)) < 1e-12


def test_a_module_dict_that_runs_itself_is_no_row():
    """SpeechBrain's CRDNN is one, which splits what its RNN returns."""
    model = CRDNN(
        input_size=8, rnn_neurons=4, dnn_neurons=4, cnn_channels=(2, 2)
    ).eval()
    example = torch.rand(1, 12, 8)
    assert torch.equal(run_of(example)(model), model(example))
    row = nn.ModuleList([nn.Linear(8, 4), nn.ReLU()])
    assert torch.equal(run_of(example)(row), row[1](row[0](example)))
