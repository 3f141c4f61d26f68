"""Tests for warming up the units that a growth added

The reference is a second optimizer that runs at full rate: what it does to old
units must happen, and a part of what it does to new ones.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain.nnet.attention import RelPosEncXL, RelPosMHAXL
from speechbrain_growth import carry, trace
from speechbrain_growth.training.afterwards.rewarming import (
    fitted,
    mask_of,
    new_units,
)
from speechbrain_growth.training.afterwards.scaling import by_norm
from speechbrain_growth.training.afterwards.transition import Transition

torch.set_num_threads(1)
OPTIMIZERS = [
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (torch.optim.Adam, {"lr": 0.01}),
    (torch.optim.Adadelta, {"lr": 1.0}),
]
each_optimizer = pytest.mark.parametrize("kind, options", OPTIMIZERS)


def mlp(units):
    """Two linear layers"""
    return nn.Sequential(
        nn.Linear(3, units), nn.Tanh(), nn.Linear(units, 2)
    ).double()


def grown(symmetry="shares", small=4, large=6):
    """A net that has grown, and the plan"""
    torch.manual_seed(0)
    old, new = mlp(small), mlp(large)
    return new, carry(old, new, symmetry=symmetry)


def gradients(model, number):
    """Fills in the gradients of one batch"""
    torch.manual_seed(number)
    inputs = torch.randn(8, 3, dtype=torch.float64)
    model.zero_grad()
    (model(inputs) - inputs[:, :2].sin()).square().mean().backward()


class Encoder(nn.Module):
    """Attention with relative positions"""

    def __init__(self, heads):
        super().__init__()
        width = 4 * heads
        self.first, self.positions = nn.Linear(2, width), RelPosEncXL(width)
        self.attention = RelPosMHAXL(width, heads)
        self.last = nn.Linear(width, 2)

    def forward(self, x):
        x = self.first(x)
        y, _ = self.attention(x, x, x, pos_embs=self.positions(x))
        return self.last(y)


@pytest.mark.parametrize("symmetry", ["shares", "fresh"])
def test_old_units_come_first(symmetry):
    _, plan = grown(symmetry)
    masks = new_units(plan)
    assert set(masks) == {"0.weight", "0.bias", "2.weight"}
    later = torch.arange(6) >= 4
    assert torch.equal(mask_of(masks["0.weight"])[:, 0], later)
    assert torch.equal(mask_of(masks["0.bias"]), later)
    assert torch.equal(mask_of(masks["2.weight"])[0], later)


def test_new_heads_are_found_in_biases_that_hold_them_one_after_the_other():
    encoders = [Encoder(heads) for heads in (2, 3)]
    plan = trace(*encoders, example=torch.ones(1, 3, 2))
    bias = encoders[1].attention.pos_bias_u
    found = fitted(mask_of(new_units(plan)["attention.pos_bias_u"]), bias)
    assert found.shape == bias.shape
    heads = found.reshape(1, 1, 3, 4)  # as the layer's forward does
    assert torch.equal(heads[0, 0].all(1), torch.arange(3) == 2)
    assert torch.equal(heads[0, 0].any(1), torch.arange(3) == 2)
    values = torch.rand(bias.shape, generator=torch.manual_seed(0))
    turns = {"bias": [torch.arange(12) // 8]}
    flat = by_norm(turns, {"bias": values.flatten()})["bias"]
    assert torch.equal(by_norm(turns, {"bias": values})["bias"], flat)


@each_optimizer
def test_new_units_take_a_growing_part_of_each_step(kind, options):
    model, plan = grown()
    masks = new_units(plan)
    optimizer = kind(model.parameters(), **options)
    transition = Transition(lambda: model)
    transition.begin(plan, rewarm=4)
    for step in range(6):
        gradients(model, step)
        before = [p.detach().clone() for p in model.parameters()]
        full_model = copy.deepcopy(model)
        full = kind(full_model.parameters(), **options)
        full.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        gradients(full_model, step)
        full.step()
        with transition.step():
            optimizer.step()
        rate = min((step + 1) / 4, 1.0)
        rows = zip(model.named_parameters(), full_model.parameters(), before)
        for (name, now), wanted, was in rows:
            mask = mask_of(masks[name]) if name in masks else torch.tensor(0)
            part = torch.where(mask.bool(), rate, 1.0)
            torch.testing.assert_close(now - was, part * (wanted - was))
            assert (now != was).all()


def test_a_warm_up_is_resumed_from_a_checkpoint(tmp_path):
    ends = []
    for killed in (False, True):
        model, plan = grown()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        transition = Transition(lambda model=model: model)
        transition.begin(plan, rewarm=5)
        for step in range(7):
            if killed and step == 2:
                transition._save(tmp_path / "state")
                transition = Transition(lambda model=model: model)
                transition._load(tmp_path / "state")
            gradients(model, step)
            with transition.step():
                optimizer.step()
        ends.append([p.detach() for p in model.parameters()])
        assert not transition.masks
    assert all(torch.equal(one, other) for one, other in zip(*ends))


def test_without_a_warm_up_nothing_is_slowed():
    model, plan = grown()
    transition = Transition(lambda: model)
    transition.begin(plan, rewarm=0)
    assert transition.masks == {}
