"""Tests what is carried beside weights, and what is refused

The references are torch's own: gradients of the grown net, an average of grown
nets, a model as it was before.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import types
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from speechbrain.processing.features import InputNormalization
from speechbrain_growth import GrowthError, MidFoldWarning, carry, fold, trace
from speechbrain_growth.engine.carried.outputs import outputs_of

torch.set_num_threads(1)


def numbers(*shape, seed=0):
    """A random input"""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


X = numbers(16, 3)


def pair(build, small=4, large=6):
    """A model of two sizes, in float64"""
    torch.manual_seed(0)
    return build(small).double(), build(large).double()


def net(n, outputs=2):
    """Two linear layers and a batch norm"""
    return nn.Sequential(
        nn.Linear(3, n), nn.BatchNorm1d(n), nn.Tanh(), nn.Linear(n, outputs)
    )


def mlp(n):
    """Two linear layers"""
    return nn.Sequential(nn.Linear(3, n), nn.Tanh(), nn.Linear(n, 2))


def far(old, new, inputs=X):
    """The largest difference between two models' outputs"""
    return float((old(inputs) - new(inputs)).detach().abs().max())


def everything(model):
    """All that a growth might change in a model"""
    beside = [
        (p.requires_grad, copy.deepcopy(p.grad), dict(vars(p)))
        for p in model.parameters()
    ]
    modes = [module.training for module in model.modules()]
    return copy.deepcopy(model.state_dict()), beside, modes


def same(one, other):
    """Whether two nested values with tensors are equal"""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key]) for key in one
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


# The old model


class Counting(nn.Module):
    """Counts its calls, and keeps a mean of its inputs"""

    def __init__(self, n):
        super().__init__()
        self.inner = net(n)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        self.calls += 1
        self.mean.mul_(0.9).add_(0.1 * x.mean(0))
        return self.inner(x)


@pytest.mark.parametrize("accepted", [True, False])
def test_old_stays_as_it_is(accepted):
    old, new = pair(Counting)
    old(X).sum().backward()
    old.inner[1].eval()
    old.inner[0].weight.requires_grad_(False)
    old.inner[3].bias.no_decay = True
    if not accepted:
        new.inner[2] = nn.ReLU()
    before = everything(old)
    try:
        carry(old, new, torch.optim.Adam(old.parameters()), example=X)
        assert accepted
    except GrowthError:
        assert not accepted
    assert same(everything(old), before)


# Gradients


@pytest.mark.parametrize("build", [net, mlp])
def test_gradients_of_half_a_step_are_those_of_the_grown_net(build):
    old, new = pair(build)
    batch, labels = X, torch.sin(X[:, :2])
    (old(batch) - labels).square().mean().backward()
    carry(old, new)
    twin = copy.deepcopy(new)
    twin.zero_grad()
    (twin(batch) - labels).square().mean().backward()
    for one, other in zip(new.parameters(), twin.parameters()):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-14)
    assert new[-1].bias.grad.data_ptr() != old[-1].bias.grad.data_ptr()


def test_a_gradient_of_fresh_units_is_zero_and_none_stays_none():
    old, new = pair(mlp)
    old(X).square().sum().backward()
    old[2].bias.grad = None
    carry(old, new, symmetry="fresh")
    assert torch.equal(new[0].weight.grad[4:], torch.zeros(2, 3).double())
    assert torch.equal(new[0].weight.grad[:4], old[0].weight.grad)
    assert new[2].bias.grad is None


# Outputs that nothing reads


def head(n):
    """The last layer has n outputs, and the hidden one more than those"""
    return nn.Sequential(
        nn.Linear(3, n + 3), nn.Tanh(), nn.Linear(n + 3, n), nn.Sigmoid()
    )


def loss_of(model, number, outputs):
    """An error of the old outputs alone"""
    found = model(numbers(16, 3, seed=number))[:, :outputs]
    return (found - 1).square().sum(1).mean()


