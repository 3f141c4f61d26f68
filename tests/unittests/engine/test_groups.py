"""Tests which group of which optimizer a new parameter joins

Authors
 * The speechbrain_growth authors 2026
"""

import warnings

import pytest
import torch
from torch import nn

from speechbrain_growth import Birth, GrowthError, carry

torch.set_num_threads(1)
SGD, ADAM = torch.optim.SGD, torch.optim.Adam


def rows(n, layers):
    """Layers of n units, with norms between them"""
    inner = [m for _ in range(layers) for m in (nn.Linear(n, n), nn.ReLU())]
    return nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), *inner)


class Two(nn.Module):
    """Two nets, the second of which grows in front"""

    def __init__(self, layers):
        super().__init__()
        self.one = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        inner = [nn.Linear(4, 4) for _ in range(layers)]
        self.two = nn.Sequential(*inner, nn.Linear(4, 5))

    def forward(self, x):
        return self.two(self.one(x))


def named(model, test):
    """The parameters whose names and shapes pass a test"""
    return [p for name, p in model.named_parameters() if test(name, p)]


def by_decay(model):
    """Matrices decay, vectors do not"""
    return [
        {"params": named(model, lambda n, p: p.ndim < 2), "weight_decay": 0.0},
        {"params": named(model, lambda n, p: p.ndim > 1), "weight_decay": 0.1},
    ]


def by_norm(model):
    """Norms, biases and matrices"""
    return [
        {"params": named(model, lambda n, p: "1." in n)},
        {"params": named(model, lambda n, p: "1." not in n and p.ndim < 2)},
        {"params": named(model, lambda n, p: p.ndim > 1)},
    ]


def by_name(model):
    """Weights of norms, all that is called bias, and matrices"""
    return [
        {"params": named(model, lambda n, p: "1.weight" in n)},
        {"params": named(model, lambda n, p: "bias" in n)},
        {"params": named(model, lambda n, p: p.ndim > 1)},
    ]


def normed(kind):
    """A norm between two linear layers"""
    return nn.Linear(3, 4), kind(4), nn.Linear(4, 4)


def by_layer(model):
    """Each layer learns at its own rate"""
    return [
        {"params": list(layer.parameters()), "lr": 0.1 * number}
        for number, layer in enumerate(model, start=1)
        if list(layer.parameters())
    ]


def by_net(model):
    """One group for each net"""
    return [
        {"params": list(net.parameters())} for net in (model.one, model.two)
    ]


# how: groups, both models, and the group of each parameter that is new
ROWS = (lambda: rows(4, 1), lambda: rows(4, 2))
WAYS = {
    "decay": (by_decay, *ROWS, {"4.weight": 1, "4.bias": 0}),
    "norms": (by_norm, *ROWS, {"4.weight": 2, "4.bias": 1}),
    "layers": (by_layer, *ROWS, {"4.weight": 2, "4.bias": 2}),
    "nets": (
        by_net,
        lambda: Two(0),
        lambda: Two(1),
        {"two.0.weight": 1, "two.0.bias": 1},
    ),
    "kinds of vectors": (
        by_norm,
        lambda: nn.Sequential(*normed(nn.BatchNorm1d)),
        lambda: nn.Sequential(*normed(nn.BatchNorm1d), nn.BatchNorm1d(4)),
        {"3.weight": 0, "3.bias": 0},
    ),
    "names of vectors": (
        by_name,
        lambda: nn.Sequential(*normed(nn.LayerNorm)),
        lambda: nn.Sequential(*normed(nn.LayerNorm), nn.BatchNorm1d(4)),
        {"3.weight": 0, "3.bias": 1},
    ),
    "vectors": (
        by_decay,
        lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4)),
        lambda: nn.Sequential(
            nn.Linear(3, 4), nn.Linear(4, 4), nn.BatchNorm1d(4)
        ),
        {"2.weight": 0, "2.bias": 0},
    ),
}


def groups_of(optimizers, model):
    """The names of the parameters in each group"""
    names = {id(p): name for name, p in model.named_parameters()}
    return [
        [names[id(p)] for p in group["params"]]
        for optimizer in optimizers
        for group in optimizer.param_groups
    ]


@pytest.mark.parametrize("how", WAYS)
def test_a_new_parameter_joins_the_group_that_fits_it(how):
    split, before, after, wanted = WAYS[how]
    old, new = before(), after()
    optimizer = SGD(split(old), lr=0.1)
    carry(old, new, optimizer)
    found = groups_of([optimizer], new)
    for name, number in wanted.items():
        assert [name in group for group in found].index(True) == number
    order = [name for name, _ in new.named_parameters()]
    assert sorted(sum(found, [])) == sorted(order)
    # a checkpoint is loaded into groups made of the larger model
    assert all(group == sorted(group, key=order.index) for group in found)


