"""Tests that what carry freezes stays to the bit, and that the rest learns

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_growth import MLP, GrowthError, Held, carry, trace
from speechbrain_growth.engine.births.symmetry import symmetry_of
from speechbrain_growth.engine.holding.masks import entering_old_units

OPTIMIZERS = {
    "SGD": dict(lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    "Adam": dict(lr=0.1, weight_decay=0.1),
    "AdamW": dict(lr=0.1, weight_decay=0.1),
}
INPUTS = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
NORMS = {
    "batch": nn.BatchNorm1d,
    "cumulative": lambda units: nn.BatchNorm1d(units, momentum=None),
    "layer": nn.LayerNorm,
}


def net(first, second, norm="batch"):
    """Two hidden layers with norms"""
    return nn.Sequential(
        nn.Linear(4, first),
        NORMS[norm](first),
        nn.Tanh(),
        nn.Linear(first, second),
        NORMS[norm](second),
        nn.Tanh(),
        nn.Linear(second, 3),
    )


def train(model, optimizer, held=None, count=4):
    """Takes steps; some batches come without one, as when gradients add up"""
    for number in range(count):
        model(INPUTS * (number + 1)).square().sum().backward()
        if held is None:
            optimizer.step()
        else:
            with held.step():
                optimizer.step()
        optimizer.zero_grad()


def state(model):
    """A copy of all tensors"""
    return copy.deepcopy(model.state_dict())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("norm", NORMS)
def test_named_layers_stay_to_the_bit_and_all_else_moves(name, norm):
    old, new = net(5, 6, norm), net(5, 8, norm)
    optimizer = getattr(torch.optim, name)(old.parameters(), **OPTIMIZERS[name])
    train(old, optimizer)  # so that averages, momentum and statistics push
    names = ["0", "1", "4"]
    plan = carry(old, new, optimizer, "fresh", fold=99, freeze=names)
    before = state(new)
    train(new, optimizer, plan.held)
    for key, now in new.state_dict().items():
        layer, was = key.split(".")[0], before[key]
        if layer in "01":
            assert torch.equal(now, was)
        elif layer == "4" and now.ndim:
            assert torch.equal(now[:6], was[:6])
            assert (now[6:] != was[6:]).all()
        else:
            assert (now != was).any()
            assert layer == "4" or (now != was).all()


def test_without_held_statistics_a_frozen_norm_would_move():
    old, new = net(5, 6), net(5, 8)
    plan = carry(old, new, symmetry="fresh", freeze=["1"])
    before = state(new)
    new(INPUTS)
    assert not torch.equal(new[1].running_mean, before["1.running_mean"])
    with plan.held.step():
        pass
    for key in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(new[1], key), before[f"1.{key}"])


def test_depth_as_in_llama_pro():
    """Old blocks stay to the bit; new ones alone train; then all train again"""
    torch.manual_seed(0)
    old, new = MLP(4, [6], 3), MLP(4, [6, 6, 6], 3)
    optimizer = torch.optim.AdamW(old.parameters(), lr=0.1, weight_decay=0.1)
    train(old, optimizer)
    plan = carry(old, new, optimizer, freeze="old")
    torch.testing.assert_close(new(INPUTS), old(INPUTS))
    train(new, optimizer, plan.held)
    then, born = state(old), ("hidden_1.", "hidden_2.")
    for key, now in new.named_parameters():
        assert now.requires_grad == key.startswith(born)
        assert key.startswith(born) or torch.equal(now, then[key])
    begun = MLP(4, [6, 6, 6], 3)
    carry(old, begun)
    for key, now in new.named_parameters():
        moved = (now != begun.get_parameter(key)).any()
        assert moved == key.startswith(born)
    assert plan.held.trained == 2 * (6 * 6 + 6)
    before = state(new)
    plan.held.release(list(plan.held.masks), new)
    train(new, optimizer, plan.held)
    assert all((p != before[key]).any() for key, p in new.named_parameters())


def test_old_is_all_that_it_names():
    old, new = net(5, 6), net(7, 9)
    plan = trace(old, new, symmetry_of("fresh"))
    every = set(old.state_dict())
    whole, named = (
        entering_old_units(plan, new, names) for names in (None, every)
    )
    assert whole.keys() == named.keys()
    assert all(torch.equal(whole[key], named[key]) for key in whole)
    assert {"1.running_mean", "6.weight"} < whole.keys()
    assert "1.num_batches_tracked" not in whole  # of new units, too


def test_a_star_stands_for_any_letters():
    old, new = net(5, 6), net(5, 8)
    held = carry(old, new, symmetry="fresh", freeze=["*.bias", "?.running_*"])
    names = {n for n in old.state_dict() if "bias" in n or "running" in n}
    assert held.held.masks.keys() == names


def test_what_is_held_is_held_through_another_growth():
    models = [net(5, 6), net(7, 9), net(7, 12)]
    optimizer = torch.optim.Adam(models[0].parameters(), lr=0.1)
    train(models[0], optimizer)
    first = carry(*models[:2], optimizer, "fresh", freeze=["0", "3"])
    train(models[1], optimizer, first.held)
    before = state(models[1])
    second = carry(*models[1:], optimizer, "fresh", freeze=first.held)
    train(models[2], optimizer, second.held)
    now = models[2].state_dict()
    assert torch.equal(now["0.weight"][:5], models[0][0].weight)
    assert (now["0.weight"][5:] != before["0.weight"][5:]).all()
    assert torch.equal(now["3.weight"][:6, :5], models[0][3].weight)
    assert not now["3.weight"][:6, 5:].any()  # an old unit reads no new one
    assert (now["3.weight"][6:9] != before["3.weight"][6:]).any()


WRONG = {
    "a layer that is not there": (
        {"freeze": ["0", "encodr", "1.weights"], "symmetry": "fresh"},
        ["freeze names encodr", "there are 0, 1, 3", "did you mean 1.weight?"],
    ),
    "an activation": (
        {"freeze": ["2"], "symmetry": "fresh"},
        ["freeze names 2, but no layer with weights"],
    ),
    "a word": ({"freeze": "all"}, ["freeze is 'all'; use 'old', a list of"]),
    "numbers": ({"freeze": [0]}, ["freeze is [0]; use 'old'"]),
    "one that reads copies": (
        {"freeze": ["6"], "symmetry": "shares"},
        ["6.weight is frozen, but the growth changes it; use symmetry: fresh"],
    ),
    "all, and copies": (
        {"freeze": "old", "symmetry": {"zero_sum": 0.1}},
        ["3.weight is frozen, but the growth changes it"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_refused_before_anything_changes(what):
    arguments, words = WRONG[what]
    old, new = net(5, 6), net(5, 8)
    optimizer = torch.optim.Adam(old.parameters())
    before, held = state(new), [*optimizer.param_groups[0]["params"]]
    with pytest.raises(GrowthError) as error:
        carry(old, new, optimizer, **arguments)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert all(torch.equal(t, before[k]) for k, t in new.state_dict().items())
    assert optimizer.param_groups[0]["params"] == held


def test_what_a_frozen_layer_does_not_read_may_be_copied():
    old, new = net(5, 6), net(5, 8)
    plan = carry(old, new, symmetry="shares", freeze=["0", "1"])
    torch.testing.assert_close(new.eval()(INPUTS), old.eval()(INPUTS))
    assert plan.held.trained == sum(p.numel() for p in new[3:].parameters())


def test_nothing_is_held_if_nothing_is_frozen():
    plan = carry(net(5, 6), net(5, 8))
    assert plan.held is None
    free = net(5, 6)
    held = Held(free)
    train(free, torch.optim.SGD(free.parameters(), lr=0.1), held)
    assert held.trained == sum(p.numel() for p in free.parameters())
