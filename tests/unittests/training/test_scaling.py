"""Tests for learning rates that differ from weight to weight after a growth

The reference for ``per_axis`` is the small network that trains on: the grown
one must compute the same at every step. That for ``per_norm`` is a loop that
updates each block of a weight by hand.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain_growth import NoRuleError, carry
from speechbrain_growth.training.afterwards.scaling import (
    RATES,
    powers_by_name,
    rates_of,
)
from speechbrain_growth.training.afterwards.transition import Transition

torch.set_num_threads(1)
OPTIONS = {
    torch.optim.SGD: {"lr": 0.05, "momentum": 0.9},
    torch.optim.Adadelta: {"lr": 1.0, "eps": 1e-30},
    torch.optim.RMSprop: {"lr": 1e-3, "momentum": 0.5, "eps": 1e-30},
    torch.optim.Adagrad: {"lr": 1e-2, "eps": 1e-30},
}
# A normalised step takes the sign of a gradient, so that noise would count
TINY = {"lr": 1e-3, "eps": 1e-30}


def mlp(*units):
    """Linear layers with a tanh between them"""
    layers = []
    for before, after in zip(units, units[1:]):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1]).double()


def step(model, optimizer, number):
    """One step on the batch of this number"""
    torch.manual_seed(number)
    inputs = torch.randn(8, 3, dtype=torch.float64)
    model.zero_grad()
    (model(inputs) - inputs[:, :2].sin()).square().mean().backward()
    optimizer.step()


def outputs(model):
    """What a model computes"""
    torch.manual_seed(99)
    with torch.no_grad():
        return model(torch.randn(16, 3, dtype=torch.float64))


def grow(model, optimizer, transition, *units, per="axis", symmetry="shares"):
    """Grows a model that has a transition"""
    new = mlp(*units)
    way = {"seed": units[1], "symmetry": symmetry}
    plan = carry(model, new, optimizer, **way)
    transition.modules = lambda: new
    powers = powers_by_name([optimizer], new)
    transition.begin(plan, rewarm=0, per=per, powers=powers)
    return new


def follows(kind, growths, per="axis"):
    """How far a grown model gets from the small one that trains on"""
    torch.manual_seed(0)
    small = mlp(3, 4, 4, 2)
    grown = mlp(3, 4, 4, 2)
    grown.load_state_dict(small.state_dict())
    options = OPTIONS.get(kind, TINY)
    pair = [kind(one.parameters(), **options) for one in (small, grown)]
    transition = Transition(lambda: grown)
    for number in range(30):
        if number in growths:
            args = pair[1], transition, *growths[number]
            grown = grow(grown, *args, per=per)
        step(small, pair[0], number)
        with transition.step():
            step(grown, pair[1], number)
    return (outputs(small) - outputs(grown)).abs().max().item()


# Whether the incoming weights of copies come to differ under per_axis
SYMMETRIES = [("shares", False), ({"zero_sum": 0.1}, True)]
ONCE = {5: (3, 7, 6, 2)}
TWICE = {5: (3, 6, 4, 2), 12: (3, 9, 7, 2)}


@pytest.mark.parametrize("growths", [ONCE, TWICE], ids=["once", "twice"])
@pytest.mark.parametrize("kind", RATES, ids=lambda kind: kind.__name__)
def test_per_axis_the_grown_network_learns_as_the_small_one(kind, growths):
    assert follows(kind, growths) < 1e-8
    if RATES[kind] != (0, 0):
        assert follows(kind, growths, per="") > 1e-5


@pytest.mark.parametrize("symmetry, differ", SYMMETRIES)
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_per_axis_shares_do_not_make_copies_differ(kind, symmetry, differ):
    torch.manual_seed(0)
    model = mlp(3, 4, 2)
    optimizer = kind(model.parameters(), **OPTIONS.get(kind, TINY))
    transition = Transition(lambda: model)
    args = model, optimizer, transition, 3, 8, 2
    model = grow(*args, symmetry=symmetry)
    rows = model[0].weight.detach()
    copies = [
        (m, n) for m in range(8) for n in range(m) if torch.equal(*rows[[m, n]])
    ]
    assert len(copies) >= 4
    for number in range(9):
        with transition.step():
            step(model, optimizer, number)
    rows = model[0].weight.detach()
    far = max((rows[m] - rows[n]).abs().max() for m, n in copies)
    assert (far > 1e-5) == differ and (far < 1e-9) != differ


def test_an_unknown_optimizer_is_refused():
    class Lion(torch.optim.Optimizer):
        """One that nobody knows"""

    optimizer = Lion([nn.Parameter(torch.ones(1))], {})
    with pytest.raises(NoRuleError, match="the rates of Lion take; use one of"):
        rates_of(optimizer)


def test_per_norm_each_block_has_its_own_rate():
    torch.manual_seed(0)
    model = mlp(3, 4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    transition = Transition(lambda: model)
    model = grow(model, optimizer, transition, 3, 6, 2, per="norm")
    model = grow(model, optimizer, transition, 3, 7, 2, per="norm")
    for number in range(4):
        before = [p.detach().clone() for p in model.parameters()]
        with transition.step():
            step(model, optimizer, number)
        blocks = [
            [slice(0, 4), slice(4, 6), slice(6, 7)],  # rows of the first weight
            [slice(0, 4), slice(4, 6), slice(6, 7)],
            [(slice(None), s) for s in (slice(0, 4), slice(4, 6), slice(6, 7))],
            [slice(None)],
        ]
        for parameter, was, parts in zip(model.parameters(), before, blocks):
            for part in parts:
                ratio = was[part].norm() / was[parts[0]].norm()
                wanted = was[part] - 0.1 * ratio * parameter.grad[part]
                torch.testing.assert_close(parameter[part].detach(), wanted)


def test_both_are_resumed_from_a_checkpoint(tmp_path):
    for per in ("axis", "norm"):
        ends = []
        for killed in (False, True):
            torch.manual_seed(0)
            model = mlp(3, 4, 2)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            transition = Transition(lambda model=model: model)
            model = grow(model, optimizer, transition, 3, 6, 2, per=per)
            for number in range(4):
                if killed and number == 2:
                    transition._save(tmp_path / "state")
                    transition = Transition(lambda model=model: model)
                    transition._load(tmp_path / "state")
                with transition.step():
                    step(model, optimizer, number)
            ends.append(outputs(model))
            assert transition.shares or transition.turns
        assert torch.equal(*ends)
