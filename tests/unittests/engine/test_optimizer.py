"""Tests that gradients and optimizer state grow as the weights do

The reference is torch alone: the true gradients of grown nets, step after step,
fed to an optimizer that has only ever seen the large shapes.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from speechbrain.nnet import RNN, linear
from speechbrain_growth import GrowthError, carry, trace
from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.optimizers import FIRST, POWERS, follow
from speechbrain_growth.engine.transfer import carry_weights, remap

torch.set_num_threads(1)
DOCS = Path(__file__).resolve().parents[3] / "docs" / "engine.md"


def mlp(a, b):
    """Tanh, and a BatchNorm, before which a bias would have no gradient"""
    return nn.Sequential(
        nn.Linear(3, a, bias=False),
        nn.BatchNorm1d(a),
        nn.Tanh(),
        nn.Linear(a, b),
        nn.Tanh(),
        nn.Linear(b, 2),
    )


def convolutions(a, b):
    """A convolution, torch's flatten, two linear layers"""
    return nn.Sequential(
        nn.Conv1d(1, a, 3, padding=1, bias=False),
        nn.BatchNorm1d(a),
        nn.Flatten(),
        nn.Linear(3 * a, b),
        nn.Tanh(),
        nn.Linear(b, 2),
    )


def ligru(a, b):
    """Two bidirectional Li-GRU layers, and two linear ones"""
    options = {"num_layers": 2, "bidirectional": True, "nonlinearity": "tanh"}
    return nn.ModuleDict(
        {
            "rnn": RNN.LiGRU(a, (1, 1, 3), **options),
            "dnn": linear.Linear(b, input_size=2 * a),
            "out": linear.Linear(2, input_size=b),
        }
    )


def layernorm(a, b):
    """A LayerNorm over units that grow"""
    return nn.Sequential(
        nn.Linear(3, a), nn.LayerNorm(a), nn.Tanh(), nn.Linear(a, 2)
    )


class Lion(torch.optim.Optimizer):
    """Someone else's optimizer: signs of an average of gradients"""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                average = state.setdefault("exp_avg", torch.zeros_like(p))
                p.sub_(group["lr"] * (0.9 * average + 0.1 * p.grad).sign())
                average.mul_(0.99).add_(p.grad, alpha=0.01)


@pytest.fixture(autouse=True)
def taught(monkeypatch):
    """The one line that teaches another optimizer"""
    monkeypatch.setitem(POWERS, Lion, {"exp_avg": FIRST})


# builder, widths before and after
MODELS = {
    "mlp": (mlp, (3, 4), (5, 7)),
    "ligru": (ligru, (2, 3), (3, 5)),
}
every_model = pytest.mark.parametrize("name", MODELS)
SGD = (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9})
ADAM = (torch.optim.Adam, {"lr": 0.01})
ADADELTA = (torch.optim.Adadelta, {"lr": 1.0, "rho": 0.9})
EXACT = {
    "sgd": (*SGD, ["momentum_buffer"]),
    "sgd nesterov": (SGD[0], {**SGD[1], "nesterov": True}, ["momentum_buffer"]),
    "adam": (*ADAM, ["exp_avg", "exp_avg_sq"]),
    "adamw": (torch.optim.AdamW, ADAM[1], ["exp_avg", "exp_avg_sq"]),
    "amsgrad": (
        torch.optim.Adam,
        {**ADAM[1], "amsgrad": True},
        ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
    ),
    "adadelta": (*ADADELTA, ["square_avg"]),
    "adamax": (
        torch.optim.Adamax,
        {"lr": 0.01, "eps": 1e-30},
        ["exp_avg", "exp_inf"],
    ),
    "nadam": (torch.optim.NAdam, ADAM[1], ["exp_avg", "exp_avg_sq"]),
    "radam": (torch.optim.RAdam, ADAM[1], ["exp_avg", "exp_avg_sq"]),
    "lion": (Lion, {"lr": 0.01}, ["exp_avg"]),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.01}, ["sum"]),
    "rmsprop": (
        torch.optim.RMSprop,
        {"lr": 0.01, "momentum": 0.9, "centered": True, "eps": 1e-30},
        ["square_avg", "grad_avg", "momentum_buffer"],
    ),
}


