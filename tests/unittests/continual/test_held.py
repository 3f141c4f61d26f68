"""Tests that held weights stay, whatever the optimizer does

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn

from speechbrain_growth import carry
from speechbrain_growth.engine.holding.held import Held
from speechbrain_growth.engine.holding.masks import entering_old_units
from speechbrain_growth.training.afterwards.holding import SavedHeld

OPTIMIZERS = {
    "SGD": dict(lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    "Adam": dict(lr=0.1, weight_decay=0.1),
    "AdamW": dict(lr=0.1, weight_decay=0.1),
    "NAdam": dict(lr=0.1, weight_decay=0.1),
    "RMSprop": dict(lr=0.1, momentum=0.9, weight_decay=0.1),
    "Adagrad": dict(lr=0.1, weight_decay=0.1),
    "Adadelta": dict(lr=1.0, weight_decay=0.1),
}


def steps(net, optimizer, held=None, count=3):
    """Trains on random targets."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        inputs = torch.randn(5, 4, generator=generator)
        optimizer.zero_grad()
        net(inputs).square().mean().backward()
        if held is None:
            optimizer.step()
        else:
            with held.step():
                optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimizer_moves_a_held_weight_and_all_move_the_others(name):
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    optimizer = getattr(torch.optim, name)(net.parameters(), **OPTIMIZERS[name])
    steps(net, optimizer)  # so that averages and momentum push
    before = copy.deepcopy(net.state_dict())
    chance = torch.Generator().manual_seed(1)
    masks = {
        n: torch.rand(p.shape, generator=chance) < 0.5
        for n, p in net.named_parameters()
    }
    masks["2.weight"][:] = True  # one that is held as a whole
    held = Held(lambda: net)
    held.hold(masks, net)
    steps(net, optimizer, held)
    for n, p in net.named_parameters():
        assert torch.equal(p[masks[n]], before[n][masks[n]])
        assert (p != before[n])[~masks[n]].all()


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [False, True])
def test_it_holds_the_bits_of_any_number_whatever_overwrote_it(kind, rows):
    """Also the sign of zero, and numbers that arithmetic would not bring back"""
    special = [0.0, -0.0, 1e-42, float("inf"), float("nan")]
    net = nn.Linear(5, 4, bias=False).to(kind)
    net.weight.data[:] = torch.tensor(special, dtype=kind)
    mask = torch.eye(4, 5, dtype=torch.bool)
    mask[1] = True
    mask = mask.all(1, keepdim=True).expand(4, 5) if rows else mask
    held = Held(lambda: net)
    held.hold({"weight": mask}, net)
    before = net.weight.detach().clone()
    after = torch.full_like(before, float("nan")).fmod(-1)
    with held.step():
        net.weight.data[:] = after
    bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[before.itemsize]
    now, before, after = (
        x.view(bits) for x in (net.weight.data, before, after)
    )
    assert torch.equal(now, torch.where(mask, before, after))


def test_a_gradient_of_zero_alone_would_not_hold_it():
    net = nn.Linear(4, 3, bias=False)
    optimizer = torch.optim.AdamW(net.parameters())
    before = net.weight.detach().clone()
    net.weight.grad = torch.zeros_like(net.weight)
    optimizer.step()
    assert not torch.equal(net.weight, before)


