"""Tests that outputs split from old ones, and that old posteriors stay

The reference is the softmax of torch: summed over the outputs that an old one
became, it is what the old one had.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math
import warnings

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn

from speechbrain.nnet import linear
from speechbrain_growth import GrowthError, carry
from speechbrain_growth.engine.carried.new_outputs import comparable

torch.set_num_threads(1)


def mlp(hidden, classes, bias=True):
    """A small classifier; its last layer is 2"""
    return nn.Sequential(
        nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, classes, bias)
    ).double()


def conv(hidden, classes):
    """The same, at every position of a sequence"""
    return nn.Sequential(
        nn.Conv1d(3, hidden, 3, padding=1),
        nn.Tanh(),
        nn.Conv1d(hidden, classes, 1),
    ).double()


class Read(nn.Module):
    """A forward without a rule"""

    def __init__(self, hidden, classes):
        super().__init__()
        self.first = linear.Linear(hidden, input_size=3)
        self.output = linear.Linear(classes, input_size=hidden)
        self.double()

    def forward(self, x):
        return self.output(torch.tanh(self.first(x)))


class Posteriors(Read):
    """The same with a softmax inside"""

    def forward(self, x):
        return super().forward(x).log_softmax(-1)


class Heads(nn.Module):
    """Two heads of the same sizes"""

    def __init__(self, classes):
        super().__init__()
        self.one, self.other = nn.Linear(3, classes), nn.Linear(3, classes)
        self.double()

    def forward(self, x):
        return self.one(x), self.other(x)


class Summed(Heads):
    """Two layers whose outputs are added"""

    def forward(self, x):
        return self.one(x) + self.other(x)


def summed(posteriors, old, parents, dim=-1):
    """The posteriors of what each old output became, and of the others"""
    posteriors = posteriors.movedim(dim, -1)
    before = posteriors[..., :old].clone()
    apart = torch.zeros_like(posteriors[..., 0])
    for k, parent in enumerate(parents):
        if parent is None:
            apart += posteriors[..., old + k]
        else:
            before[..., parent] += posteriors[..., old + k]
    return before.movedim(-1, dim), apart


@st.composite
def families(draw):
    """Old outputs, parents of the new ones, hidden units before and after"""
    old = draw(st.integers(1, 6))
    parent = st.none() | st.integers(0, old - 1)
    parents = draw(st.lists(parent, min_size=1, max_size=6))
    hidden = draw(st.integers(1, 5))
    return old, parents, hidden, hidden + draw(st.integers(0, 4))


BUILDERS = {
    "mlp": (mlp, "2", (7, 3), -1),
    "conv": (conv, "2", (2, 3, 7), 1),
    "read": (Read, "output.w", (2, 7, 3), -1),
}


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(drawn=families())
def test_posteriors_of_a_family_sum_to_that_of_the_parent(name, drawn):
    build, layer, shape, dim = BUILDERS[name]
    classes, parents, *hidden = drawn
    torch.manual_seed(0)
    old = build(hidden[0], classes)
    new = build(hidden[1], classes + len(parents))
    inputs = torch.randn(shape).double()
    carry(old, new, example=inputs, outputs={layer: parents})
    before = old(inputs).softmax(dim)
    found, apart = summed(new(inputs).softmax(dim), classes, parents, dim)
    # What the outputs without a parent take, all give in proportion
    expected = before * (1 - apart).unsqueeze(dim)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert apart.max() < 1e-8 * max(1, parents.count(None))
    assert torch.equal(before.argmax(dim), found.argmax(dim))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(drawn=families())
def test_outputs_that_do_not_split_stay_to_the_bit(drawn):
    classes, parents, hidden, _ = drawn
    torch.manual_seed(0)
    old, new = mlp(hidden, classes), mlp(hidden, classes + len(parents))
    carry(old, new, outputs={"2": parents})
    stay = [k for k in range(classes) if k not in parents]
    for one, other in zip(old[2].parameters(), new[2].parameters()):
        assert torch.equal(one[stay], other[stay])
    # Of one row at a time, so that both multiply matrices of the same sizes
    inputs = new[1](new[0](torch.randn(5, 3).double()))
    for k in stay:
        logits = [
            nn.functional.linear(inputs, m[2].weight[k : k + 1], m[2].bias[k])
            for m in (old, new)
        ]
        assert torch.equal(*logits)
    for k, parent in enumerate(parents, start=classes):
        if parent is None:
            assert not new[2].weight[k].any() and new[2].bias[k] == -20
            continue
        n = 1 + parents.count(parent)
        lower = old[2].bias[parent] - math.log(n)
        for row in (k, parent):
            assert torch.equal(new[2].weight[row], old[2].weight[parent])
            assert torch.equal(new[2].bias[row], lower)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("symmetry", ["shares", "fresh", {"zero_sum": 0.1}])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(drawn=families())
def test_beside_fresh_outputs_old_ones_stay(name, symmetry, drawn):
    build, layer, shape, dim = BUILDERS[name]
    classes, parents, *hidden = drawn
    torch.manual_seed(0)
    old = build(hidden[0], classes)
    new = build(hidden[1], classes + len(parents))
    built = copy.deepcopy(new).get_submodule(layer)
    inputs = torch.randn(shape).double()
    plan = carry(old, new, symmetry=symmetry, example=inputs, outputs="fresh")
    found = new(inputs).narrow(dim, 0, classes)
    torch.testing.assert_close(found, old(inputs), rtol=0, atol=1e-12)
    before, after = (m.get_submodule(layer) for m in (old, new))
    assert torch.equal(after.bias[:classes], before.bias)
    assert torch.equal(after.bias[classes:], built.bias[classes:])
    if hidden[0] == hidden[1]:  # no noise on what reads copies
        assert torch.equal(after.weight[classes:], built.weight[classes:])
        assert torch.equal(after.weight[:classes], before.weight)
    logs = [m(inputs).log_softmax(dim) for m in (old, new)]
    one, other = comparable(*logs, plan)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_fresh_outputs_that_a_layer_reads_are_refused():
    class Again(Read):
        """What leaves is also read."""

        def __init__(self, hidden, classes):
            super().__init__(hidden, classes)
            self.reader = nn.Linear(classes, 2).double()

        def forward(self, x):
            found = super().forward(x)
            return found, self.reader(found)

    old, new = Again(3, 4), Again(3, 6)
    with pytest.raises(GrowthError, match="outputs is fresh, but .* also read"):
        carry(old, new, example=torch.randn(2, 3).double(), outputs="fresh")


def test_two_heads_of_the_same_sizes_split_differently():
    torch.manual_seed(0)
    old, new = Heads(3), Heads(5)
    inputs = torch.randn(5, 3).double()
    parents = {"one": [0, None], "other": [2, 2]}
    carry(old, new, example=inputs, outputs=parents)
    for one, other, given_ in zip(old(inputs), new(inputs), parents.values()):
        found, _ = summed(other.softmax(-1), 3, given_)
        torch.testing.assert_close(found, one.softmax(-1), rtol=0, atol=1e-7)


# The optimizer

ENTRIES = {
    "exp_avg": (1, lambda others: torch.zeros_like(others[0])),
    "exp_avg_sq": (2, lambda others: others.mean(0)),
}


def trained(seed=0):
    """A net of three classes and its Adam, after two steps"""
    torch.manual_seed(seed)
    old = mlp(4, 3)
    optimizer = torch.optim.Adam(old.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        inputs, target = torch.randn(9, 3).double(), torch.arange(9) % 3
        nn.functional.cross_entropy(old(inputs), target).backward()
        optimizer.step()
    return old, optimizer


def test_averages_are_divided_among_the_outputs_of_a_family():
    old, optimizer = trained()
    before = {
        name: copy.deepcopy(optimizer.state[p])
        for name, p in old[2].named_parameters()
    }
    grads = {name: p.grad.clone() for name, p in old[2].named_parameters()}
    new = mlp(4, 7)
    carry(old, new, optimizer, outputs={"2": [1, None, 1, 0]})
    counts = torch.tensor([2, 3, 1, 3, 3, 2]).double()
    rows, old_rows = [0, 1, 2, 3, 5, 6], [0, 1, 2, 1, 1, 0]
    for name, parameter in new[2].named_parameters():
        shape = [-1] + [1] * (parameter.ndim - 1)
        for entry, (power, apart) in ENTRIES.items():
            value = optimizer.state[parameter][entry]
            hand = before[name][entry][old_rows] / counts.view(shape) ** power
            torch.testing.assert_close(value[rows], hand, rtol=1e-12, atol=0)
            torch.testing.assert_close(value[4], apart(hand))
        hand = grads[name][old_rows] / counts.view(shape)
        torch.testing.assert_close(parameter.grad[rows], hand)
        assert not parameter.grad[4].any()


def test_gradients_are_those_of_examples_divided_equally():
    torch.manual_seed(0)
    old, new = mlp(4, 3), mlp(4, 5)
    inputs, target = torch.randn(9, 3).double(), torch.arange(9) % 3
    nn.functional.cross_entropy(old(inputs), target).backward()
    carry(old, new, outputs={"2": [1, 1]})
    carried = [p.grad for p in new.parameters()]
    equally = torch.zeros(9, 5).double()
    for row, k in zip(equally, target.tolist()):
        row[[1, 3, 4] if k == 1 else k] = 1 / 3 if k == 1 else 1
    loss = nn.functional.cross_entropy(new(inputs), equally)
    true = torch.autograd.grad(loss, list(new.parameters()))
    for one, other in zip(carried, true):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


# A recogniser: label 0 is the blank


def greedy(model, inputs):
    """The best path without repeats and blanks"""
    best = model(inputs).argmax(1)[0]
    return [k for k in torch.unique_consecutive(best).tolist() if k]


def test_ctc_decodes_as_before_where_no_phone_was_split():
    torch.manual_seed(0)
    old, new = conv(8, 5), conv(12, 8)
    utterance = 3 * torch.randn(1, 3, 40).double()
    carry(old, new, outputs={"2": [None, None, None]})
    heard = greedy(old, utterance)
    assert len(heard) > 9 and greedy(new, utterance) == heard
    split = conv(12, 7)
    carry(old, split, outputs={"2": [4, None]})
    with torch.no_grad():
        found, _ = summed(split(utterance).softmax(1), 5, [4, None], 1)
    assert torch.equal(found.argmax(1), old(utterance).argmax(1))
    blank = [model(utterance)[:, 0] for model in (old, split)]
    torch.testing.assert_close(*blank, rtol=0, atol=1e-12)


# What is said, and what is refused


def test_only_outputs_that_are_not_said_to_split_are_warned_of():
    old = mlp(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        carry(old, mlp(4, 5), outputs={"2": [1, None]})
    with pytest.warns(UserWarning, match="begin as copies"):
        carry(old, mlp(4, 5))


def normed(hidden, classes):
    """A norm behind the last layer"""
    return nn.Sequential(
        *mlp(hidden, classes), nn.BatchNorm1d(classes)
    ).double()


def weight_normed(hidden, classes):
    """The last layer under weight norm"""
    model = mlp(hidden, classes)
    nn.utils.parametrizations.weight_norm(model[2])
    return model


def biasless(hidden, classes):
    """No bias in the last layer"""
    return mlp(hidden, classes, bias=False)


def rectified(hidden, classes):
    """An activation behind the last layer: no logits"""
    return nn.Sequential(*mlp(hidden, classes), nn.ReLU())


REFUSED = {
    "no dict": (mlp, 5, [1, None], "use {name of the last layer"),
    "not there": (mlp, 5, {"4": [1, None]}, "4: is in one model only, or in"),
    "no linear": (mlp, 5, {"1": [1, None]}, "1: is a Tanh; name the Linear"),
    "nothing to split": (biasless, 5, {"2": [1, 1]}, "or use outputs: fresh"),
    "SpeechBrain's": (Read, 5, {"output": [1, None]}, "as output.w in"),
    "no list": (mlp, 5, {"2": 1}, "its parents are 1; give a list"),
    "hidden": (mlp, 3, {"0": [0, 0]}, "0: its outputs meet other weights, 2.w"),
    "too few": (mlp, 5, {"2": [1]}, "2: found 1 parents, but .* gets 2 new"),
    "too many": (mlp, 3, {"2": [1]}, "2: found 1 parents, but .* gets 0 new"),
    "no index": (mlp, 5, {"2": [3, -1]}, "parents 3, -1, .* use 0 to 2, or"),
    "no number": (mlp, 5, {"2": [True, "a"]}, "parents True, 'a', which are"),
    "no bias": (biasless, 5, {"2": [1, None]}, "2: .* give the layer a bias"),
    "a norm": (normed, 5, {"2": [1, None]}, "meet other weights, 3.weight"),
    "weight norm": (weight_normed, 5, {"2": [1, None]}, "a ParametrizedLinear"),
    "softmax": (Posteriors, 5, {"output.w": [1, 1]}, "softmax works along"),
    "no logits": (rectified, 5, {"2": [1, 0]}, "computes something else"),
    "shrinks": (mlp, 2, {"2": []}, "3 units cannot shrink to 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_changes(name):
    build, classes, outputs, message = REFUSED[name]
    torch.manual_seed(0)
    old, new = build(4, 3), build(6, classes)
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    before = copy.deepcopy(new.state_dict())
    example = torch.randn(5, 3).double()
    with pytest.raises(GrowthError, match=message):
        carry(old, new, optimizer, example=example, outputs=outputs)
    after = new.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in old.parameters()]


ADDED = {
    "one": "meet other weights, other",
    "other": "meet other weights, one",
}


@pytest.mark.parametrize("name", ADDED)
def test_layers_whose_outputs_are_added_are_refused(name):
    example = torch.randn(5, 3).double()
    with pytest.raises(GrowthError, match=f"{name}: .*{ADDED[name]}"):
        carry(Summed(3), Summed(5), example=example, outputs={name: [0, None]})


def test_a_split_that_is_wrong_is_found_by_the_proof(monkeypatch):
    monkeypatch.setattr(
        "speechbrain_growth.engine.carrying.put_split_biases",
        lambda new, plan: None,
    )
    with pytest.raises(GrowthError, match="computes something else"):
        carry(mlp(4, 3), mlp(4, 5), outputs={"2": [1, None]})