def batch(number):
    """One batch of a regression problem"""
    generator = torch.Generator().manual_seed(number)
    inputs = torch.randn(16, 3, generator=generator).double()
    return inputs, torch.sin(2 * inputs[:, :2])


def loss_of(model, number):
    """The model's error on one batch"""
    inputs, target = batch(number)
    if isinstance(model, nn.ModuleDict):
        inputs = inputs.reshape(4, 4, 3)
        for layer in model.values():
            inputs = layer(inputs)
            inputs = inputs[0] if isinstance(inputs, tuple) else inputs
    outputs = inputs if isinstance(model, nn.ModuleDict) else model(inputs)
    return (outputs.reshape(16, 2) - target).square().mean()


def fresh(build, widths, seed):
    """A model in float64 whose weights a seed fixes"""
    torch.manual_seed(seed)
    return build(*widths).double()


def gradients(model, number):
    """The gradients of one batch, by parameter name"""
    names, weights = zip(*model.named_parameters())
    found = torch.autograd.grad(loss_of(model, number), weights)
    return dict(zip(names, found))


def grown(build, large, old):
    """The old model's weights, always grown with the same plan"""
    new = fresh(build, large, 9)
    plan = carry(old, new, seed=3)
    return new, plan


def update(model, optimizer, number):
    """One update of the living model"""
    found = gradients(model, number)
    for name, parameter in model.named_parameters():
        parameter.grad = found[name]
    optimizer.step()


def close(one, other, limit=1e-11):
    """Whether two tensors agree, relative to the largest value"""
    return float((one - other).abs().max()) <= limit * float(other.abs().max())


def in_step(name, kind, options, steps=6):
    """Trains the small net, and an optimizer on true gradients of grown ones

    Returns the carried state and the reference's, by parameter name, and how
    the grown weights moved at each step.
    """
    build, small, large = MODELS[name]
    old = fresh(build, small, 0)
    living = kind(old.parameters(), **options)
    new, _ = grown(build, large, old)
    tensors = {k: nn.Parameter(p.clone()) for k, p in new.named_parameters()}
    reference = kind(tensors.values(), **options)
    moves, was = [], {k: p.clone() for k, p in tensors.items()}
    for number in range(steps):
        new, _ = grown(build, large, old)
        found = gradients(new, number)
        for key, tensor in tensors.items():
            tensor.grad = found[key]
        reference.step()
        update(old, living, number)
        now = dict(grown(build, large, old)[0].named_parameters())
        moves.append({k: (now[k] - was[k]).detach() for k in now})
        was = {k: p.detach().clone() for k, p in now.items()}
    new = fresh(build, large, 9)
    carry(old, new, living, seed=3)
    carried = {k: living.state[p] for k, p in new.named_parameters()}
    return carried, {k: reference.state[p] for k, p in tensors.items()}, moves


@pytest.mark.parametrize("rule", EXACT)
@every_model
def test_carried_state_is_that_of_the_grown_nets_own_gradients(name, rule):
    kind, options, entries = EXACT[rule]
    carried, reference, _ = in_step(name, kind, options)
    assert set(carried) == set(reference)
    for key, state in reference.items():
        for entry in entries:
            assert carried[key][entry].shape == state[entry].shape
            assert close(carried[key][entry], state[entry])
        if "step" in state:
            assert carried[key]["step"] == state["step"] == 6


@every_model
def test_acc_delta_is_that_of_the_grown_weights_updates(name):
    kind, options = ADADELTA
    carried, _, moves = in_step(name, kind, options)
    for key, state in carried.items():
        accumulated = torch.zeros_like(state["acc_delta"])
        for move in moves:
            accumulated = 0.9 * accumulated + 0.1 * move[key].square()
        assert close(state["acc_delta"], accumulated, 1e-8)