@pytest.mark.parametrize(
    "kind", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adadelta]
)
def test_averages_of_outputs_are_those_of_the_grown_nets_gradients(kind):
    """The reference has seen the gradients of grown nets, step after step"""
    options = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    old, new = pair(head, 2, 5)
    living = kind(old.parameters(), lr=0.01, **options)
    held = {n: p.detach().clone() for n, p in new.named_parameters()}
    reference = kind(held.values(), lr=0.01, **options)
    for number in range(4):
        grown = pair(head, 2, 5)[1]
        carry(old, grown, seed=3)
        grown.zero_grad()
        loss_of(grown, number, 2).backward()
        for name, parameter in grown.named_parameters():
            held[name].grad = parameter.grad
        reference.step()
        living.zero_grad()
        loss_of(old, number, 2).backward()
        living.step()
    carry(old, new, living, seed=3)
    for name, parameter in new.named_parameters():
        rows = slice(2) if name.startswith("2.") else slice(None)
        for entry in {"exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg"}:
            if entry in living.state[parameter]:
                torch.testing.assert_close(
                    living.state[parameter][entry][rows],
                    reference.state[held[name]][entry][rows],
                    rtol=1e-12,
                    atol=1e-18,
                )


class Stream(nn.Module):
    """Returns what its block reads, too, through a sum and a norm"""

    def __init__(self, n, block=True):
        super().__init__()
        self.start, self.last = nn.Linear(3, n), nn.LayerNorm(n)
        self.block = nn.Linear(n, n) if block else nn.Tanh()

    def forward(self, x):
        x = self.start(x)
        return self.last(x + self.block(x))


def test_units_that_a_layer_reads_are_no_outputs():
    plan = trace(*pair(Stream, 4, 8), example=X)
    assert not outputs_of(plan)
    plan = trace(*pair(lambda n: Stream(n, block=False), 4, 8), example=X)
    assert {key[1:] for key in outputs_of(plan)} == {(4, 8)}


def test_weights_of_a_norm_over_outputs_are_outputs():
    old, new = pair(lambda n: nn.Sequential(nn.Linear(3, n), nn.BatchNorm1d(n)))
    adam = torch.optim.Adam(old.parameters())
    old(X).square().sum().backward()
    adam.step()
    before = adam.state[old[1].weight]["exp_avg_sq"].clone()
    carry(old, new, adam)
    assert torch.equal(adam.state[new[1].weight]["exp_avg_sq"][:4], before)


