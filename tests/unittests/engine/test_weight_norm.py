"""Layers under weight norm grow exactly, and so do their averages

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import itertools
import warnings

import pytest
import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations

from speechbrain_growth import GrowthError, carry

INPUT = torch.randn(2, 5, 3, generator=torch.manual_seed(0)).double()
LAYERS = {
    "linear": lambda width: nn.Linear(width, width),
    "convolution": lambda width: nn.Conv1d(width, width, 3, padding=1),
    "groups": lambda width: nn.Conv1d(width, width, 3, padding=1, groups=2),
}
NORMS = {"parametrization": parametrizations.weight_norm}
NORMS["hook"] = utils.weight_norm
CASES = [
    case
    for case in itertools.product(LAYERS, NORMS, (0, 1, 2, None))
    if case[0] != "linear" or case[2] != 2
]
OPTIMIZERS = {"SGD": {"lr": 0.1, "momentum": 0.9}, "Adam": {"lr": 0.1}}


class Model(nn.Module):
    """A layer under weight norm between two linear ones"""

    def __init__(self, width, layer, norm, dim=0):
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the hook
            self.layer = NORMS[norm](LAYERS[layer](width), dim=dim)
        self.double()

    def forward(self, x):
        x, inner = torch.tanh(self.first(x)), self.layer
        if isinstance(inner, nn.Conv1d):
            return self.last(torch.tanh(inner(x.mT).mT))
        return self.last(torch.tanh(inner(x)))


def pair(layer, norm, dim, width, seed=1):
    """Two models whose norms are not those of their directions"""
    torch.manual_seed(seed)
    models = Model(4, layer, norm, dim), Model(width, layer, norm, dim)
    with torch.no_grad():
        for parameter in models[0].parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return models


def backward(model, optimizer=None):
    """Gradients, and a step that changes the optimizer's state only"""
    model(INPUT).square().mean().backward()
    if optimizer is not None:
        rates = [group["lr"] for group in optimizer.param_groups]
        optimizer.param_groups[0]["lr"] = 0.0
        optimizer.step()
        optimizer.param_groups[0]["lr"] = rates[0]


def far(one, other):
    """The largest difference of two tensors"""
    return (one - other).abs().max().item()


def state(optimizer, parameter, key, factor):
    """An entry of an optimizer's state, as it is after one step"""
    return optimizer.state[parameter][key] * factor


@pytest.mark.parametrize("symmetry", ["shares", "fresh", {"zero_sum": 0.1}])
@pytest.mark.parametrize("width", [8, 10])
@pytest.mark.parametrize("layer, norm, dim", CASES)
def test_it_computes_what_it_did(layer, norm, dim, width, symmetry):
    old, new = pair(layer, norm, dim, width)
    before = copy.deepcopy(old.state_dict())
    with torch.no_grad():  # so that the hook leaves a leaf
        expected = old(INPUT)
    carry(old, new, symmetry=symmetry, example=INPUT)
    assert far(new(INPUT), expected) < 1e-12
    after = old.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("layer, norm, dim", CASES)
def test_gradients_and_their_averages_are_those_of_the_larger_model(
    layer, norm, dim
):
    for width, kind in itertools.product((8, 10), OPTIMIZERS):
        old, new = pair(layer, norm, dim, width)
        kind, options = getattr(torch.optim, kind), OPTIMIZERS[kind]
        optimizer = kind(old.parameters(), **options)
        backward(old, optimizer)
        carry(old, new, optimizer, example=INPUT)
        carried = {p: p.grad for p in new.parameters()}
        new.zero_grad()
        backward(new)
        adam = kind is torch.optim.Adam
        key, factor = ("exp_avg", 10) if adam else ("momentum_buffer", 1)
        for parameter in new.parameters():
            assert far(parameter.grad, carried[parameter]) < 1e-12
            found = state(optimizer, parameter, key, factor)
            assert far(parameter.grad, found) < 1e-12


@pytest.mark.filterwarnings("ignore:symmetry equal")
@pytest.mark.parametrize("layer, norm, dim", CASES)
def test_averages_of_squares_are_exact_with_equal_shares(layer, norm, dim):
    old, new = pair(layer, norm, dim, 8)
    optimizer = torch.optim.Adam(old.parameters())
    backward(old, optimizer)
    carry(old, new, optimizer, "equal", example=INPUT)
    new.zero_grad()
    backward(new)
    for parameter in new.parameters():
        found = state(optimizer, parameter, "exp_avg_sq", 1000)
        assert far(parameter.grad.square(), found) < 1e-12


@pytest.mark.parametrize("norm", NORMS)
def test_averages_of_squares_of_norms_are_exact_with_any_shares(norm):
    old, new = pair("linear", norm, 0, 10)
    optimizer = torch.optim.Adam(old.parameters())
    backward(old, optimizer)
    carry(old, new, optimizer, example=INPUT)
    new.zero_grad()
    backward(new)
    (name,) = (n for n, p in new.named_parameters() if p.shape == (10, 1))
    norms = new.get_parameter(name)
    found = state(optimizer, norms, "exp_avg_sq", 1000)
    assert far(norms.grad.square(), found) < 1e-12