@every_model
def test_gradients_take_the_share_on_their_own_axis(name):
    build, small, large = MODELS[name]
    old = fresh(build, small, 0)
    new, plan = grown(build, large, old)
    before, after = gradients(old, 0), gradients(new, 0)
    for key, gradient in before.items():
        mapped = remap(gradient, plan.tensors[key], powers=(1, 0))
        assert close(mapped, after[key])


def test_gradients_through_a_layernorm_need_equal_shares():
    old, new = fresh(layernorm, (3,) * 2, 0), fresh(layernorm, (6,) * 2, 9)
    plan = trace(old, new, Symmetry("equal"), torch.Generator().manual_seed(3))
    new.load_state_dict(
        {**new.state_dict(), **dict(carry_weights(plan, old, new))}
    )
    before, after = gradients(old, 0), gradients(new, 0)
    for key, gradient in before.items():
        mapped = remap(gradient, plan.tensors[key], powers=(1, 0))
        assert close(mapped, after[key])


def test_gradients_of_a_convolution():
    inputs = torch.randn(6, 1, 3).double()
    old = fresh(convolutions, (2, 3), 0)
    new = fresh(convolutions, (5, 4), 9)
    plan = carry(old, new)
    for model in (old, new):
        model(inputs).square().sum().backward()
    after = dict(new.named_parameters())
    for key, parameter in old.named_parameters():
        mapped = remap(parameter.grad, plan.tensors[key], powers=(1, 0))
        assert close(mapped, after[key].grad)


# The optimizer itself


def in_groups(model, kind=torch.optim.Adam):
    """Two groups in an order of their own, one parameter in none of them"""
    one, other = [model[5].bias, model[0].weight], [model[3].weight]
    groups = [
        {"params": one, "lr": 0.1, "weight_decay": 0.01},
        {"params": other, "lr": 0.2, "weight_decay": 0.0, "name": "middle"},
    ]
    return kind(groups, lr=0.3)


def test_the_same_optimizer_lives_on_with_its_groups():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = in_groups(old)
    groups, state = optimizer.param_groups, optimizer.state
    options = [
        {k: v for k, v in group.items() if k != "params"} for group in groups
    ]
    update(old, optimizer, 0)
    carry(old, new, optimizer)
    assert optimizer.param_groups is groups and optimizer.state is state
    held = [[id(p) for p in group["params"]] for group in groups]
    assert held == [
        [id(new[5].bias), id(new[0].weight)],
        [id(new[3].weight)],
    ]
    assert options == [
        {k: v for k, v in group.items() if k != "params"} for group in groups
    ]
    assert {id(p) for p in state} == {i for group in held for i in group}
    for parameter, entries in state.items():
        assert entries["exp_avg"].shape == parameter.shape


def test_parameters_without_state_stay_without():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = torch.optim.Adam(old.parameters())
    carry(old, new, optimizer)
    assert len(optimizer.state) == 0
    later = fresh(mlp, (6, 8), 9)
    new[3].weight.grad = torch.ones_like(new[3].weight)
    optimizer.step()
    carry(new, later, optimizer)
    assert [id(p) for p in optimizer.state] == [id(later[3].weight)]


def test_an_optimizer_that_was_not_taught_is_named(monkeypatch):
    monkeypatch.delitem(POWERS, Lion)
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    with pytest.raises(
        GrowthError, match="^Lion: .*speechbrain_growth.POWERS, or start"
    ):
        carry(old, new, Lion(old.parameters(), lr=0.1))


@pytest.mark.parametrize("way", ["foreach", "fused"])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_every_implementation_of_an_optimizer_goes_on_alike(kind, way):
    found = []
    for options in ({"foreach": False}, {way: True}):
        old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
        momentum = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        optimizer = kind(old.parameters(), lr=0.1, **momentum, **options)
        update(old, optimizer, 0)
        carry(old, new, optimizer)
        update(new, optimizer, 1)
        found.append(new)
    for one, other in zip(*[model.parameters() for model in found]):
        assert close(one, other)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_carried_as_it_is(dtype):
    old, new = (fresh(mlp, w, 0).to(dtype) for w in ((3, 4), (5, 7)))
    optimizer = torch.optim.Adam(old.parameters(), lr=0.01, eps=1e-3)
    inputs, target = (value.to(dtype) for value in batch(0))
    (old(inputs) - target).square().mean().backward()
    optimizer.step()
    carry(old, new, optimizer)
    before, after = old.eval()(inputs).float(), new.eval()(inputs).float()
    torch.testing.assert_close(after, before, atol=0.03, rtol=0.03)
    for parameter, state in optimizer.state.items():
        assert parameter.dtype is state["exp_avg"].dtype is dtype
    (new.train()(inputs) - target).square().mean().backward()
    optimizer.step()
    assert all(p.isfinite().all() for p in new.parameters())


