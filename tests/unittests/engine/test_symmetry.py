"""Tests for the ways in which new units come to differ from old ones

That each exact way preserves the function of whole models is tested over random
architectures in test_exactness.py and test_models.py.

Authors
 * The speechbrain_growth authors 2026
"""

import re
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn

from speechbrain_growth import GrowthError, carry
from speechbrain_growth.engine.births.symmetry import Symmetry, symmetry_of
from speechbrain_growth.engine.births.units import WAYS, Way, way
from speechbrain_growth.engine.maps.undoing import block_of
from speechbrain_growth.engine.maps.widths import (
    concat,
    extend,
    repeat_each,
    replicate,
    same,
)
from speechbrain_growth.schedule.growth import parse

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[3]
COPIES = ["shares", {"dirichlet": 1.0}, {"zero_sum": 0.1}, {"noise": 0.01}]
ADDED = ["fresh", "pairs"]
OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "Adam": (torch.optim.Adam, {"lr": 0.01}),
    "Adadelta": (torch.optim.Adadelta, {"lr": 1.0}),
}
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def mlp(units, seed=0):
    """Three linear layers of equal widths"""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(3, units),
        nn.Tanh(),
        nn.Linear(units, units),
        nn.Tanh(),
        nn.Linear(units, 2),
    ).double()


def inputs_of(number, size=16):
    """One batch"""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(size, 3, generator=generator).double()


def train(model, optimizer, steps, start=0):
    """Some steps of regression"""
    for number in range(start, start + steps):
        inputs = inputs_of(number)
        optimizer.zero_grad()
        (model(inputs) - inputs[:, :2].sin()).square().mean().backward()
        optimizer.step()


def grown(symmetry, optimizer="SGD", small=4, large=8, steps=5):
    """A trained net that has grown, its optimizer, and the plan"""
    kind, options = OPTIMIZERS[optimizer]
    old, new = mlp(small), mlp(large, 1)
    living = kind(old.parameters(), **options)
    train(old, living, steps)
    plan = carry(old, new, living, symmetry=symmetry)
    return old, new, living, plan


def gaps(model, plan, layer):
    """How far each copy's incoming weights are from its original's"""
    weight = model[layer].weight.detach()
    width = plan.tensors[f"{layer}.weight"][0].width
    new_units = width.is_new
    rows = weight[new_units] - weight[width.source[new_units]]
    # what is read of copies differs by their share, or by noise
    return rows.abs().amax(1)


@each_optimizer
@pytest.mark.parametrize("symmetry", COPIES, ids=str)
def test_copies_part(symmetry, optimizer):
    _, new, living, plan = grown(symmetry, optimizer)
    train(new, living, 10, start=5)
    assert (gaps(new, plan, 0) > 1e-7).all()


# Of what copies travel in 100 steps, how much they go apart: least and most
APART = [
    ("shares", "SGD", 0.1, 0.4),
    ("shares", "Adam", 0.005, 0.1),
    ("shares", "Adadelta", 0.005, 0.1),
    ({"dirichlet": 1.0}, "Adam", 0.1, 0.5),
    *(({"zero_sum": 1.0}, optimizer, 0.2, 0.9) for optimizer in OPTIMIZERS),
    *(({"zero_sum": 3.0}, optimizer, 1.0, 2.0) for optimizer in OPTIMIZERS),
]


@pytest.mark.parametrize("symmetry, optimizer, least, most", APART, ids=str)
def test_adam_is_nearly_blind_to_shares(symmetry, optimizer, least, most):
    assert least < apart(symmetry, optimizer) < most


def test_the_page_says_how_far_copies_part():
    page = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
    head, _, *rows = re.search(r"<!-- apart -->\n(.*?)\n<!--", page, re.S)[
        1
    ].split("\n")
    ways = [yaml.safe_load(way) for way in re.findall("`(.+?)`", head)]
    assert [row.split()[1] for row in rows] == list(OPTIMIZERS)
    for row, optimizer in zip(rows, OPTIMIZERS):
        printed = [int(number) / 100 for number in re.findall(r"(\d+) %", row)]
        found = [apart(way, optimizer) for way in ways]
        assert printed == pytest.approx(found, rel=0.1, abs=0.006)


def apart(symmetry, optimizer):
    """Of the way that copies go in 100 steps, how much they go apart"""
    _, new, living, plan = grown(symmetry, optimizer)
    was = new[0].weight.detach().clone()
    train(new, living, 100, start=5)
    way_gone = new[0].weight.detach() - was
    width = plan.tensors["0.weight"][0].width
    copied = way_gone[width.source[width.is_new]]
    gone = (way_gone[width.is_new] - copied).norm(dim=1)
    return float((gone / copied.norm(dim=1)).mean())


