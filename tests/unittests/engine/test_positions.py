"""Attention with relative positions grows exactly: more heads, or wider ones

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain.nnet.attention import RelPosEncXL, RelPosMHAXL
from speechbrain_growth import GrowthError, carry

# Width and number of heads, before and after
SIZES = [
    ((8, 2), (16, 4)),
    ((8, 2), (24, 6)),
    ((8, 2), (12, 3)),
    ((4, 1), (12, 3)),
    ((8, 2), (16, 2)),
    ((8, 2), (12, 2)),
    ((4, 1), (12, 1)),
]
# Long, as small differences of a frequency add up along the positions
INPUT = torch.randn(2, 300, 3, generator=torch.manual_seed(0))


class Model(nn.Module):
    """Attention with relative positions between two linear layers"""

    def __init__(self, width, number, vbias=True, own=False):
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.positions = RelPosEncXL(width)
        self.attention = RelPosMHAXL(width, number, vbias=vbias)
        self.own = own

    def forward(self, x):
        x = self.first(x)
        positions = self.positions(x)
        if self.own:
            positions = torch.cat([positions[..., :4], positions[..., 4:]], -1)
        return self.last(self.attention(x, x, x, pos_embs=positions)[0])


def pair(sizes, **options):
    """Two models, of which the small one has no weight as it was built"""
    torch.manual_seed(1)
    models = [Model(*one, **options) for one in sizes]
    with torch.no_grad():
        for parameter in models[0].parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return models


def far(one, other):
    """The largest difference, relative to the largest number"""
    return ((one - other).abs().max() / one.abs().max()).item()


@pytest.mark.parametrize("symmetry", ["shares", "fresh"])
@pytest.mark.parametrize("vbias", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_computes_what_it_did(sizes, vbias, symmetry):
    old, new = pair(sizes, vbias=vbias)
    expected = old(INPUT)
    carry(old, new, symmetry=symmetry, example=INPUT)
    assert far(expected, new(INPUT)) < 2e-6


@pytest.mark.parametrize("sizes", SIZES)
def test_a_stock_model_loads_it(sizes):
    old, new = pair(sizes)
    carry(old, new, example=INPUT)
    stock = Model(*sizes[1])
    stock.load_state_dict(new.state_dict())
    assert torch.equal(stock(INPUT), new(INPUT))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_old_frequencies_stay_and_others_are_as_built(sizes):
    old, new = pair(sizes)
    built = new.positions.inv_freq.clone()
    carry(old, new, example=INPUT)
    found = new.positions.inv_freq
    places = torch.isin(found, old.positions.inv_freq)
    assert torch.equal(found[places], old.positions.inv_freq)
    assert torch.equal(found[~places], built[~places])
    if sizes[1][0] % sizes[0][0] == 0:
        assert torch.allclose(found, built)


@pytest.mark.parametrize("sizes", SIZES)
def test_averages_are_those_of_the_larger_models_gradients(sizes):
    old, new = pair(sizes)
    optimizer = torch.optim.Adam(old.parameters(), 0.0)
    old(INPUT).square().mean().backward()
    optimizer.step()
    carry(old, new, optimizer, example=INPUT)
    carried = {name: p.grad for name, p in new.named_parameters()}
    new.zero_grad()
    new(INPUT).square().mean().backward()
    read = torch.isin(new.positions.inv_freq, old.positions.inv_freq)
    for name, parameter in new.named_parameters():
        found = [carried[name], 10 * optimizer.state[parameter]["exp_avg"]]
        for one in found:
            one, grad = one, parameter.grad
            if name == "attention.linear_pos.weight":  # others learn at first
                read_twice = read.repeat_interleave(2)
                one, grad = one[:, read_twice], grad[:, read_twice]
            assert (one - grad).abs().max() < 1e-5


@pytest.mark.parametrize(
    "sizes, options, message",
    [
        ((16, 8), {}, "its size must stay"),
        ((18, 3), {}, "one after the other"),
        ((16, 4), {"own": True}, "getitem cuts positions 8 -> 16"),
    ],
)
def test_other_heads_and_positions_are_refused(sizes, options, message):
    old, new = Model(8, 2), Model(*sizes, **options)
    if "own" in options:
        old.own = True
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=message):
        carry(old, new, example=INPUT)
    after = new.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
