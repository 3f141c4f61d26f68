"""Tests that columns read earlier ones as the paper says, and change none

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import pytest
import torch
from small import COLUMN, COLUMNS, ended, same, small, train, until_killed
from torch import nn

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.RNN import GRU, LiGRU
from speechbrain_growth import (
    MLP,
    Columns,
    GrowthError,
    LiGRU as OurLiGRU,
)
from speechbrain_growth.engine.carrying import carry

INTO = ["hidden_1.linear", "output"]
KINDS = ["linear", "adapters"]
WIDTHS = 5, [7, 6], 3  # inputs, hidden, outputs
ADAPTERS = COLUMNS.replace("linear\n", "adapters\n")
SYSTEMS = {
    kind: (text, "!new:speechbrain_growth.Progressive", f"[{COLUMN}]")
    for kind, text in (("linear", COLUMNS), ("adapters", ADAPTERS))
}


class Recurrent(nn.Module):
    """A recurrent layer between two linear ones."""

    def __init__(self, rnn):
        super().__init__()
        self.front = nn.Linear(4, 5)
        self.rnn = rnn(hidden_size=3)
        self.output = nn.Linear(3, 2)

    def forward(self, inputs):
        """Scores at each time."""
        return self.output(self.rnn(torch.tanh(self.front(inputs)))[0])


class WithOutput(nn.Sequential):
    """A whole CRDNN and a linear output."""

    def __init__(self):
        options = {"cnn_channels": (2, 2), "rnn_layers": 1, "rnn_neurons": 4}
        crdnn = CRDNN(
            12, dnn_blocks=1, dnn_neurons=5, rnn_class=LiGRU, **options
        )
        super().__init__()
        self.crdnn, self.output = crdnn, nn.Linear(5, 3)


MODELS = {
    "MLP": (partial(MLP, *WIDTHS), INTO, (9, 5)),
    **{
        name: (partial(Recurrent, rnn), ["rnn", "output"], (2, 6, 4))
        for name, rnn in {
            "GRU": partial(GRU, input_size=5),
            "LiGRU": partial(LiGRU, input_shape=[None, None, 5]),
            "our LiGRU": partial(OurLiGRU, input_shape=[None, None, 5]),
            "torch's GRU": partial(nn.GRU, input_size=5, batch_first=True),
        }.items()
    },
    "CRDNN": (
        WithOutput,
        ["crdnn.RNN", "crdnn.DNN.block_0.linear.w", "output"],
        (2, 16, 12),
    ),
}


def columns(model="MLP", number=3, laterals="linear", seed=0, **options):
    """Columns of a model, and inputs"""
    build, into, shape = MODELS[model]
    torch.manual_seed(seed)
    net = Columns(number, build, laterals, into, **options)
    return net.eval(), torch.randn(shape)


def lateral_weights(net):
    """All weights of laterals, by name"""
    return {n: p for n, p in net.named_parameters() if n.startswith("lat")}


def column_alone(net, name, inputs):
    """What a column returns without laterals"""
    with torch.no_grad():
        return net.columns[name](inputs)


def as_of(net, number, model, laterals="linear"):
    """The columns that were there when a number of them was"""
    build, into, _ = MODELS[model]
    early = Columns(number, build, laterals, into)
    state = {
        k: v for k, v in net.state_dict().items() if k in early.state_dict()
    }
    early.load_state_dict(state, strict=True)
    return early.eval()


@pytest.mark.parametrize("laterals", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_each_lateral_changes_its_own_column_and_no_earlier_one(
    model, laterals
):
    net, inputs = columns(model, laterals=laterals)
    with torch.no_grad():
        for name, weight in lateral_weights(net).items():
            number = int(name.split(".")[1])
            own = as_of(net, number + 1, model, laterals)(inputs)
            earlier = as_of(net, number, model, laterals)(inputs)
            kept = weight.clone()
            weight.add_(torch.randn(weight.shape))
            now = as_of(net, number + 1, model, laterals)(inputs)
            assert not torch.allclose(now, own, atol=1e-5), name
            again = as_of(net, number, model, laterals)(inputs)
            assert torch.equal(again, earlier), name
            weight.copy_(kept)


@pytest.mark.parametrize("model", MODELS)
def test_without_laterals_a_column_is_a_fresh_net_of_that_seed(model):
    net, inputs = columns(model)
    torch.manual_seed(0)
    fresh = [MODELS[model][0]() for _ in range(3)][-1].eval()
    with torch.no_grad():
        assert not torch.allclose(net(inputs), fresh(inputs), atol=1e-4)
        for weight in lateral_weights(net).values():
            weight.zero_()
        assert torch.equal(net(inputs), fresh(inputs))


def test_columns_are_one_wide_net_with_a_block_triangular_mask():
    net, inputs = columns()
    state = {n: p.detach().double() for n, p in net.state_dict().items()}

    def wide(layer, lateral):
        """The weight of all columns, new ones below; and the bias"""
        rows = []
        for j in range(3):
            row = []
            for k in range(3):
                own = state[f"columns.{j}.{layer}.weight"]
                name = f"laterals.{j}.{lateral}.from_column.{k}.weight"
                row.append(own if k == j else state[name] if k < j else 0 * own)
            rows.append(torch.cat(row, 1))
        bias = [state[f"columns.{j}.{layer}.bias"] for j in range(3)]
        return torch.cat(rows), torch.cat(bias)

    first = [
        torch.cat(
            [state[f"columns.{j}.hidden_0.linear.{part}"] for j in range(3)]
        )
        for part in ("weight", "bias")
    ]
    signal = (inputs.double() @ first[0].T + first[1]).relu()
    weight, bias = wide("hidden_1.linear", "hidden_1-linear")
    signal = (signal @ weight.T + bias).relu()
    weight, bias = wide("output", "output")
    expected = (signal @ weight.T + bias)[:, -3:]
    assert torch.allclose(net(inputs).double(), expected, atol=1e-6)


def test_adapters_are_those_of_the_paper():
    net, inputs = columns(number=2, laterals="adapters", scale=0.3, adapter=4)
    first, second = net.columns["0"], net.columns["1"]
    below = first.hidden_0(inputs)
    lateral = net.laterals["1"]

    def added(name, signal):
        """Scale, project, rectify, project"""
        one = lateral[name]
        assert torch.equal(one.scale, torch.tensor([0.3]))
        code = torch.relu(0.3 * signal @ one.into.weight.T + one.into.bias)
        assert code.shape[1] == 4
        return code @ one.out.weight.T

    signal = second.hidden_1.linear(second.hidden_0(inputs))
    signal = torch.relu(signal + added("hidden_1-linear", below))
    expected = second.output(signal) + added("output", first.hidden_1(below))
    assert torch.allclose(net(inputs), expected, atol=1e-6)


@pytest.mark.parametrize("model", ["GRU", "LiGRU", "our LiGRU", "torch's GRU"])
def test_a_lateral_adds_to_what_a_recurrent_layer_gets(model):
    net, inputs = columns(model, number=2)
    first, second = net.columns["0"], net.columns["1"]
    lateral = net.laterals["1"]
    below = torch.tanh(first.front(inputs))
    own = torch.tanh(second.front(inputs))
    own = own + below @ lateral.rnn.from_column[0].weight.T
    expected = second.output(second.rnn(own)[0])
    before = first.rnn(below)[0]
    expected = expected + before @ lateral.output.from_column[0].weight.T
    assert torch.allclose(net(inputs), expected, atol=1e-6)


def count(net):
    """How many parameters"""
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("laterals", KINDS)
def test_parameters_are_as_many_as_the_formula_says(laterals, number):
    net, _ = columns(number=number, laterals=laterals)
    i, (h, g), o = WIDTHS
    column = (i + 1) * h + (h + 1) * g + (g + 1) * o
    pairs = number * (number - 1) // 2
    if laterals == "linear":
        expected = number * column + pairs * (h * g + g * o)
    else:
        each = h + h * g + g + g * o  # biases and what leaves an adapter
        expected = (
            number * column
            + (number - 1) * each
            + pairs * (1 + h * h + 1 + g * g)
        )
    assert count(net) == expected


@pytest.mark.parametrize("model", MODELS)
def test_only_the_last_column_and_its_laterals_learn(model):
    net, inputs = columns(model)
    net.train()
    net(inputs).square().sum().backward()
    for name, weight in net.named_parameters():
        is_last = name.split(".")[1] == "2"
        assert weight.requires_grad == is_last == (weight.grad is not None)
    assert not any(m.training for m in net.columns["1"].modules())
    assert net.columns["2"].training


@pytest.mark.parametrize("laterals", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_a_growth_adds_a_column_and_leaves_the_others(model, laterals):
    old, inputs = columns(model, 2, laterals)
    new, _ = columns(model, 3, laterals, seed=1)
    own = {n: t.clone() for n, t in new.state_dict().items()}
    expected = old(inputs)
    carry(old, new, symmetry="fresh")
    assert torch.equal(as_of(new, 2, model, laterals)(inputs), expected)
    for name, tensor in new.state_dict().items():
        if name.split(".")[1] == "2":
            assert torch.equal(tensor, own[name])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_tasks_keep_their_logits_and_a_resumed_run_its_bits(kind, tmp_path):
    whole = train(small(tmp_path / "whole", SYSTEMS[kind]))
    for task, then in enumerate(whole.finished.probes, start=1):
        assert all(map(torch.equal, whole.logits_of(task), then))
    often = {"ckpt_interval_steps": 2}
    for moment in ("task 1 finished", "epoch 3 step 3", "epoch 5 step 5"):
        brain = small(tmp_path / "killed", SYSTEMS[kind], run_opts=often)
        until_killed(brain, moment)
        learns = learning(brain)
    assert learns == {"2"}
    brain = small(tmp_path / "killed", SYSTEMS[kind], run_opts=often)
    until_killed(brain, "epoch 5 step 6")
    assert learning(brain) == {"2"}  # right after it resumed
    brain = train(small(tmp_path / "killed", SYSTEMS[kind]))
    assert same(ended(brain), ended(whole)) == []


def learning(brain):
    """The numbers of the columns whose parameters an optimizer changes"""
    return {
        name.split(".")[2]
        for name, weight in brain.raw_modules.named_parameters()
        if weight.requires_grad
    }


def test_a_control_has_a_random_constant_as_its_first_column(tmp_path):
    brain = small(tmp_path, SYSTEMS["linear"], {"columns": 2})
    first = brain.raw_modules.model.columns["0"].state_dict()
    first = {name: tensor.clone() for name, tensor in first.items()}
    train(brain)
    model = brain.raw_modules.model
    assert list(model.columns) == ["0", "1", "2", "3"]
    assert same(model.columns["0"].state_dict(), first) == []
    assert len(brain.finished) == 3


WRONG = [
    ({"into": ["hidden_2"]}, "has no layer hidden_2; name some of hidden_0"),
    ({"into": ["hidden_1.activation"]}, "ReLU has no weight"),
    ({"into": []}, "give one of none, linear, adapters"),
    ({"laterals": "none"}, "and layers unless it is none"),
    ({"laterals": "lateral"}, "laterals is 'lateral'"),
]


@pytest.mark.parametrize("wrong, message", WRONG)
def test_wrong_laterals_are_refused(wrong, message):
    options = {"laterals": "linear", "into": INTO, **wrong}
    with pytest.raises(GrowthError, match=message):
        Columns(2, MODELS["MLP"][0], **options)
