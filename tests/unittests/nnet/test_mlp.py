"""The MLP, wider and deeper, against networks written out by hand.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain_growth import Exact, carry
from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.nnet.mlp import MLP

# The published strategies, and both steps of the second
GROWTHS = [
    ([4], [8], False),
    ([4], [4, 4], False),
    ([4, 4], [4, 8], False),
    ([4], [6, 6], False),
    ([3], [12], True),
    ([], [3], False),
]


def images(count=64):
    """A batch of images, in double precision"""
    return torch.rand(count, 6, dtype=torch.float64)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("hidden", [[], [4], [4, 5]])
def test_it_is_a_stack_of_stock_layers(hidden, batch_norm):
    torch.manual_seed(0)
    mlp = MLP(6, hidden, 3, nn.Tanh, batch_norm).double()
    stack, arriving = nn.Sequential(), 6
    for units in hidden:
        stack.append(nn.Linear(arriving, units))
        if batch_norm:
            stack.append(nn.BatchNorm1d(units))
        stack.append(nn.Tanh())
        arriving = units
    stack.append(nn.Linear(arriving, 3)).double()
    tensors = zip(stack.state_dict(), mlp.state_dict().values())
    stack.load_state_dict(dict(tensors), strict=True)
    batch = images()
    torch.testing.assert_close(mlp(batch), stack(batch), rtol=0, atol=0)


@pytest.mark.parametrize("before, after, batch_norm", GROWTHS)
def test_a_growth_keeps_the_function(before, after, batch_norm):
    torch.manual_seed(1)
    old = MLP(6, before, 3, batch_norm=batch_norm).double()
    new = MLP(6, after, 3, batch_norm=batch_norm).double()
    if not before:
        with pytest.raises(GrowthError, match="no identity"):
            carry(old, new)
        return
    old(images())  # statistics that are not those of a new net
    carry(old, new)
    batch = images()
    for train in (True, False):
        old.train(train), new.train(train)
        torch.testing.assert_close(old(batch), new(batch))


def test_a_layer_behind_a_norm_is_born_calibrated():
    torch.manual_seed(2)
    old = MLP(6, [4], 3, batch_norm=True).double()
    new = MLP(6, [4, 4], 3, batch_norm=True).double()
    old(images())
    batch = images()
    plan = carry(old, new, birth=Birth(probe=batch))
    assert plan.promise is Exact.IN_EVAL
    old.eval(), new.eval()
    torch.testing.assert_close(old(batch), new(batch))


def test_a_layer_whose_activation_is_no_identity_is_refused():
    old, new = (MLP(6, h, 3, nn.Tanh) for h in ([4], [4, 4]))
    with pytest.raises(GrowthError, match="use ReLU"):
        carry(old, new)