@each_optimizer
def test_with_equal_shares_they_never_do(optimizer):
    with pytest.warns(UserWarning, match="stay identical for ever"):
        _, new, living, plan = grown("equal", optimizer)
    train(new, living, 10, start=5)
    assert (gaps(new, plan, 0) < 1e-13).all()


def test_equal_shares_are_no_mistake_where_nothing_grows(recwarn):
    carry(mlp(4), mlp(4, 1), symmetry="equal")
    assert not recwarn.list


@each_optimizer
@pytest.mark.parametrize("symmetry", ADDED)
def test_new_units_learn(symmetry, optimizer):
    _, new, living, plan = grown(symmetry, optimizer)
    before = [p.detach().clone() for p in new.parameters()]
    train(new, living, 3, start=5)
    for parameter, was in zip(new.parameters(), before):
        assert (parameter != was).all()
    rows = new[0].weight.detach()
    distances = torch.cdist(rows, rows) + torch.eye(8)
    assert distances.min() > 1e-6  # twins, too, have parted


@pytest.mark.parametrize("symmetry", ADDED)
def test_new_units_have_the_weights_they_were_built_with(symmetry):
    built = mlp(8, 1)
    _, new, _, _ = grown(symmetry)
    first, last = new[0].weight, new[4].weight
    if symmetry == "fresh":
        assert torch.equal(first[4:], built[0].weight[4:])
        assert (last[:, 4:] == 0).all()
    else:
        assert torch.equal(first[4::2], built[0].weight[4::2])
        assert torch.equal(first[5::2], first[4::2])
        assert torch.equal(last[:, 4::2], built[4].weight[:, 4::2])
        assert torch.equal(last[:, 5::2], -last[:, 4::2])
    old_rows = new[2].weight[:4, 4:]
    new_rows = new[2].weight[4:]
    assert (old_rows == 0).all() if symmetry == "fresh" else old_rows.all()
    assert (new_rows != 0).all()


def test_zero_sum_noise_sums_to_zero_over_copies():
    old, new, _, plan = grown({"zero_sum": 0.5})
    for name in ("2", "4"):
        rows, columns = plan.tensors[f"{name}.weight"]
        weight = new.get_submodule(name).weight.detach()
        assert (weight - weight[:, columns.width.source]).abs().max() > 0.01
        total = torch.zeros(len(weight), 4).double()
        total.index_add_(1, columns.width.source, weight)
        wanted = old.get_submodule(name).weight.detach()
        torch.testing.assert_close(total, wanted[rows.width.source])


@pytest.mark.parametrize("level", [0.1, 1.0, 100.0])
def test_dirichlet_shares_have_their_distributions_variance(level):
    draws = torch.Generator().manual_seed(0)
    width = Symmetry("dirichlet", level).draw(3000, 6000, draws)
    shares = width.share[:3000]
    assert abs(shares.mean() - 0.5) < 0.03
    # Beta(a, a)
    wanted = 1 / (4 * (2 * level + 1))
    assert abs(shares.var() / wanted - 1) < 0.15
    assert (width.share > 0).all()


# Optimizer state of fresh units


@pytest.mark.parametrize("symmetry", ADDED)
def test_averages_of_gradients_start_at_zero_and_of_squares_at_the_mean(
    symmetry,
):
    old, new, adam, _ = grown(symmetry, "Adam", steps=50)
    state = adam.state[new[2].weight]
    assert (state["exp_avg"][4:] == 0).all()
    assert (state["exp_avg"][:, 4:] == 0).all()
    assert state["exp_avg"][:4, :4].all()
    squares = state["exp_avg_sq"]
    torch.testing.assert_close(
        squares[:4, 4:], squares[:4, :4].mean(1, keepdim=True).expand(4, 4)
    )
    torch.testing.assert_close(
        squares[4:, :4], squares[:4, :4].mean(0, keepdim=True).expand(4, 4)
    )


def test_adams_first_update_of_fresh_units_is_no_larger_than_the_rate():
    _, new, adam, _ = grown("fresh", "Adam", steps=200)
    before = new[4].weight.detach().clone()
    train(new, adam, 1, start=200)
    moved = (new[4].weight.detach() - before).abs()[:, 4:]
    assert 0 < moved.max() < 2 * 0.01


# The algebra of maps with fresh units


