"""Tests that accents can share out one CRDNN, as images share an MLP

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from small import ended, same, train, until_killed
from small_crdnn import FEATURES, RNN, TIME, small_crdnn

import speechbrain as sb
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth.engine.replacing import replaced
from speechbrain_growth.resume.dropout_masks import DRAWN

GROWTH = """
    - on_missed_goal: {metric: goal_gap, goal: 0.0, after: 1, better: lower}
      adds: {rnn_neurons: 2, dnn_neurons: 1}
      at_most: {rnn_neurons: 9, dnn_neurons: 6}
      max_times: 9
      symmetry: fresh"""
NORMS = [f"model.crdnn.RNN.rnn.{layer}.norm" for layer in (0, 1)]


def of(folder, goal=-1, picks=True, lr=0.02, own="[]", **options):
    """A Brain of four epochs a task, two of which prune"""
    text = (
        "!new:speechbrain_growth.CPG\n"
        f"    goal: {goal}\n    picks: {picks}\n    pick_lr: {lr}\n"
        f"    ratios: [0.3, 0.5]\n    own: {own}"
    )
    overrides = {"epochs_per_task": 4}
    return small_crdnn(folder, text, GROWTH, overrides, **options)


def state(brain):
    """All that a run ends with, the strategy's tensors included"""
    found, tensors = ended(brain), brain.strategy.tensors
    found.update({f"{k} owner": v for k, v in tensors["owners"].items()})
    for task, used in enumerate(tensors["used"], start=1):
        found.update({f"{k} used by {task}": v for k, v in used.items()})
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of three tasks that grows, and that nobody interrupts"""
    brain = of(tmp_path_factory.mktemp("whole"))
    return train(brain)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A run in the middle of its second task"""
    brain = of(tmp_path_factory.mktemp("second"))
    until_killed(brain, "epoch 6 step 2")
    brain.kill = None
    return brain


def test_tasks_keep_their_logits_through_growths(whole):
    assert whole.schedule.sizes["rnn_neurons"] == 9
    assert whole.schedule.sizes["dnn_neurons"] == 6
    for task in (1, 2, 3):
        (now,), (then,) = whole.logits_of(task), whole.finished.probes[task - 1]
        assert torch.equal(now, then)
    (first,), (last,) = whole.logits_of(1), whole.logits_of(3)
    assert not torch.equal(first, last)


def test_a_task_does_not_read_what_others_own(whole):
    then, weights = whole.logits_of(1)[0], {}
    for name, owner in whole.strategy.tensors["owners"].items():
        weight = whole.raw_modules.get_parameter(name).detach()
        weights[weight] = weight.clone()
        weight[owner != 1] += 1.0
    now, last = whole.logits_of(1)[0], whole.logits_of(3)[0]
    for weight, was in weights.items():
        weight.copy_(was)
    assert torch.equal(now, then)
    assert not torch.equal(last, whole.finished.probes[2][0])


def test_all_weights_of_the_network_have_owners(second):
    modules, owners = second.raw_modules, second.strategy.tensors["owners"]
    several = {n for n, p in modules.named_parameters() if p.ndim > 1}
    norms = {n for n in several if ".norm" in n}
    assert set(owners) == several - norms and set(RNN) < set(owners)
    for name, owner in owners.items():
        assert owner.shape == modules.get_parameter(name).shape
        assert set(owner.unique().tolist()) == {1, 2}


def test_each_task_has_its_own_statistics(whole):
    for norm in NORMS:
        means = [
            one.own[f"{norm}.running_mean"] for one in whole.finished.tasks
        ]
        assert not torch.equal(means[1], means[2])
    for one in whole.finished.tasks:
        names = {*one.own, *one.places}
        assert not [n for n in names if n.rpartition(".")[2] in DRAWN]


def test_picks_learn_as_if_the_step_had_slope_1(second):
    """Against gradients of the stock CRDNN with the weights that are read"""
    tensors, modules = second.strategy.tensors, second.raw_modules
    for pick in tensors["picks"].values():
        pick.detach()[torch.rand_like(pick) < 0.4] = 0.0
    weights = second.strategy.weights(second)
    stock = torch.nn.Sequential(
        CRDNN(
            input_size=FEATURES,
            activation=torch.nn.LeakyReLU,
            dropout=0.0,
            cnn_blocks=1,
            cnn_channels=[2],
            cnn_kernelsize=(3, 3),
            time_pooling=True,
            rnn_class=sb.nnet.RNN.LiGRU,
            rnn_layers=2,
            rnn_neurons=second.schedule.sizes["rnn_neurons"],
            rnn_bidirectional=True,
            dnn_blocks=2,
            dnn_neurons=second.schedule.sizes["dnn_neurons"],
        ),
        torch.nn.Linear(second.schedule.sizes["dnn_neurons"], 3),
    )
    names = {"crdnn": "0", "output": "1"}
    read = {}
    for name, tensor in {**modules.state_dict(), **weights}.items():
        _, part, rest = name.split(".", 2)
        if rest.rpartition(".")[2] not in DRAWN:
            read[f"{names[part]}.{rest}"] = tensor.detach()
    stock.load_state_dict(read, strict=False)
    inputs = torch.randn(4, TIME, FEATURES)
    modules.eval(), stock.eval()
    with replaced(modules, weights):
        modules.model(inputs).square().sum().backward()
    stock(inputs).square().sum().backward()
    expected = dict(stock.named_parameters())
    for name in RNN:
        _, part, rest = name.split(".", 2)
        slope = expected[f"{names[part]}.{rest}"].grad
        weight, owner = modules.get_parameter(name), tensors["owners"][name]
        pick = tensors["picks"][name]
        found = torch.where(owner == 1, slope * weight, torch.zeros(()))
        assert torch.allclose(pick.grad, found, atol=1e-5)
        assert pick.grad[(pick == 0) & (owner == 1)].abs().max() > 0
        mine = torch.where(owner == 2, slope, torch.zeros(()))
        # Of picked weights the gradient is that of the pick alone
        assert torch.allclose(weight.grad, mine, atol=1e-5)
        left = weights[name].detach()[(pick == 0) & (owner == 1)]
        assert len(left) and not left.any()


def test_picking_all_is_pack_and_expand(tmp_path):
    picking = train(of(tmp_path / "1", lr=0.0))
    without = train(of(tmp_path / "2", picks=False))
    assert same(state(picking), state(without)) == []


def test_a_later_task_is_tested_by_the_network_of_the_last_one(whole):
    matrix = whole.evaluate_tasks(whole.loaders["test"], "error")
    loader = whole.loaders["test"]
    with whole.on_task(3, loader), whole.as_of(2):
        expected = whole.measure(0, loader)["error"]
    assert matrix.rows[2][2] == expected
    assert matrix.bwt == 0


def test_accents_may_have_heads(tmp_path):
    brain = train(of(tmp_path, goal=101, own="[model.output]"))
    assert "model.output.weight" in brain.finished[1].own
    assert brain.schedule.decided == 0


MOMENTS = [
    "epoch 2 step 2",
    "after the growth of epoch 2",
    "epoch 4 step 3",  # while weights are pruned
    "task 1 finished",
    "epoch 6 step 1",
    "before the growth of epoch 6",
    "epoch 7 saved",
    "epoch 9 begins",
]


@pytest.mark.slow
def test_a_run_killed_anywhere_ends_with_the_same_bits(tmp_path, whole):
    often = {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        brain = of(tmp_path, run_opts=often)
        until_killed(brain, moment)
    brain = train(of(tmp_path, run_opts=often))
    assert same(state(brain), state(whole)) == []
