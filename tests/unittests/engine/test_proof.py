"""What a growth promises is proved on an example, before anything changes

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import threading

import pytest
import torch
from torch import nn

from speechbrain_growth import GrowthError, carry
from speechbrain_growth.engine.proof import ROUNDOFF
from speechbrain_growth.engine.rules.registry import rule

VECTOR = torch.randn(5, 3, generator=torch.manual_seed(0)).double()


class Reversed(nn.Module):
    """Its rule below says that it returns its units in their order"""

    def forward(self, x):
        return x.flip(-1)


@pytest.fixture(autouse=True)
def wrong_rule():
    """A rule that a user got wrong"""
    known = rule.dispatch(object)
    rule.register(Reversed, lambda old, new, signal, trace: signal)
    yield
    rule.register(Reversed, known)


def between(layer, width, outputs=2):
    """A layer between two linear ones"""
    ends = nn.Linear(3, width), nn.Linear(width, outputs)
    return nn.Sequential(ends[0], layer, ends[1]).double()


def unchanged(new, optimizer):
    """A function that asserts that nothing has changed since"""
    state = copy.deepcopy(new.state_dict())
    held = [p for group in optimizer.param_groups for p in group["params"]]
    kept = copy.deepcopy(optimizer.state_dict())

    def check():
        after = new.state_dict()
        assert all(torch.equal(state[name], after[name]) for name in state)
        now = [p for group in optimizer.param_groups for p in group["params"]]
        assert all(one is other for one, other in zip(held, now))
        assert str(kept) == str(optimizer.state_dict())

    return check


@pytest.mark.parametrize("example", [None, VECTOR, (VECTOR,)])
def test_a_wrong_rule_is_found_and_nothing_changes(example):
    old, new = between(Reversed(), 4), between(Reversed(), 7)
    optimizer = torch.optim.Adam(old.parameters())
    old(VECTOR).square().mean().backward()
    optimizer.step()
    check = unchanged(new, optimizer)
    with pytest.raises(GrowthError, match=r"drift by .* round-off .* 1e-09"):
        carry(old, new, optimizer, example=example)
    check()


@pytest.mark.parametrize("tolerance", [1e3, float("inf")])
def test_the_drift_can_be_accepted(tolerance):
    old, new = between(Reversed(), 4), between(Reversed(), 7)
    carry(old, new, example=VECTOR, tolerance=tolerance)
    assert not torch.allclose(old(VECTOR), new(VECTOR))


def test_a_tolerance_holds():
    old, new = between(Reversed(), 4), between(Reversed(), 7)
    with pytest.raises(GrowthError, match="explains 1e-04"):
        carry(old, new, example=VECTOR, tolerance=1e-4)


def test_a_growth_that_promises_nothing_is_not_compared():
    old, new = between(Reversed(), 4), between(Reversed(), 7)
    carry(old, new, symmetry={"noise": 0.1}, example=VECTOR)


class Outputs(nn.Module):
    """A linear layer, and what else it returns"""

    def __init__(self, width, more, outputs=2):
        super().__init__()
        self.a, self.b = nn.Linear(3, width), nn.Linear(width, outputs)
        self.more = more
        self.double()

    def forward(self, x):
        return self.more(self.b(torch.tanh(self.a(x))))


def _coarse(x):
    """In float32, as norms of some public models"""
    return x.float().double()


def _drawn(x):
    """With noise in every mode"""
    return x + torch.randn_like(x)


def _infinite(x):
    """With numbers that are none"""
    x = torch.cat([x, torch.full_like(x, float("-inf"))], 1)
    return {"logits": x, "loss": x.sum() - x.sum(), "label": "text"}


def _indices(x):
    """Of which nothing can be compared"""
    return x.argmax(1)


@pytest.mark.parametrize("more", [_coarse, _drawn, _infinite, _indices])
def test_outputs_of_every_kind_are_compared(more):
    carry(Outputs(4, more), Outputs(7, more), example=VECTOR)


def test_round_off_is_that_of_the_least_precise_dtype(monkeypatch):
    models = Outputs(4, _coarse), Outputs(7, _coarse)
    monkeypatch.setitem(ROUNDOFF, torch.float64, -1.0)  # all is above it
    carry(*models, example=VECTOR)
    monkeypatch.setitem(ROUNDOFF, torch.float32, -1.0)
    with pytest.raises(GrowthError, match="explains -1"):
        carry(*models, example=VECTOR)


@pytest.mark.parametrize("more", [torch.tanh, lambda x: x.T.contiguous()])
def test_outputs_that_grow_are_compared_unit_by_unit(more):
    carry(Outputs(4, more, 2), Outputs(7, more, 5), example=VECTOR)
    old, new = between(Reversed(), 4), between(Reversed(), 7, outputs=5)
    with pytest.raises(GrowthError, match="drift by"):
        carry(old, new, example=VECTOR)


def test_another_number_of_outputs_is_found():
    class Extra(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            return out if self.out_features == 2 else (out, out)

    rule.register(Extra, rule.dispatch(nn.Linear))
    old, new = Extra(3, 2).double(), Extra(3, 4).double()
    with pytest.raises(GrowthError, match="drift by inf"):
        carry(old, new, example=VECTOR)


def test_a_model_that_cannot_be_copied_is_named():
    old, new = Outputs(4, torch.tanh), Outputs(7, torch.tanh)
    old.lock = threading.Lock()
    with pytest.raises(GrowthError, match="Outputs.*deepcopy raises TypeError"):
        carry(old, new, example=VECTOR)


def test_an_example_that_does_not_fit_layers_with_rules_is_named():
    old, new = between(nn.ReLU(), 4), between(nn.ReLU(), 7)
    with pytest.raises(GrowthError, match="the old model raises RuntimeError"):
        carry(old, new, example=torch.ones(2, 9).double())


def test_reading_and_proof_share_the_forward_of_the_old_model():
    widths = []

    class Counted(nn.Linear):
        def forward(self, x):
            widths.append(self.out_features)
            return torch.tanh(super().forward(x))

    old, new = between(Counted(4, 4), 4), between(Counted(7, 7), 7)
    carry(old.float(), new.float(), example=VECTOR.float())
    assert widths == [4, 7, 7]


class Impolite(Outputs):
    """It changes its input"""

    def forward(self, x):
        return super().forward(x.mul_(2).add_(1))


@pytest.mark.parametrize("pack", [list, tuple, lambda x: {"x": x[0]}])
def test_a_forward_that_changes_its_input_leaves_the_example_alone(pack):
    old, new = Impolite(4, torch.tanh), Impolite(7, torch.tanh)
    example = VECTOR.clone()
    carry(old, new, example=pack([example]))
    carry(old, new, example=example)
    assert torch.equal(example, VECTOR)


def test_the_modes_and_random_numbers_stay():
    old, new = between(nn.Dropout(), 4), between(nn.Dropout(), 7)
    old.train(), old[1].eval(), new.eval()
    state = torch.get_rng_state()
    carry(old, new, example=VECTOR)
    for model in (old, new):
        assert model.training and model[0].training and not model[1].training
    assert torch.equal(state, torch.get_rng_state())


def test_nothing_changes_if_the_new_model_cannot_run():
    class Fragile(nn.Tanh):
        stands_for = nn.Tanh

        def forward(self, x):
            if x.shape[-1] > 4:
                raise RuntimeError("out of memory")
            return super().forward(x)

    old, new = between(Fragile(), 4), between(Fragile(), 7)
    optimizer = torch.optim.SGD(old.parameters(), 0.1)
    check = unchanged(new, optimizer)
    with pytest.raises(GrowthError, match="the new model raises RuntimeError"):
        carry(old, new, optimizer, example=VECTOR)
    check()