@pytest.mark.parametrize("symmetry", ["shares", "fresh"])
@pytest.mark.parametrize("dim", [0, 1])
def test_norms_of_zero_stay_and_keep_their_direction(dim, symmetry):
    old, new = pair("linear", "hook", dim, 9)
    with torch.no_grad():
        old.layer.weight_g[:] = 0
    optimizer = torch.optim.Adam(old.parameters())
    backward(old, optimizer)
    carry(old, new, optimizer, symmetry=symmetry, example=INPUT)
    assert far(new(INPUT), old(INPUT)) < 1e-12
    if symmetry == "fresh":
        kept = new.layer.weight_v[:4, :4]
        assert torch.equal(kept, old.layer.weight_v)
    backward(new, optimizer)
    assert all(p.isfinite().all() for p in new.parameters())


def ending(width, dim):
    """Linear layers of which the last is under weight norm"""
    torch.manual_seed(width)
    last = parametrizations.weight_norm(nn.Linear(width, 2), dim=dim)
    with torch.no_grad():
        last.parametrizations.weight.original0.mul_(1 + width / 10)
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), last).double()


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("symmetry, signs", [("fresh", 0), ("pairs", 1)])
def test_fresh_units_are_read_with_the_weights_as_built(dim, symmetry, signs):
    old, new = ending(4, dim), ending(9, dim)
    kept, built = old[2].weight.detach(), new[2].weight.detach()
    carry(old, new, symmetry=symmetry, example=INPUT)
    weight = new[2].weight.detach()
    assert far(weight[:, :4], kept) < 1e-12
    assert far(weight[:, 4:8:2], signs * built[:, 4:8:2]) < 1e-12
    assert far(weight[:, 5:8:2], -signs * built[:, 4:8:2]) < 1e-12
    assert far(new(INPUT), old(INPUT)) < 1e-12


class Scaled(Model):
    """Its layer's outputs are multiplied by a root of the width"""

    def forward(self, x):
        x = self.layer(torch.tanh(self.first(x)))
        return self.last(torch.tanh(x * self.first.out_features**0.5))


@pytest.mark.parametrize("norm", NORMS)
def test_norms_take_a_factor_that_depends_on_the_width(norm):
    old, new = Scaled(4, "linear", norm), Scaled(9, "linear", norm)
    optimizer = torch.optim.SGD(old.parameters(), 0.1, momentum=0.9)
    backward(old, optimizer)
    carry(old, new, optimizer, example=INPUT)
    assert far(new(INPUT), old(INPUT)) < 1e-12
    new.zero_grad()
    backward(new)
    for parameter in new.parameters():
        found = state(optimizer, parameter, "momentum_buffer", 1)
        assert far(parameter.grad, found) < 1e-12


class Block(nn.Module):
    """A residual block that ends in a layer under weight norm"""

    def __init__(self, norm):
        super().__init__()
        self.one = nn.Linear(3, 4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.two = NORMS[norm](nn.Linear(4, 3))

    def forward(self, x):
        return x + self.two(torch.tanh(self.one(x)))


class Blocks(nn.Module):
    """Some blocks in a row"""

    def __init__(self, depth, norm):
        super().__init__()
        self.rows = nn.ModuleList(Block(norm) for _ in range(depth))
        self.double()

    def forward(self, x):
        for block in self.rows:
            x = block(x)
        return x


@pytest.mark.parametrize("norm", NORMS)
def test_a_new_block_begins_with_norms_of_zero(norm):
    old, new = Blocks(1, norm), Blocks(2, norm)
    plan = carry(old, new, example=INPUT)
    assert list(plan.born) == ["rows.1"]
    assert far(new(INPUT), old(INPUT)) < 1e-12
    backward(new)
    norms = [p for p in new.rows[1].two.parameters() if p.shape == (3, 1)]
    assert norms[0].grad.abs().min() > 0


def other_axis(width):
    """Norms of rows in one model, of columns in the other"""
    return Model(width, "linear", "hook", dim=0 if width == 4 else 1)


def other_name(width):
    """A parametrization in one model, a hook in the other"""
    return Model(width, "linear", list(NORMS)[width == 4])


def orthogonal(width):
    """Another parametrization"""
    model = Model(width, "linear", "hook")
    model.layer = parametrizations.orthogonal(nn.Linear(width, width).double())
    return model


@pytest.mark.parametrize("model", [other_axis, other_name, orthogonal])
def test_other_weight_norms_and_parametrizations_are_refused(model):
    new = model(8)
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=r"layer\S*: .*; (let|keep)"):
        carry(model(4), new, example=INPUT)
    after = new.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