@st.composite
def maps(draw):
    """A random map with fresh units"""
    old = draw(st.integers(1, 5))
    new = old + draw(st.integers(0, 7))
    return extend(old, new, pairs=draw(st.booleans()))


MANY = settings(max_examples=60, deadline=None, derandomize=True)


@MANY
@given(maps(), st.integers(1, 3), st.integers(1, 3))
def test_a_block_is_found_again_in_its_repetitions(width, blocks, each):
    whole = replicate(repeat_each(width, each), blocks)
    assert same(block_of(whole, blocks, each), width)


@MANY
@given(maps(), maps(), maps())
def test_concat_is_associative(a, b, c):
    one, other = concat(concat(a, b), c), concat(a, concat(b, c))
    assert same(one, other) and one.old == other.old


@MANY
@given(maps())
def test_fresh_units_have_no_share_and_signs_cancel(width):
    fresh = width.fresh
    assert (width.share[fresh] == 0).all() and (width.share[~fresh] == 1).all()
    assert width.counts.tolist() == [1] * width.old
    if fresh.any():
        assert width.sign.sum() == 0 and (width.sign[~fresh] == 0).all()
        for origin in width.origin[fresh].unique():
            twins = (width.origin == origin) & fresh
            assert width.sign[twins].sum() == 0
        # an origin is its own origin, so that twins have the same weights
        origins = width.origin[width.origin[fresh]]
        assert torch.equal(origins, width.origin[fresh])


# Refusals


def test_fresh_units_before_a_groupnorm_are_refused():
    def build(units):
        return nn.Sequential(
            nn.Linear(3, units), nn.GroupNorm(2, units), nn.Linear(units, 2)
        )

    with pytest.raises(GrowthError, match="^1: averages .* use copies, or let"):
        carry(build(4), build(8), symmetry="fresh")


def test_fresh_units_before_a_layernorm_need_weights():
    def build(units):
        torch.manual_seed(units)
        return nn.Sequential(
            nn.Linear(3, units), nn.LayerNorm(units), nn.Linear(units, 2)
        ).double()

    old, new = build(4), build(8)
    with pytest.raises(
        GrowthError, match="fresh units would count among them; use copies"
    ):
        carry(old, new, symmetry="fresh")
    carry(old, new, symmetry="fresh", fold=5)
    torch.testing.assert_close(new(inputs_of(0)), old(inputs_of(0)))


@pytest.mark.parametrize("value", ["equal", "pairs", {"noise": 0.1}])
def test_what_is_read_can_be_read_again(value):
    assert symmetry_of(symmetry_of(value)) == symmetry_of(value)


@pytest.mark.parametrize(
    "value", ["Fresh", "noise", {"fresh": 1}, {"noise": -1}, None, 3, {}]
)
def test_another_symmetry_is_refused(value):
    with pytest.raises(GrowthError, match="^symmetry is .*; it must be shares"):
        carry(mlp(4), mlp(6), symmetry=value)


# The registry


@pytest.mark.parametrize("name", WAYS)
def test_every_way_says_what_it_does_and_whether_it_is_exact(name):
    kind = WAYS[name]
    assert kind.__doc__.splitlines()[0].endswith(".")
    assert kind.source == "" or kind.source.startswith("https://")
    old, new = mlp(4), mlp(8, 1)
    value = {name: 0.5} if kind.takes_level else name
    symmetry = symmetry_of(value)
    if name != "equal":  # which is refused by a schedule, and warns here
        loss = {"batch": lambda net: net(inputs_of(1)).square().sum()}
        carry(old, new, symmetry=value, **(loss if kind.fills else {}))
        gap = (old(inputs_of(0)) - new(inputs_of(0))).abs().max()
        assert (gap < 1e-12) == symmetry.exact == kind.exact
    assert symmetry.breaks == (name != "equal")


def test_a_new_way_is_one_class(monkeypatch):
    class Even(Way):
        """Copies with equal shares and a level that nobody reads."""

        takes_level = True

    monkeypatch.setitem(WAYS, "even", Even)
    assert way("even")(Even) is Even is WAYS["even"]
    value = {"even": 2.0}
    (growth,) = parse([{"after_epoch": 1, "units": 8, "symmetry": value}])
    assert str(growth.symmetry) == "even 2.0" and growth.symmetry.exact
    old, new = mlp(4), mlp(8, 1)
    carry(old, new, symmetry=value)
    torch.testing.assert_close(new(inputs_of(0)), old(inputs_of(0)))
    with pytest.raises(GrowthError, match="or {even: number above 0}$"):
        symmetry_of("even")