def test_a_scheduler_still_reaches_the_grown_parameters():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = torch.optim.SGD(old.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.0)
    update(old, optimizer, 0)
    scheduler.step()
    carry(old, new, optimizer)
    before = new[0].weight.detach().clone()
    update(new, optimizer, 1)
    assert torch.equal(new[0].weight, before)


def test_a_grown_optimizer_can_be_saved_and_loaded():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = torch.optim.Adam(old.parameters())
    update(old, optimizer, 0)
    carry(old, new, optimizer)
    stock = fresh(mlp, (5, 7), 5)
    stock.load_state_dict(new.state_dict())
    twin = torch.optim.Adam(stock.parameters())
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for model, one in ((new, optimizer), (stock, twin)):
        update(model, one, 1)
    for one, other in zip(new.parameters(), stock.parameters()):
        assert torch.equal(one, other)


def test_without_an_optimizer_the_weights_are_the_same():
    models = []
    for optimizer in (False, True):
        old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
        adam = torch.optim.Adam(old.parameters()) if optimizer else None
        carry(old, new, adam)
        models.append(new)
    for one, other in zip(*[model.parameters() for model in models]):
        assert torch.equal(one, other)


def test_following_without_a_plan_resets():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = in_groups(old)
    update(old, optimizer, 0)
    follow([optimizer], old, new)
    assert len(optimizer.state) == 0
    assert optimizer.param_groups[1]["params"][0] is new[3].weight
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_resetting_needs_no_rule_for_the_optimizer():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    optimizer = torch.optim.Rprop(old.parameters())
    follow([optimizer], old, new)
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in new.parameters()]


def test_resetting_refuses_parameters_of_something_else():
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    stranger = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([*old.parameters(), stranger], lr=0.1)
    held = list(optimizer.param_groups[0]["params"])
    with pytest.raises(GrowthError, match=r"shapes \(3,\) that the model"):
        follow([optimizer], old, new)
    now = optimizer.param_groups[0]["params"]
    assert [id(p) for p in now] == [id(p) for p in held]


def two_optimizers(stranger=()):
    """Two optimizers that share a model; the second may hold something else"""
    old, new = fresh(mlp, (3, 4), 0), fresh(mlp, (5, 7), 9)
    first, *others = old.parameters()
    optimizers = [
        torch.optim.SGD([first], lr=0.1, momentum=0.9),
        torch.optim.Adam([*others, *stranger]),
    ]
    for one in optimizers:
        update(old, one, 0)
    return old, new, optimizers


def held(optimizers):
    """The parameters and states that optimizers hold"""
    groups = [g["params"] for one in optimizers for g in one.param_groups]
    states = [list(one.state) for one in optimizers]
    return [[id(p) for p in one] for one in (*groups, *states)]


def test_several_optimizers_follow_together():
    old, new, optimizers = two_optimizers()
    follow(optimizers, old, new, trace(old, new))
    first, *others = [id(p) for p in new.parameters()]
    assert held(optimizers) == [[first], others] * 2
    assert "momentum_buffer" in optimizers[0].state[new[0].weight]


@pytest.mark.parametrize(
    "carried",
    [
        True,
        False,
    ],
)
def test_no_optimizer_follows_if_one_cannot(carried):
    stranger = nn.Parameter(torch.ones(3))
    old, new, optimizers = two_optimizers([stranger])
    before = held(optimizers)
    with pytest.raises(GrowthError, match=r"shapes \(3,\) that the model"):
        follow(optimizers, old, new, trace(old, new) if carried else None)
    assert held(optimizers) == before