def test_outputs_that_begin_as_copies_are_told():
    with pytest.warns(UserWarning, match="2 -> 4: outputs 2, 3 begin as copi"):
        carry(net(4), net(4, outputs=4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        carry(net(4), net(4, outputs=4), symmetry="fresh")
        carry(net(4), net(6))


# Modes, attributes, requires_grad


def test_each_layer_keeps_its_mode():
    old, new = pair(net)
    for number in range(5):
        old(3 + numbers(16, 3, seed=number))
    old[1].eval()
    carry(old, new)
    assert [m.training for m in new] == [True, False, True, True]
    assert far(old, new) < 1e-12
    carry(old.eval(), new)
    assert not any(m.training for m in new.modules())


def test_a_layer_that_is_new_gets_the_models_mode():
    deeper = nn.Sequential(*mlp(4), nn.Linear(2, 2)).double().eval()
    old = pair(mlp)[0]
    carry(old, deeper)
    assert deeper[3].training
    carry(old.eval(), deeper)
    assert not deeper[3].training


def test_parameters_keep_attributes_and_freezing():
    old, new = pair(mlp)
    old[0].weight.no_decay, old[2].bias.scale = True, 0.1
    new[2].bias.scale = 0.5
    old[2].requires_grad_(False)
    carry(old, new)
    assert new[0].weight.no_decay and new[2].bias.scale == 0.5
    assert [p.requires_grad for p in new.parameters()] == [True] * 2 + [
        False
    ] * 2


def test_what_a_layer_saves_beside_tensors_is_carried():
    class Noted(nn.Linear):
        stands_for, notes = nn.Linear, None

        def get_extra_state(self):
            return self.notes

        def set_extra_state(self, state):
            self.notes = state

    old, new = pair(lambda n: nn.Sequential(Noted(3, n), nn.Linear(n, 2)))
    old[0].notes = {"seen": 5}
    carry(old, new)
    assert new[0].notes == {"seen": 5} and new[0].notes is not old[0].notes
    assert far(old, new) < 1e-12


# What cannot be carried


def _forward(layer):
    """Puts a forward on a layer that does what its own does"""
    layer.forward = types.MethodType(type(layer).forward, layer)


ADDED = {
    "0.weight: has a gradient hook": lambda m: m[0].weight.register_hook(id),
    "2.bias: has a gradient hook": lambda m: (
        m[2].bias.register_post_accumulate_grad_hook(id)
    ),
    "0.bias: its attribute best is a tensor": lambda m: setattr(
        m[0].bias, "best", torch.ones(4)
    ),
    "0.weight: its gradient is sparse": lambda m: setattr(
        m[0].weight, "grad", torch.zeros(4, 3).double().to_sparse()
    ),
    "1: has backward hooks": lambda m: m[1].register_full_backward_hook(id),
    "model: has state dict hooks": lambda m: (
        m.register_state_dict_post_hook(lambda *_: None)
    ),
    "0: a forward is set on the layer": lambda m: _forward(m[0]),
}


@pytest.mark.parametrize("message", ADDED)
def test_what_would_be_lost_is_named(message):
    old, new = pair(mlp)
    ADDED[message](old)
    before, optimizer = everything(new), torch.optim.SGD(old.parameters(), 0.1)
    with pytest.raises(GrowthError, match=f"^{message}.*(remove|set the grad)"):
        carry(old, new, optimizer)
    assert same(everything(new), before)
    assert optimizer.param_groups[0]["params"][0] is old[0].weight


def test_all_that_would_be_lost_is_named_at_once():
    old, new = pair(mlp)
    for add in ADDED.values():
        add(old)
    with pytest.raises(GrowthError) as error:
        carry(old, new)
    assert len(error.value.problems) == len(ADDED)


def test_hooks_that_both_models_have_are_not_lost():
    old, new = pair(mlp)
    seen = []
    for model in (old, new):
        model[0].weight.register_hook(lambda gradient: seen.append(gradient))
        model[1].register_full_backward_hook(lambda *_: None)
    carry(old, new)
    new(X).sum().backward()
    assert [one.shape for one in seen] == [(6, 3)]
    assert far(old, new) < 1e-12


def _patched(n, function=torch.tanh):
    """The forward of a layer does something more"""
    model = mlp(n)
    model[0].forward = types.MethodType(
        lambda self, x: function(F.linear(x, self.weight, self.bias)), model[0]
    )
    return model


def test_a_forward_that_is_set_on_both_layers_is_read():
    old, new = pair(_patched)
    carry(old, new)
    assert far(old, new) < 1e-12
    with pytest.raises(GrowthError, match="softmax"):
        carry(*pair(lambda n: _patched(n, lambda x: torch.softmax(x, -1))))


# Tensors outside the state dict


class Features(nn.Module):
    """Random features and a scale, that no state dict has"""

    def __init__(self, n, how, features=5):
        super().__init__()
        table, scale = numbers(3, features, seed=n), numbers(n, seed=n + 1)
        if how == "attribute":
            self.table, self.scale, self.alias = table, scale, scale
        else:
            self.register_buffer("table", table, persistent=False)
            self.register_buffer("scale", scale, persistent=False)
        self.a, self.b = nn.Linear(features, n), nn.Linear(n, 2)

    def forward(self, x):
        return self.b(
            self.scale * torch.tanh(self.a(torch.sin(x @ self.table)))
        )


@pytest.mark.parametrize("symmetry", ["shares", "fresh"])
@pytest.mark.parametrize("larger", [5, 7])
@pytest.mark.parametrize("how", ["attribute", "buffer"])
def test_tensors_outside_the_state_are_carried(how, larger, symmetry):
    torch.manual_seed(0)
    old = Features(4, how).double()
    new = Features(6, how, larger).double()
    carry(old, new, symmetry=symmetry, example=X)
    assert far(old, new) < 1e-12
    assert new.table.shape == (3, larger)
    assert torch.equal(new.table[:, :5], old.table)
    assert new.table.data_ptr() != old.table.data_ptr()
    if how == "attribute":
        assert new.alias is new.scale


# what: the old value, the new one as built, and the value to come
LOOSE = {
    "numbers": (numbers(7), numbers(7, seed=1), numbers(7)),
    "a list": ([numbers(2)], [numbers(2, seed=1)], [numbers(2)]),
    "not yet filled": (numbers(7), torch.empty(0), numbers(7)),
    "nothing yet": (numbers(7), None, numbers(7)),
    "only in new": (None, numbers(7), numbers(7)),
    "filled in new alone": (torch.empty(0), numbers(7), numbers(7)),
    "another shape": (numbers(7), numbers(9), None),
    "nothing, of a size that grows": (numbers(4), None, None),
}


@pytest.mark.parametrize("what", LOOSE)
def test_an_attribute_of_a_layer_is_carried_or_refused(what):
    before, built, wanted = LOOSE[what]
    old, new = pair(mlp)
    old[1].table, new[1].table = before, built
    if wanted is None:
        with pytest.raises(GrowthError, match=r"^1\.table: .*; register it"):
            carry(old, new)
        return
    carry(old, new)
    assert same(new[1].table, wanted)
    assert far(old, new) < 1e-12


class Normalised(nn.Module):
    """Inputs are normalised by statistics of all that was seen"""

    def __init__(self, n):
        super().__init__()
        self.norm, self.inner = InputNormalization(), mlp(n)

    def forward(self, x, lengths=None):
        return self.inner(self.norm(x, lengths))


def test_statistics_of_inputs_are_carried():
    old, new = pair(Normalised, 3, 6)  # the inputs have as many units: 3
    inputs = 5 + 2 * numbers(4, 6, 3)
    for _ in range(3):
        old(inputs)
    count = old.norm.count
    carry(old, new, example=inputs)
    assert new.norm.count == old.norm.count == count > 0
    assert new.norm.glob_mean is not old.norm.glob_mean
    assert far(old.eval(), new.eval(), inputs) < 1e-12


# Averages of weights


def test_an_average_of_weights_is_that_of_the_grown_nets():
    old, new = pair(net)
    average = AveragedModel(old, use_buffers=True)
    target = AveragedModel(pair(net)[1], use_buffers=True)
    reference = AveragedModel(pair(net)[1], use_buffers=True)
    adam = torch.optim.Adam(old.parameters(), lr=0.05)
    for number in range(4):
        adam.zero_grad()
        loss_of(old, number, 2).backward()
        adam.step()
        average.update_parameters(old)
        carry(old, new, seed=3)
        reference.update_parameters(new)
    carry(average, target, seed=3)
    assert target.n_averaged == 4
    for one, other in zip(
        target.state_dict().values(), reference.state_dict().values()
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


# LayerNorms that are weighted for a while


def normed(n):
    """A LayerNorm whose units grow"""
    return nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), nn.Linear(n, 2))


def test_a_state_dict_amid_folding_is_told():
    old, new = pair(normed)
    later = normed(9).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error", MidFoldWarning)
        carry(old, new, fold=2)
        carry(new, later, fold=3)
    with pytest.warns(MidFoldWarning, match="for 3 more steps.*; save it"):
        state = later.state_dict()
    stock = normed(9).double()
    stock.load_state_dict(state)
    assert far(later, stock) > 1e-3  # of which the warning tells
    while fold(later):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error", MidFoldWarning)
        stock.load_state_dict(later.state_dict())
    assert far(later, stock) == 0


# Layers without units


@pytest.mark.parametrize("symmetry", ["shares", "fresh", {"zero_sum": 0.1}])
def test_a_layer_of_no_units_grows(symmetry):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch initialises nothing
        old, new = pair(mlp, 0, 4)
    adam = torch.optim.Adam(old.parameters())
    old(X).square().sum().backward()
    adam.step()
    carry(old, new, adam, symmetry=symmetry)
    assert far(old, new) < 1e-12
    for number in range(2):
        adam.zero_grad()
        loss_of(new, number, 2).backward()
        adam.step()
    assert all(p.isfinite().all() for p in new.parameters())
    assert new[2].weight.abs().min() > 0