def test_free_weights_learn_as_if_the_others_were_constants():
    """Against a net in which the held half is a buffer."""
    net = nn.Linear(4, 3, bias=False)
    weight = net.weight.detach().clone()
    free = nn.Parameter(weight[2:].clone())
    alone = torch.optim.Adam([free], lr=0.1)
    held = Held(lambda: net)
    held.hold({"weight": torch.arange(3)[:, None].expand(3, 4) < 2}, net)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    inputs = torch.randn(5, 4)
    for _ in range(4):
        joined = torch.cat([weight[:2], free])
        for out, one in ((inputs @ joined.T, alone), (net(inputs), optimizer)):
            one.zero_grad()
            (out - 1).square().mean().backward()
        nn.utils.clip_grad_norm_([free], 0.01)
        alone.step()
        with held.step():
            nn.utils.clip_grad_norm_(net.parameters(), 0.01)
            optimizer.step()
    torch.testing.assert_close(net.weight[2:], free, rtol=1e-5, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=4, max_size=4),
    st.sampled_from(["linear", "conv", "gru"]),
)
def test_frozen_units_compute_the_same_after_growth_and_training(sizes, kind):
    hidden, grown, second, _ = sizes
    old, new, last = (
        build(kind, hidden + n) for n in (0, grown, grown + second)
    )
    inputs = torch.randn(2, 7, 3)
    optimizer = torch.optim.AdamW(old.parameters(), lr=0.1)
    expected = old.eval()(inputs).detach()
    models, held = [old], Held(lambda: models[-1])
    for model in (new, last):
        plan = carry(models[-1], model, optimizer, "fresh")
        held.grown(plan, model)
        held.hold(entering_old_units(plan, model), model)
        models.append(model)
        for _ in range(2):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            with held.step():
                optimizer.step()
    found = last.eval()(inputs)[..., : expected.shape[-1]]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_frozen_network_still_learns_by_its_new_units():
    torch.manual_seed(1)
    old, new = (
        nn.Sequential(nn.Linear(3, n), nn.Tanh(), nn.Linear(n, 2))
        for n in (4, 7)
    )
    inputs = torch.randn(9, 3)
    optimizer = torch.optim.Adam(old.parameters(), lr=0.05)
    plan = carry(old, new, optimizer, "fresh")
    held = Held(lambda: new)
    held.hold(entering_old_units(plan, new), new)
    assert held.masks["2.weight"].int().tolist() == 2 * [4 * [1] + 3 * [0]]
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (new(inputs) - 1).square().mean()
        loss.backward()
        losses.append(loss.item())
        with held.step():
            optimizer.step()
    assert losses[-1] < losses[0] / 2
    assert torch.equal(new[2].weight[:, :4], old[2].weight)


def build(kind, units):
    """A net whose outputs are its units: those of old ones come first."""
    torch.manual_seed(units)
    if kind == "linear":
        return nn.Sequential(nn.Linear(3, units), nn.Tanh())
    if kind == "conv":
        return Last(nn.Conv1d(3, units, 3, padding=1))
    return Last(nn.GRU(3, units, batch_first=True))


class Last(nn.Sequential):
    """Channels last, and the sequence alone of what an RNN returns"""

    def forward(self, x):
        """Runs the layer."""
        if isinstance(self[0], nn.Conv1d):
            return self[0](x.transpose(1, 2)).transpose(1, 2)
        return self[0](x)[0]


def test_a_mask_follows_a_growth_that_freezes_nothing():
    old, new = nn.Linear(2, 3), nn.Linear(4, 5)
    first, second = nn.Linear(1, 2), nn.Linear(1, 4)
    held = Held(lambda: new)
    mask = torch.tensor([[True, True], [False, True], [False, False]])
    held.hold({"1.weight": mask}, nn.Sequential(first, old))
    pair = nn.Sequential(first, old), nn.Sequential(second, new)
    held.grown(carry(*pair, symmetry="fresh"), pair[1])
    assert held.masks["1.weight"].int().tolist() == [
        [1, 1, 1, 1],  # a unit that is held reads no new one
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_it_is_saved_and_released(tmp_path):
    net = nn.Linear(2, 2)
    held = SavedHeld(lambda: net)
    held.hold({"bias": torch.tensor([True, True])}, net)
    assert not net.bias.requires_grad and net.weight.requires_grad
    held._save(tmp_path / "held")
    other = nn.Linear(2, 2)
    again = SavedHeld(lambda: other)
    again._load(tmp_path / "held")
    assert not other.bias.requires_grad and again.masks.keys() == {"bias"}
    again.release(["bias"], other)
    assert other.bias.requires_grad and not again.masks
