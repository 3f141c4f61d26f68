"""Tests for LayerNorms that weigh their units until they are folded

The reference is torch's own LayerNorm: with weights 2/4, 1/4, 1/4 it sees the
first unit twice.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_growth import carry, fold
from speechbrain_growth.engine.weighted_norm import unweigh, weigh, weighted
from speechbrain_growth.training.afterwards.transition import Transition

torch.set_num_threads(1)
TWICE = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)


def random(*shape, seed=0, dtype=torch.float64):
    """Random numbers"""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(
        dtype
    )


def net(units, seed=0, depth=2):
    """LayerNorms over units that grow, and over a block of them"""
    torch.manual_seed(seed)
    layers = [nn.Linear(3, units)]
    for _ in range(depth):
        layers += [nn.LayerNorm(units), nn.Tanh(), nn.Linear(units, units)]
    return nn.Sequential(*layers, nn.Linear(units, 2)).double()


def far(old, new, inputs):
    """Largest difference between outputs, relative to the largest value"""
    with torch.no_grad():
        before, after = old(inputs), new(inputs)
    return float((before - after).abs().max() / before.abs().max())


def grown(small=4, large=7, steps=10):
    """An old net, a larger one in its place, and an input"""
    old, new = net(small), net(large, 1)
    carry(old, new, fold=steps)
    return old, new, random(5, 3)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dim", [0, 1])
def test_a_weight_of_two_is_a_unit_that_stands_twice(affine, dim):
    shape = [[3, 2], [2, 3]][dim]
    norm = nn.LayerNorm(shape, elementwise_affine=affine).double()
    for number, parameter in enumerate(norm.parameters()):
        parameter.data = random(*shape, seed=number)
    twice = nn.LayerNorm([[4, 2], [2, 4]][dim], elementwise_affine=affine)
    source, inputs = torch.tensor([0, 0, 1, 2]), random(5, *shape)
    for parameter, original in zip(twice.parameters(), norm.parameters()):
        parameter.data = original.data.index_select(dim, source)
    weigh(norm, TWICE, dim, steps=10)
    wanted = twice(inputs.index_select(dim + 1, source))
    first = torch.tensor([0, 2, 3])
    torch.testing.assert_close(
        norm(inputs), wanted.index_select(dim + 1, first)
    )


def test_weights_are_not_in_the_state_dict():
    old, new, inputs = grown()
    assert weighted(new)
    stock = net(7, 2)
    assert list(stock.state_dict()) == list(new.state_dict())
    stock.load_state_dict(new.state_dict(), strict=True)
    new.load_state_dict(stock.state_dict(), strict=True)
    assert far(old, new, inputs) < 1e-12 < 1e-3 < far(old, stock, inputs)


def test_folding_ends_with_the_stock_layer():
    old, new, inputs = grown(steps=8)
    assert far(old, new, inputs) < 1e-12
    norms = weighted(new)
    assert set(norms) == {"1", "4"}
    assert [fold(new) for _ in range(8)] == list(range(8))[::-1]
    assert not weighted(new) and fold(new) == 0
    for name, norm in norms.items():
        assert new.get_submodule(name) is norm
        assert type(norm) is nn.LayerNorm
        assert vars(norm).keys() == vars(nn.LayerNorm(7)).keys()
        assert not norm._forward_hooks and not list(norm.buffers())
    stock = net(7, 2)
    stock.load_state_dict(new.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(stock(inputs), new(inputs))


def test_folding_goes_in_equal_steps():
    norm = nn.LayerNorm(3)
    weigh(norm, TWICE, 0, steps=4)
    for step in range(1, 4):
        fold(norm)
        wanted = TWICE + (1 / 3 - TWICE) * step / 4
        torch.testing.assert_close(norm.weights, wanted.float())
        assert abs(norm.weights.sum() - 1) < 1e-6


def test_folding_moves_the_function_little_by_little():
    old, new, inputs = grown(steps=100)
    moves = []
    for _ in range(100):
        was = copy.deepcopy(new)
        fold(new)
        moves.append(far(was, new, inputs))
    assert max(moves) < 0.1 * far(old, new, inputs)


def test_a_growth_amid_the_folding_is_exact():
    old, new, inputs = grown(steps=10)
    for _ in range(4):
        fold(new)
    assert far(old, new, inputs) > 1e-3
    later = net(11, 2)
    carry(new, later, fold=5)
    assert far(new, later, inputs) < 1e-12
    assert [fold(later) for _ in range(5)][-1] == 0


def test_a_growth_elsewhere_keeps_the_weights():
    def two(a, b, seed=0):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(3, a), nn.LayerNorm(a), nn.Linear(a, b), nn.Linear(b, 2)
        ).double()

    models = two(4, 5), two(6, 5, 1), two(6, 8, 2)
    carry(models[0], models[1], fold=9)
    carry(models[1], models[2], fold=9)
    assert set(weighted(models[2])) == {"1"}
    assert far(models[0], models[2], random(5, 3)) < 1e-12


def test_whole_multiples_need_no_weights():
    assert not weighted(grown(4, 8)[1])


def test_what_is_weighted_stands_in_the_plan():
    plan = carry(net(4), net(6, 1), fold=3)
    assert "\n4: units weighted, until folded" in str(plan)


def test_gradients_are_the_old_ones_times_the_share():
    old, new = net(4, depth=1), net(7, 1, depth=1)
    plan = carry(old, new, fold=9)
    for model in (old, new):
        model(random(5, 3)).square().sum().backward()
    width = plan.tensors["0.weight"][0].width
    wanted = old[0].weight.grad[width.source] * width.share[:, None]
    torch.testing.assert_close(new[0].weight.grad, wanted)


@pytest.mark.parametrize("first", [True, False])
def test_torchs_fused_transformer_layer_sees_the_weights(first):
    def layer(units, heads):
        torch.manual_seed(units)
        body = nn.TransformerEncoderLayer(
            units, heads, 5, 0.0, batch_first=True, norm_first=first
        )
        return nn.Sequential(
            nn.Linear(3, units), body, nn.Linear(units, 2)
        ).eval()

    old, new = layer(8, 4), layer(12, 6)  # it takes no odd number of heads
    carry(old, new, fold=9)
    assert len(weighted(new)) == 2
    assert far(old, new, random(2, 4, 3, dtype=torch.float32)) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [True, False])
def test_dtypes_are_those_of_the_stock_layer(dtype, autocast):
    norm = nn.LayerNorm(3).to(torch.float32 if autocast else dtype)
    inputs = random(4, 3, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        stock = norm(inputs)
        weigh(norm, torch.full((3,), 1 / 3), 0, steps=9)
        ours = norm(inputs)
    assert ours.dtype is stock.dtype
    torch.testing.assert_close(ours, stock, atol=2e-2, rtol=2e-2)


def test_a_copied_and_scripted_layer_computes_the_same():
    norm, inputs = nn.LayerNorm(3).double(), random(4, 3)
    weigh(norm, TWICE, 0, steps=9)
    assert torch.equal(copy.deepcopy(norm)(inputs), norm(inputs))
    scripted = torch.jit.script(norm)
    fold(norm)
    torch.testing.assert_close(scripted(inputs), norm(inputs))


# The state that a checkpoint holds


def saved(model, path, steps=0):
    """A transition after some steps, saved"""
    transition = Transition(lambda: model)
    for _ in range(steps):
        with transition.step():
            pass
    transition._save(path)
    return transition


def test_a_checkpoint_amid_the_folding_resumes(tmp_path):
    _, new, inputs = grown(steps=10)
    saved(new, tmp_path / "state", steps=4)
    stock = net(7, 2)
    stock.load_state_dict(new.state_dict())
    resumed = Transition(lambda: stock)
    resumed._load(tmp_path / "state")
    for transition in (resumed, Transition(lambda: new)):
        for _ in range(3):
            with transition.step():
                pass
    assert len(weighted(stock)) == 2
    with torch.no_grad():
        assert torch.equal(stock(inputs), new(inputs))


def test_a_checkpoint_from_after_the_folding_has_stock_layers(tmp_path):
    _, new, _ = grown(steps=2)
    saved(new, tmp_path / "state", steps=2)
    living = grown(steps=5)[1]
    Transition(lambda: living).weigh(tmp_path / "state")
    assert not weighted(living)


def test_unweighing_at_once():
    norm = nn.LayerNorm(3)
    weigh(norm, TWICE, 0, steps=4)
    weigh(norm, TWICE, 0, steps=4)
    unweigh(norm)
    assert type(norm) is nn.LayerNorm and not norm._forward_hooks
