"""The MLP, wider and deeper, against networks written out by hand.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch import nn

from speechbrain_growth import Birth, Exact, GrowthError, carry
from speechbrain_growth.nnet.mlp import MLP

# hidden units before and after, batch norm, the layers that are new
GROWTHS = [
    ([4], [8], False, []),
    ([4], [4, 4], False, ["hidden_1"]),
    ([4, 4], [4, 8], False, []),
    ([4], [6, 6], False, ["hidden_1"]),
    ([4], [4, 4, 4], False, ["hidden_1", "hidden_2"]),
    ([3], [12], True, []),
]
# hidden units before and after, activation, what the error says
REFUSED = [
    ([], [3], nn.ReLU, "hidden_0: 6 inputs and 3 outputs are no identity"),
    ([4], [4, 5], nn.ReLU, "hidden_1: 4 inputs and 5 outputs are no identity"),
    ([4], [4, 4], nn.Tanh, "Tanh is not idempotent.* use ReLU"),
    ([4, 4], [4], nn.ReLU, "the layers hidden_1 stand in one model only"),
    ([8], [4], nn.ReLU, "8 units cannot shrink to 4"),
]


def images(count=64):
    """A batch of images, in double precision"""
    return torch.rand(count, 6, dtype=torch.float64)


def drift(old, new, batch):
    """Largest difference of two models' outputs, relative to the largest"""
    before, after = old(batch), new(batch)
    return float((before - after).abs().max() / before.abs().max())


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
    assert len(stack.state_dict()) == len(mlp.state_dict())
    tensors = zip(stack.state_dict(), mlp.state_dict().values())
    stack.load_state_dict(dict(tensors), strict=True)
    batch = images()
    assert torch.equal(mlp(batch), stack(batch))


@pytest.mark.parametrize("before, after, batch_norm, born", GROWTHS)
def test_a_growth_keeps_the_function_and_every_weight_learns(
    before, after, batch_norm, born
):
    torch.manual_seed(1)
    old = MLP(6, before, 3, batch_norm=batch_norm).double()
    new = MLP(6, after, 3, batch_norm=batch_norm).double()
    old(images())  # statistics that are not those of a new net
    optimizer = torch.optim.Adam(old.parameters(), lr=0.01)
    plan = carry(old, new, optimizer)
    assert plan.born == dict.fromkeys(born, "exact")
    assert plan.promise is Exact.YES
    sizes = [block.linear.out_features for block in list(new)[:-1]]
    assert sizes == after and new.output.in_features == after[-1]
    batch = images()
    for train in (True, False):
        old.train(train), new.train(train)
        assert drift(old, new, batch) < 1e-12
    weights = {n: p.detach().clone() for n, p in new.named_parameters()}
    new.train()(batch).square().sum().backward()
    optimizer.step()
    for name, parameter in new.named_parameters():
        assert not torch.equal(parameter, weights[name]), name


def test_a_new_layer_behind_a_norm_is_calibrated():
    torch.manual_seed(2)
    old = MLP(6, [4], 3, batch_norm=True).double()
    new = MLP(6, [4, 4], 3, batch_norm=True).double()
    old(images())
    batch = images()
    plan = carry(old, new, birth=Birth(probe=batch))
    assert plan.born == {"hidden_1": str(Exact.IN_EVAL)}
    assert drift(old.eval(), new.eval(), images()) < 1e-12
    norm = new.hidden_1.norm
    arrives = old.hidden_0(batch)
    assert torch.allclose(norm.running_mean, arrives.mean(0))
    assert torch.allclose(norm.running_var, arrives.var(0, unbiased=False))


@pytest.mark.parametrize("before, after, activation, message", REFUSED)
def test_what_cannot_grow_is_refused(before, after, activation, message):
    old, new = (MLP(6, hidden, 3, activation) for hidden in (before, after))
    weights = {name: t.clone() for name, t in new.state_dict().items()}
    with pytest.raises(GrowthError, match=message):
        carry(old, new)
    state = new.state_dict()
    assert all(torch.equal(weights[name], state[name]) for name in state)
