"""Tests that cost is what one counts by hand, and drift what one measures

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain.nnet import RNN, linear
from speechbrain_growth.engine.probe import drift, tensors_in
from speechbrain_growth.measure import cost
from speechbrain_growth.measure.growth_log import GrowthLog

torch.set_num_threads(1)

B, T, F, H, K = 2, 7, 3, 5, 4
FRAMES = B * T


def ligru(**options):
    """A Li-GRU on (batch, time, features)"""
    return RNN.LiGRU(H, (B, T, F), **options)


# layer, shape of its input, MACs by hand
LAYERS = {
    "linear": (nn.Linear(F, H), (B, T, F), FRAMES * F * H),
    "linear without bias": (nn.Linear(F, H, bias=False), (B, F), B * F * H),
    "wrapped linear": (
        linear.Linear(H, input_size=F),
        (B, T, F),
        FRAMES * F * H,
    ),
    "conv2d": (nn.Conv2d(2, 5, (3, 2)), (1, 2, 8, 6), 6 * 5 * 5 * 2 * 3 * 2),
    "conv2d padded": (
        nn.Conv2d(2, 5, 3, padding=1),
        (3, 2, 8, 6),
        3 * 8 * 6 * 5 * 2 * 9,
    ),
    "conv2d with stride": (
        nn.Conv2d(2, 5, 2, stride=2),
        (1, 2, 8, 6),
        4 * 3 * 5 * 2 * 4,
    ),
    "conv1d": (nn.Conv1d(F, H, 3), (B, F, 9), B * 7 * H * F * 3),
    "lstm": (
        nn.LSTM(F, H, batch_first=True),
        (B, T, F),
        FRAMES * 4 * H * (F + H),
    ),
    "lstm both ways, two layers": (
        nn.LSTM(F, H, 2, batch_first=True, bidirectional=True),
        (B, T, F),
        FRAMES * 2 * 4 * H * ((F + H) + (2 * H + H)),
    ),
    "gru": (
        nn.GRU(F, H, batch_first=True),
        (B, T, F),
        FRAMES * 3 * H * (F + H),
    ),
    "speechbrain's lstm": (
        RNN.LSTM(H, (B, T, F)),
        (B, T, F),
        FRAMES * 4 * H * (F + H),
    ),
    "ligru": (ligru(), (B, T, F), FRAMES * 2 * H * (F + H)),
    "ligru both ways, two layers": (
        ligru(num_layers=2, bidirectional=True),
        (B, T, F),
        2 * FRAMES * 2 * H * ((F + H) + (2 * H + H)),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_macs_are_those_counted_by_hand(name):
    layer, shape, expected = LAYERS[name]
    assert cost.macs(nn.ModuleDict({"only": layer}), shape) == expected


def test_macs_of_a_chain_add_up():
    chain = nn.ModuleDict(
        {
            "features": nn.Flatten(0, 1),  # no parameters, so left out
            "rnn": ligru(),
            "out": linear.Linear(K, input_size=H),
        }
    )
    expected = FRAMES * (2 * H * (F + H) + H * K)
    assert cost.macs(chain, (B, T, F)) == expected


def test_counting_leaves_the_model_alone():
    norm, drop = nn.BatchNorm1d(H), nn.Dropout(0.5)
    drop.eval()
    net = nn.Sequential(nn.Linear(F, H), norm, drop, nn.Linear(H, 2)).double()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    state = torch.get_rng_state()
    assert cost.macs(nn.ModuleDict({"net": net}), (1, F)) == F * H + H * 2
    modes = [module.training for module in net.modules()]
    assert modes == [True, True, True, False, True]
    for key, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[key])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in net.parameters())


def test_counting_leaves_fast_kernels_on():
    before = torch.backends.mkldnn.enabled
    cost.macs(nn.ModuleDict({"net": nn.Linear(3, 2)}), (1, 3))
    assert torch.backends.mkldnn.enabled == before


def test_frozen_parameters_are_not_counted():
    net = nn.Sequential(nn.Linear(F, H), nn.BatchNorm1d(H), nn.Linear(H, K))
    assert cost.parameters(net) == (F + 1) * H + 2 * H + (H + 1) * K
    net[0].weight.requires_grad_(False)
    assert cost.parameters(net) == H + 2 * H + (H + 1) * K


def test_the_log_counts_one_example(tmp_path):
    log = GrowthLog(str(tmp_path / "log"), [1, T, F])
    net = nn.ModuleDict({"net": nn.Linear(F, H)})
    assert log.cost(net) == {"parameters": 20, "macs": T * F * H}


# Drift

NAN, INF = float("nan"), float("inf")
ONE = torch.tensor([1.0, -4.0])
# before, after, drift
DRIFTS = [
    (ONE, ONE.clone(), 0.0),
    (ONE, torch.tensor([1.0, -3.0]), 0.25),
    (ONE, torch.tensor([3.0, -4.0]), 0.5),
    (ONE, torch.tensor([1.0, 4.0]), 2.0),
    # each tensor is measured against its own largest value; the worst counts
    ([ONE, 10 * ONE], [ONE + 1, 10 * ONE + 1], 0.25),
    ((ONE, [ONE]), (ONE, [torch.tensor([1.0, 0.0])]), 1.0),
    ({"a": ONE, "b": ONE}, {"a": ONE, "b": ONE / 2}, 0.5),
    # an output of zeros has no scale of its own
    (torch.zeros(2), torch.tensor([0.0, 0.5]), 0.5),
    # lengths and other whole numbers are no outputs
    ((ONE, torch.tensor([1, 2])), (ONE, torch.tensor([3, 4])), 0.0),
    ((ONE, None, "text"), (ONE, 3, None), 0.0),
    # what cannot be compared
    (ONE, torch.tensor([1.0, NAN]), INF),
    (ONE, torch.tensor([INF, -4.0]), INF),
    (ONE * NAN, ONE * NAN, INF),
    (ONE, ONE[:1], INF),
    (ONE, ONE[None], INF),
    ([ONE, ONE], [ONE], INF),
    (ONE, None, INF),
    (None, None, INF),
    (torch.tensor([1, 2]), torch.tensor([1, 2]), INF),
]
# Strict, so that whoever mends a mistake removes its mark here
MISTAKES = [
    (torch.tensor([1.0, NAN]), ONE),
    (torch.tensor([1.0, INF]), ONE),
    ([ONE], [ONE, ONE]),
]


@pytest.mark.parametrize("before, after, expected", DRIFTS)
def test_drift_is_the_largest_relative_difference(before, after, expected):
    assert drift(before, after) == expected


@pytest.mark.parametrize("before, after", MISTAKES)
def test_what_cannot_be_compared_is_infinitely_far(before, after):
    assert drift(before, after) == INF


def test_drift_in_half_precision():
    before, after = ONE.half(), torch.tensor([1.0, -3.0]).bfloat16()
    assert drift(before, after.half()) == 0.25


def test_all_floating_point_tensors_are_found():
    outputs = {"a": [ONE, (ONE, torch.tensor(3))], "b": {"c": ONE}, "d": 1.0}
    assert len(tensors_in(outputs)) == 3
