"""New units that begin from gradients do what GradMax and TINY say of them.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn
from torch.nn.functional import cross_entropy

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import GrowthError, carry
from speechbrain_growth.engine.filling.groups import groups_of
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN

torch.set_num_threads(1)
OLD, NEW = 4, 7
SMOOTH = {"tanh": nn.Tanh, "elu": nn.ELU, "gelu": nn.GELU, "silu": nn.SiLU}
SLOPES = {"tanh": 1, "elu": 1, "gelu": 0.5, "silu": 0.5, "leaky": 0.01}
ALL = {**SMOOTH, "leaky": nn.LeakyReLU}
GRADMAX = {"gradmax": 0.5}


def mlp(act, norm=None):
    """Three linear layers; a norm may stand behind the first"""

    def build(units):
        first = [nn.Linear(5, units), *([norm(units)] if norm else []), act()]
        rest = nn.Linear(units, units), act(), nn.Linear(units, 3)
        return nn.Sequential(*first, *rest)

    return build, (20, 5)


def conv2d(act, norm=None, **options):
    """Two convolutions"""

    def build(units):
        layers = [nn.Conv2d(2, units, 3, **options)]
        layers += [norm(units)] if norm else []
        layers += [act(), nn.Conv2d(units, 5, 3, **options), nn.Tanh()]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)]
        return nn.Sequential(*layers)

    return build, (4, 2, 9, 8)


def conv1d(act):
    """Two convolutions over time, of different kernels"""

    def build(units):
        return nn.Sequential(
            nn.Conv1d(2, units, 3, padding="same"),
            act(),
            nn.Conv1d(units, 3, 4, stride=2, padding=1),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )

    return build, (4, 2, 9)


class Speech(nn.Module):
    """A CRDNN that classifies utterances"""

    def __init__(self, units, kind, act):
        super().__init__()
        self.crdnn = kind(
            input_size=8,
            cnn_channels=[units, units + 1],
            rnn_neurons=3,
            rnn_layers=1,
            dnn_neurons=units,
            activation=act,
        )
        self.output = nn.Linear(units, 3)

    def forward(self, x):
        return self.output(self.crdnn(x)).mean(1)


def crdnn(kind, act):
    """Grows in the CNN and the DNN"""
    return lambda units: Speech(units, kind, act), (2, 7, 8)


NETS = {
    **{f"mlp {name}": mlp(act) for name, act in ALL.items()},
    "in place elu": mlp(partial(nn.ELU, inplace=True)),
    "batch norm gelu": mlp(nn.GELU, nn.BatchNorm1d),
    "layer norm gelu": mlp(nn.GELU, nn.LayerNorm),
    "conv1d tanh": conv1d(nn.Tanh),
    "conv2d gelu": conv2d(nn.GELU),
    "strides tanh": conv2d(nn.Tanh, stride=2, padding=(2, 1), bias=False),
    "reflected elu": conv2d(nn.ELU, padding=2, padding_mode="reflect"),
    "dilated tanh": conv2d(nn.Tanh, dilation=2, padding=2),
    "conv batch norm silu": conv2d(nn.SiLU, nn.BatchNorm2d, padding=1),
    "stock crdnn leaky": crdnn(CRDNN, nn.LeakyReLU),
    "quick crdnn tanh": crdnn(ScalableCRDNN, nn.Tanh),
}
FILLED = {"mlp": 2, "in": 2, "batch": 2, "layer": 2, "stock": 4, "quick": 4}


def small_and_large(name, seed=0):
    """Both models, and the losses of two batches"""
    build, shape = NETS[name]
    torch.manual_seed(seed)
    old, new = build(OLD).double(), build(NEW).double()
    batches = [torch.randn(shape, dtype=torch.float64) for _ in range(2)]
    targets = [torch.randint(3, shape[:1]) for _ in batches]
    with torch.no_grad():
        for parameter in old.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        old(batches[0])  # statistics that are not those of a new model
    losses = [
        lambda model, x=x, y=y: cross_entropy(model(x), y)
        for x, y in zip(batches, targets)
    ]
    return old, new, batches[0], losses


def grown(name, symmetry, seed=0):
    """Both models after the growth, the losses and what was filled"""
    old, new, example, losses = small_and_large(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"symmetry": symmetry, "batch": losses, "fold": 10}
        plan = carry(old, new, example=example, **options)
    return old.eval(), new.eval(), example, losses, plan


def mean_loss(model, losses):
    """Over the batches"""
    return sum(loss(model) for loss in losses) / len(losses)


def gradient_of(new, plan, name, one):
    """Norm of the gradient of what enters the filled units of a layer"""
    (group,) = [g for g in groups_of(plan, new)[0] if g.maker == name]
    units = group.units[: one["filled"]]
    if group.norm is None:
        layer = new.get_submodule(name)
        parts = [layer.weight.grad[units].flatten(1)]
        if layer.bias is not None:
            parts.append(layer.bias.grad[units, None])
        return torch.cat(parts, 1).norm()
    gradient = new.get_submodule(group.norm).weight.grad[..., units]
    return gradient.reshape(-1, len(units)).sum(0).norm()


@pytest.mark.parametrize("name", NETS)
def test_the_gradient_of_new_units_is_the_predicted_one(name):
    old, new, example, losses, plan = grown(name, GRADMAX)
    kind, slope = name.split()[0], SLOPES[name.split()[-1]]
    assert len(plan.filled.units) == FILLED.get(kind, 1)
    for model in (old, new):  # dropout draws a mask for each unit
        drops = [m for m in model.modules() if "Dropout" in type(m).__name__]
        for layer in drops:
            layer.p = layer.drop_rate = 0.0
    with torch.no_grad():
        assert torch.allclose(old(example), new(example), atol=1e-12)
    mean_loss(new, losses).backward()
    for maker, one in plan.filled.units.items():
        found = float(gradient_of(new, plan, maker, one))
        assert one["predicted"] == pytest.approx(found, rel=1e-6)
        assert one["slope"] == pytest.approx(slope, rel=1e-6)
        assert found > 0
    if "norm" in name and "layer" not in name:
        old.train(), new.train()
        with torch.no_grad():
            assert torch.allclose(old(example), new(example), atol=1e-12)


@pytest.mark.parametrize("natural", [False, True])
@pytest.mark.parametrize("name", [n for n in NETS if "leaky" not in n])
def test_the_loss_falls_as_tiny_says(name, natural):
    level = 1e-4
    symmetry = {"tiny": level, "natural_step": natural}
    old, new, _, losses, plan = grown(name, symmetry)
    fall = mean_loss(old, losses) - mean_loss(new, losses)
    predicted = sum(one["predicted"] for one in plan.filled.units.values())
    assert float(fall) == pytest.approx(predicted, rel=1e-3)
    if not natural:  # the formula of the paper
        slope = SLOPES[name.split()[-1]]
        gain = plan.filled.gain * slope * level**2
        assert predicted == pytest.approx(gain, rel=1e-4)


sizes = st.integers(1, 6)


@settings(max_examples=25, deadline=None)
@given(sizes, sizes, sizes, sizes, st.integers(0, 99), st.booleans())
def test_directions_are_those_of_numpy(
    inputs, old_units, more, outputs, seed, bias
):
    rng = np.random.default_rng(seed)
    examples = 9
    x, y = (
        rng.normal(size=(examples, inputs)),
        rng.normal(size=(examples, outputs)),
    )

    def net(units):
        first = nn.Linear(inputs, units, bias=bias)
        return nn.Sequential(
            first, nn.Tanh(), nn.Linear(units, outputs)
        ).double()

    torch.manual_seed(seed)
    old, new = net(old_units), net(old_units + more)
    given_x, given_y = torch.tensor(x), torch.tensor(y)
    plan = carry(
        old,
        new,
        symmetry=GRADMAX,
        batch=lambda model: (model(given_x) - given_y).square().sum(),
    )
    weight = old[2].weight.detach().numpy()
    hidden = np.tanh(old[0](given_x).detach().numpy())
    error = 2 * (hidden @ weight.T + old[2].bias.detach().numpy() - y)
    read = np.hstack([x, np.ones((examples, 1))]) if bias else x
    _, values, right = np.linalg.svd(read.T @ error, full_matrices=False)
    rank = int((values > 1e-6 * values[0]).sum())
    count = min(rank, more)
    (one,) = plan.filled.units.values()
    assert (one["filled"], one["rank"]) == (count, rank)
    assert one["gain"] == pytest.approx((values[:count] ** 2).sum(), rel=1e-9)
    length = 0.5 * np.linalg.norm(weight, axis=0).mean()
    sent = new[2].weight.detach().numpy()[:, old_units:]
    # A singular vector has no sign; two of equal values have no directions
    across = np.abs(right[:count] @ sent[:, :count] / length)
    assert np.allclose(across, np.eye(count), atol=1e-5)
    assert not new[0].weight[old_units : old_units + count].any()
    assert not sent[:, count:].any()  # fresh ones


def test_units_beyond_the_rank_are_fresh():
    old, new, _, losses = small_and_large("mlp tanh")
    built = copy.deepcopy(new)
    plan = carry(old, new, symmetry=GRADMAX, batch=losses[0])
    one = plan.filled.units["2"]
    assert (one["filled"], one["new"], one["rank"]) == (2, 3, 2)  # 3 classes
    assert torch.equal(new[2].weight[6, :OLD], built[2].weight[6, :OLD])
    assert not new[4].weight[:, 6].any()


@pytest.mark.parametrize("symmetry", [GRADMAX, {"tiny": 0.1}])
@pytest.mark.parametrize("name", ["mlp gelu", "quick crdnn tanh"])
def test_old_weights_stay_to_the_bit(name, symmetry):
    old, new, _, _, plan = grown(name, symmetry)
    before, after = old.state_dict(), new.state_dict()
    for tensor, axes in plan.tensors.items():
        found = after[tensor]
        for dim, axis in enumerate(axes):
            if axis is not None and found.ndim:
                kept = (~axis.width.fresh).nonzero()[:, 0]
                found = found.index_select(dim, kept)
        assert torch.equal(found, before[tensor]), tensor


def test_the_step_of_the_next_layer_is_least_squares():
    old, new, example, losses = small_and_large("mlp gelu")
    level, losses = 0.1, losses[:1]
    one = nn.Sequential(*old[:3])  # the second layer is the last one
    two = nn.Sequential(*new[:2], nn.Linear(NEW, OLD).double())
    asked = torch.randn(len(example), OLD, dtype=torch.float64)
    carry(
        one,
        two,
        symmetry={"tiny": level, "natural_step": True},
        batch=lambda model: (model(example) - asked).square().sum(1).mean() / 2,
        tolerance=float("inf"),
    )
    read = one[:2](example).detach().numpy()
    read = np.hstack([read, np.ones((len(read), 1))])
    apart = (one(example) - asked).detach().numpy()  # gradient of each example
    step = np.linalg.lstsq(read, apart, rcond=None)[0]
    change = (one[2].weight - two[2].weight[:, :OLD]).detach().numpy()
    assert np.allclose(change, level**2 * step[:-1].T, atol=1e-10)
    change = (one[2].bias - two[2].bias).detach().numpy()
    assert np.allclose(change, level**2 * step[-1], atol=1e-10)


# Activations without a slope at 0


def relu(units):
    """A network that the literature's toolkit would train with another ReLU"""
    layers = nn.Linear(5, units), nn.ReLU(), nn.Linear(units, 3)
    return nn.Sequential(*layers).double()


