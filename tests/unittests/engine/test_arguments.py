"""Tests that every argument of carry is checked before anything changes

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_growth import Birth, GrowthError, carry

torch.set_num_threads(1)


def net(n):
    """A LayerNorm among linear layers"""
    return nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), nn.Linear(n, 2))


# what is given, and what is said of it
WRONG = {
    "fold -1": ({"fold": -1}, "fold is -1; use a number of steps"),
    "fold 0": ({"fold": 0}, "fold is 0; use"),
    "fold text": ({"fold": "300"}, "fold is '300'; use"),
    "fold True": ({"fold": True}, "fold is True; use"),
    "seed None": ({"seed": None}, "seed is None; use a whole number"),
    "seed 0.5": ({"seed": 0.5}, "seed is 0.5; use"),
    "seed large": ({"seed": 2**64}, f"seed is {2**64}; use"),
    "symmetry": ({"symmetry": "share"}, "symmetry is 'share'; it must be"),
    "birth text": ({"birth": "gate"}, r"birth is 'gate'; use Birth\(way='gate"),
    "birth way": ({"birth": Birth("gat")}, "birth is 'gat'; use gate, "),
    "optimizer": (
        {"optimizer": nn.ReLU()},
        "optimizer: ReLU is no torch.optim.Optimizer; give one, or a list",
    ),
    "optimizers": (
        {"optimizer": [None]},
        "optimizer: NoneType is no torch.optim.Optimizer; give",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_is_named(what):
    given, message = WRONG[what]
    old, new = net(4), net(6)
    state = copy.deepcopy(new.state_dict())
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    with pytest.raises(GrowthError, match=f"^{message}"):
        carry(old, new, **{"optimizer": optimizer, "fold": 3, **given})
    assert optimizer.param_groups[0]["params"][0] is old[0].weight
    assert all(map(torch.equal, state.values(), new.state_dict().values()))


def test_all_wrong_arguments_are_named_at_once():
    given = {"fold": 0, "seed": None, "symmetry": "no", "birth": "no"}
    with pytest.raises(GrowthError) as error:
        carry(net(4), net(6), optimizer="no", **given)
    assert len(error.value.problems) == 5


def test_an_optimizer_that_is_given_twice_is_refused():
    old, new = net(4), net(8)
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    with pytest.raises(GrowthError, match="^optimizer: one is given twice"):
        carry(old, new, [optimizer, optimizer])


def expanded(old, new):
    """All places of a weight are one number"""
    new[0].weight = nn.Parameter(torch.zeros(1, 1).expand(6, 3))


def in_inference(old, new):
    """Built where nothing can be trained"""
    with torch.inference_mode():
        new[0] = nn.Linear(3, 6)


def borrowed(old, new):
    """A part of the new model is the old one's, under another name"""
    new[0].bias = nn.Parameter(old[2].weight.detach().flatten()[:6])


def same_place(old, new):
    """A view of the old tensor, of another shape"""
    new[2].bias = nn.Parameter(old[0].weight.detach().flatten()[:2])


MODELS = {
    expanded: r"^0\.weight: several of its places share one number.*; use .clo",
    in_inference: r"0\.weight: was made in inference mode.*; build",
    borrowed: r"^0\.bias: shares its memory with 2\.weight of the old.*; give",
    same_place: r"^2\.bias: shares its memory with 0\.weight of the old",
}


@pytest.mark.parametrize("spoil", MODELS)
def test_a_model_that_cannot_be_filled_is_named(spoil):
    old, new = net(4), net(6)
    spoil(old, new)
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    before = copy.deepcopy(old.state_dict())
    with pytest.raises(GrowthError, match=MODELS[spoil]):
        carry(old, new, optimizer, fold=3)
    assert optimizer.param_groups[0]["params"][0] is old[0].weight
    assert all(map(torch.equal, before.values(), old.state_dict().values()))


def test_old_itself_is_no_larger_model():
    old = net(4)
    with pytest.raises(GrowthError, match="same model; build new"):
        carry(old, old)


def test_layers_that_stay_may_be_the_same_objects():
    old = nn.ModuleDict({"one": net(4), "two": nn.Linear(2, 3)})
    new = nn.ModuleDict({"one": net(8), "two": old["two"]})
    old["two"].eval()
    carry(old, new, torch.optim.SGD(old.parameters(), lr=0.1))
    inputs = torch.ones(2, 3)
    before = old["two"](old["one"](inputs))
    torch.testing.assert_close(new["two"](new["one"](inputs)), before)
    assert not old["two"].training