def test_a_new_layer_is_rather_like_one_before_it():
    old = rows(4, 1)
    new = nn.Sequential(*rows(4, 1)[:2], nn.Linear(4, 4), *rows(4, 1)[2:])
    optimizer = SGD(by_layer(old), lr=0.1)
    carry(old, new, optimizer, birth=Birth(names=("2",)))
    assert groups_of([optimizer], new) == [
        ["0.weight", "0.bias", "2.weight", "2.bias"],
        ["1.weight", "1.bias"],
        ["3.weight", "3.bias"],
    ]


def split_by_kind(model):
    """Two optimizers: matrices, and the rest"""
    return [
        SGD(named(model, lambda n, p: p.ndim > 1), lr=0.1),
        ADAM(named(model, lambda n, p: p.ndim < 2)),
    ]


def split_by_net(model):
    """Two optimizers: one for each net"""
    return [SGD(model.one.parameters(), lr=0.1), ADAM(model.two.parameters())]


SEVERAL = {
    "kinds": (split_by_kind, *ROWS, {"4.weight": 0, "4.bias": 1}),
    "nets": (split_by_net, *WAYS["nets"][1:]),
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("how", SEVERAL)
def test_one_of_several_optimizers_takes_a_new_parameter(how, together):
    split, before, after, wanted = SEVERAL[how]
    old, new = before(), after()
    optimizers = split(old)
    if together:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            carry(old, new, optimizers)
    else:
        told = "new, and in no optimizer that was given, .*; give all optimi"
        for optimizer in optimizers:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", told)
                carry(old, new, optimizer)
    found = groups_of(optimizers, new)
    assert len(sum(found, [])) == len(list(new.parameters()))
    for name, number in wanted.items():
        assert [name in group for group in found] == [
            place == number for place in (0, 1)
        ]


def test_a_new_parameter_that_no_optimizer_takes_is_told():
    old, new = rows(4, 1), rows(4, 2)
    optimizer = SGD(old[1].parameters(), lr=0.1)
    told = r"^4\.weight, 4\.bias: new, .*as 2\.weight, 2\.bias, most like"
    with pytest.warns(UserWarning, match=told):
        carry(old, new, optimizer)
    assert groups_of([optimizer], new) == [["1.weight", "1.bias"]]


def test_frozen_parameters_are_like_none():
    old, new = rows(4, 1), rows(4, 2)
    old.requires_grad_(False)
    old[0].requires_grad_(True)
    optimizer = SGD(old[0].parameters(), lr=0.1)
    carry(old, new, optimizer)
    wanted = ["0.weight", "0.bias", "4.weight", "4.bias"]
    assert groups_of([optimizer], new) == [wanted]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_names_in_a_group_follow(prefix):
    old = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    new = nn.Sequential(
        nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)
    )
    given = [(prefix + n, p) for n, p in old.named_parameters()]
    optimizer = ADAM([{"params": given[:2]}, {"params": given[2:]}])
    carry(old, new, optimizer)
    names = {id(p): prefix + name for name, p in new.named_parameters()}
    for group in optimizer.param_groups:
        found = [names[id(p)] for p in group["params"]]
        assert group["param_names"] == found
    held = [group["param_names"] for group in optimizer.param_groups]
    assert sum(held, []) == list(names.values())


# Optimizers inside others


class Outer:
    """No optimizer itself, but holds one"""

    def __init__(self, parameters):
        self.inner = SGD(parameters, lr=0.1)


class Sharp(torch.optim.Optimizer):
    """An optimizer that steps by another one"""

    def __init__(self, parameters):
        super().__init__(parameters, {})
        self.base = SGD(self.param_groups, lr=0.1)
        self.param_groups = self.base.param_groups


@pytest.mark.parametrize("kind, name", [(Outer, "inner"), (Sharp, "base")])
def test_a_wrapped_optimizer_is_pointed_at(kind, name):
    old, new = rows(4, 1), rows(8, 1)
    wrapper = kind(old.parameters())
    with pytest.raises(GrowthError, match=f"give the one .*, its .{name}$"):
        carry(old, new, wrapper)
    carry(old, new, getattr(wrapper, name))
    groups = getattr(wrapper, name).param_groups
    assert groups[0]["params"][0] is new[0].weight
    if kind is Sharp:
        assert wrapper.param_groups[0]["params"][0] is new[0].weight