def relu_grown(symmetry):
    """A growth of it"""
    torch.manual_seed(0)
    old, new = relu(OLD), relu(6)
    x, y = torch.randn(20, 5, dtype=torch.float64), torch.randint(3, (20,))
    plan = carry(
        old, new, symmetry=symmetry, batch=lambda m: cross_entropy(m(x), y)
    )
    return old, new, x, y, plan


@pytest.mark.parametrize(
    "symmetry, words",
    [
        (
            GRADMAX,
            "0: the activation behind it has the slope 0 at 0, as torch's",
        ),
        ({"tiny": 1.0}, "0: the activation behind it has a kink at 0, as ReLU"),
    ],
)
def test_an_activation_without_a_slope_is_refused(symmetry, words):
    with pytest.raises(GrowthError, match=words):
        relu_grown(symmetry)


@pytest.mark.parametrize(
    "symmetry", [{**GRADMAX, "zero_slope": 1e-3}, {"tiny": 0.5, "kink": True}]
)
def test_with_a_stated_choice_its_units_learn(symmetry):
    old, new, x, y, plan = relu_grown(symmetry)
    (one,) = plan.filled.units.values()
    assert one["filled"] == 2 and one["predicted"] is None
    loss = cross_entropy(new(x), y)
    assert loss < cross_entropy(old(x), y)
    loss.backward()
    assert (new[0].weight.grad[OLD:].norm(dim=1) > 0).all()
    if "gradmax" in symmetry:
        entering = torch.cat([new[0].weight, new[0].bias[:, None]], 1)
        length = entering[OLD:].norm(dim=1)
        assert torch.allclose(length, torch.full_like(length, 1e-3))