# Equal shares and learning rates per axis keep the small net's trajectory


def plain(a, b):
    """No normalisation, so that every layer has a rate of its own"""
    return nn.Sequential(
        nn.Linear(3, a), nn.Tanh(), nn.Linear(a, b), nn.Tanh(), nn.Linear(b, 2)
    )


# optimizer, its options after the growth, rates of (first layer, middle
# weight, middle bias, last weight, last bias) when every unit has two copies
SMALL_EPS = 1e-30
TRAJECTORIES = {
    "sgd": (*SGD, {}, (2, 1, 2, 0.5, 1)),
    "adam": (*ADAM, {"eps": SMALL_EPS}, (1, 0.5, 1, 0.5, 1)),
    "adadelta": (*ADADELTA, {"eps": SMALL_EPS}, (1, 1, 1, 1, 1)),
}


def one_group_each(model, kind, options):
    """An optimizer with a group for each parameter"""
    groups = [{"params": [p]} for p in model.parameters()]
    return kind(groups, **options)


def gap_after(rule, carried, steps=100):
    """How far the grown net is from the small one after some steps"""
    kind, options, later, rates = TRAJECTORIES[rule]
    first, middle, bias, last, end = rates
    old, new = fresh(plain, (3, 4), 0), fresh(plain, (6, 8), 9)
    optimizers = [one_group_each(old, kind, options) for _ in range(2)]
    for number in range(5):
        update(old, optimizers[0], number)
    learnt = copy.deepcopy(optimizers[0].state_dict())
    optimizers[1].load_state_dict(learnt)
    plan = trace(old, new, Symmetry("equal"))
    new.load_state_dict(
        {**new.state_dict(), **dict(carry_weights(plan, old, new))}
    )
    follow(optimizers[1:], old, new, plan if carried else None)
    factors = (first, first, middle, bias, last, end)
    for one, scaled in zip(optimizers, (False, True)):
        for group, factor in zip(one.param_groups, factors):
            group.update(later)
            group["lr"] *= factor if scaled else 1
    for number in range(5, 5 + steps):
        for model, one in zip((old, new), optimizers):
            update(model, one, number)
    inputs = batch(99)[0]
    outputs = [model(inputs).detach() for model in (old, new)]
    return float((outputs[0] - outputs[1]).abs().max())


@pytest.mark.parametrize("rule", TRAJECTORIES)
def test_the_grown_net_follows_the_small_nets_trajectory(rule):
    assert gap_after(rule, carried=True) < 1e-10


@pytest.mark.parametrize("rule", TRAJECTORIES)
def test_a_reset_leaves_the_small_nets_trajectory(rule):
    assert gap_after(rule, carried=False) > 1e-3


# The table of docs/engine.md

POWER = {"1": 0, "a": 1, "a²": 2}


def documented():
    """The powers that the page says, by optimizer and by entry"""
    text = DOCS.read_text(encoding="utf-8").split("<!-- optimizers -->\n")[1]
    found, names = {}, []
    for line in text.split("\n\n")[0].splitlines()[2:]:
        optimizers, entries, *powers = [c.strip() for c in line.split("|")][1:5]
        names = optimizers.split(", ") if optimizers else names
        for name in names:
            rows = found.setdefault(name, {})
            if entries.startswith("as "):
                known = POWERS[getattr(torch.optim, name)]
                other = found[entries[len("as ") :]]
                rows.update({k: p for k, p in other.items() if k in known})
            else:
                both = tuple(POWER[power] for power in powers)
                rows.update(dict.fromkeys(entries.split(", "), both))
    return found


def test_the_table_of_the_docs_has_the_powers():
    page = documented()
    for name, rows in page.items():
        mro = getattr(torch.optim, name).__mro__
        entries = POWERS[next(kind for kind in mro if kind in POWERS)]
        assert rows == {k: e[:2] for k, e in entries.items() if e}, name
    stock = {kind.__name__ for kind in POWERS if kind is not Lion}
    assert stock <= set(page) and "AdamW" in page
