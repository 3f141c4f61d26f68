"""Tests that cost is what one counts by hand

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain.nnet import RNN, linear
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


def test_frozen_parameters_are_counted_too():
    net = nn.Sequential(nn.Linear(F, H), nn.BatchNorm1d(H), nn.Linear(H, K))
    assert cost.parameters(net) == (F + 1) * H + 2 * H + (H + 1) * K
    net[0].weight.requires_grad_(False)  # a network needs them all the same
    assert cost.parameters(net) == (F + 1) * H + 2 * H + (H + 1) * K


def test_the_log_counts_one_example(tmp_path):
    log = GrowthLog(str(tmp_path / "log"), [1, T, F])
    net = nn.ModuleDict({"net": nn.Linear(F, H)})
    assert log.cost(net) == {"parameters": 20, "macs": T * F * H}