def test_a_slope_that_is_there_needs_no_choice():
    old, new, x, *_ = grown("mlp tanh", {**GRADMAX, "zero_slope": 1e-3})
    assert torch.allclose(old(x), new(x), atol=1e-12)


# What stands between


class Own(nn.Module):
    """Some layers, and a forward that uses them"""

    def __init__(self, units, forward):
        super().__init__()
        self.a = nn.Linear(5, units)
        if forward in (product, added):
            self.b = nn.Linear(5, units)
        self.c, self.d = nn.Linear(units, 5), nn.Linear(5, units)
        self.e, self.run = nn.Linear(units, 3), forward

    def forward(self, x):
        rest = self.e(torch.tanh(self.d(torch.tanh(x))))  # always filled
        return self.run(self, x) + rest


def product(m, x):
    """Two layers make the units"""
    return m.c(torch.tanh(m.a(x)) * torch.sigmoid(m.b(x)))[:, :3]


def added(m, x):
    """Two layers make the units"""
    return m.c(torch.tanh(m.a(x)) + torch.tanh(m.b(x)))[:, :3]


def twice(m, x):
    """One layer is called twice"""
    return m.c(torch.tanh(m.a(x + m.c(torch.tanh(m.a(x))))))[:, :3]


LEFT = {
    "product": (
        product,
        "lets no fixed part of the gradient through|more than one layer",
    ),
    "sum": (
        added,
        "sends .* where nothing enters|more than one layer",
    ),
    "sigmoid": (
        lambda m, x: m.c(torch.sigmoid(m.a(x)))[:, :3],
        "sends 0.5 where nothing enters, not 0",
    ),
    "twice": (twice, "is called 2 times in one forward"),
    "mean over the batch": (
        lambda m, x: m.c(m.a(x).tanh().cumsum(0))[:, :3],
        "lets no fixed part of the gradient through",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_units_that_do_not_fit_begin_fresh_with_the_reason(name):
    forward, words = LEFT[name]
    torch.manual_seed(0)
    old, new = (Own(units, forward).double() for units in (OLD, NEW))
    built = copy.deepcopy(new)
    x, y = torch.randn(9, 5, dtype=torch.float64), torch.randint(3, (9,))
    loss = lambda model: cross_entropy(model(x), y)  # noqa: E731
    with pytest.warns(UserWarning, match=f"begin as fresh ones: .*({words})"):
        plan = carry(old, new, symmetry=GRADMAX, batch=loss, example=x)
    assert list(plan.filled.units) == ["d"]
    assert torch.equal(new.a.weight[OLD:], built.a.weight[OLD:])
    assert not new.c.weight[:, OLD:].any()
    assert torch.allclose(old(x), new(x), atol=1e-12)


def test_pooling_and_recurrence_begin_fresh():
    *_, plan = grown("stock crdnn leaky", GRADMAX)
    pooled, flat = (f"crdnn.CNN.block_{n}.conv_2.conv" for n in (0, 1))
    assert "positions of each unit" in plan.filled.left[pooled]
    assert "several times, as gates" in plan.filled.left[f"{flat} channels"]


def test_if_nothing_can_begin_so_it_is_refused_and_nothing_changes():
    old, new = (
        nn.Sequential(nn.Linear(5, n), nn.Sigmoid(), nn.Linear(n, 3))
        for n in (OLD, NEW)
    )
    before = copy.deepcopy(new.state_dict())
    x = torch.randn(4, 5)
    with pytest.raises(GrowthError, match="no new units can begin so; use"):
        carry(old, new, symmetry=GRADMAX, batch=lambda m: m(x).square().sum())
    assert all(torch.equal(before[k], v) for k, v in new.state_dict().items())


def test_nothing_is_left_of_the_passes():
    old, new, _, losses = small_and_large("batch norm gelu")
    state, calls = copy.deepcopy(old.state_dict()), []

    def loss(model):
        calls.append(torch.rand(()).item())  # as an augmentation would
        assert not model.training
        model[1].num_batches_tracked += 1  # as a layer that counts
        return losses[0](model)

    old.train()
    numbers = torch.get_rng_state()
    plan = carry(old, new, symmetry=GRADMAX, batch=[loss, loss])
    assert len(set(calls[:2])) == 2 and calls[2] == calls[0]
    assert all(torch.equal(state[k], v) for k, v in old.state_dict().items())
    assert new[1].num_batches_tracked == state["1.num_batches_tracked"]
    assert all(p.grad is None for p in (*old.parameters(), *new.parameters()))
    assert old.training and old[1].training and plan.filled.batches == 2
    torch.set_rng_state(numbers)
    again = small_and_large("batch norm gelu")[1]
    carry(old, again, symmetry=GRADMAX, batch=[loss, loss])
    for one, other in zip(new.parameters(), again.parameters()):
        assert torch.equal(one, other)


def test_the_optimizer_takes_new_units_for_new():
    old, new, _, losses = small_and_large("mlp tanh")
    optimizer = torch.optim.Adam(old.parameters())
    losses[0](old).backward()
    optimizer.step()
    squares = optimizer.state[old[4].weight]["exp_avg_sq"].clone()
    carry(old, new, optimizer, symmetry=GRADMAX, batch=losses)
    state = optimizer.state[new[4].weight]
    assert not state["exp_avg"][:, OLD:].any()
    mean = squares.mean(1, keepdim=True).expand(-1, NEW - OLD)
    assert torch.allclose(state["exp_avg_sq"][:, OLD:], mean)


# Refusals


WRONG = {
    "no batch": ({"symmetry": GRADMAX}, "batch is None, but symmetry gradmax"),
    "no function": ({"symmetry": GRADMAX, "batch": [1]}, "batch is .1., but"),
    "for nothing": ({"batch": len}, "symmetry shares reads no batches; leave"),
    "no number": (
        {"symmetry": GRADMAX, "batch": lambda m: m(torch.ones(2, 5))},
        r"batch 0: its loss is Tensor\(2, 3\); return one number",
    ),
    "no gradient": (
        {"symmetry": GRADMAX, "batch": lambda m: torch.ones(())},
        "with no gradient",
    ),
    "not finite": (
        {"symmetry": GRADMAX, "batch": lambda m: m(torch.ones(5)).sum() / 0},
        "batch 0: its loss is -?inf",
    ),
    "key": (
        {"symmetry": {**GRADMAX, "zero_slop": 1}, "batch": len},
        "no key 'zero_slop'; did you mean zero_slope?",
    ),
    "value": (
        {"symmetry": {**GRADMAX, "zero_slope": 0}, "batch": len},
        "zero_slope is 0; it must be a number above 0",
    ),
    "of another": (
        {"symmetry": {"zero_sum": 0.1, "threshold": 0.1}},
        "symmetry is .* it must be",
    ),
    "singular": (
        {
            "symmetry": {"tiny": 1.0, "threshold": 0},
            "batch": lambda m: m(torch.ones(2, 5)).square().sum(),
        },
        "is singular, .* and threshold is 0; use threshold",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_by_name(name):
    given_arguments, words = WRONG[name]
    old, new = (
        nn.Sequential(nn.Linear(5, n), nn.Tanh(), nn.Linear(n, 3))
        for n in (OLD, NEW)
    )
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=words):
        carry(old, new, **given_arguments)
    assert all(torch.equal(before[k], v) for k, v in new.state_dict().items())
