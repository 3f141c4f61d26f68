"""Tests that dynamically expandable networks can be CRDNNs

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
from small import Killed, ended, same, train, until_killed
from small_crdnn import CRDNN, FEATURES, RNN, TIME, small_crdnn

from speechbrain_growth import GrowthError
from speechbrain_growth.continual.weights.selection import silent
from speechbrain_growth.continual.weights.units import spread

EACH = 6
OPTIONS = {
    "own": "[model.output, norms]",
    "epochs": "{head: 1, selected: 1, expanded: 1, whole: 1}",
    "size": "[rnn_neurons, dnn_neurons]",
    "units": 2,
    "tau": 0.0,
    "sigma": 0.02,
    "pull": 0.01,
}
HEAD = ["model.output.weight", "model.output.bias"]
CNN = "model.crdnn.CNN"


def of(folder, options=None, model=CRDNN, **run_opts):
    """A Brain of six epochs a task; each stage has one, the last two"""
    given = {**OPTIONS, **(options or {})}
    text = "!new:speechbrain_growth.DEN"
    text += "".join(f"\n    {key}: {value}" for key, value in given.items())
    return small_crdnn(
        folder,
        text.replace("inf", ".inf"),
        overrides={"epochs_per_task": EACH, "lr": 0.02},
        run_opts=run_opts,
        model=model,
    )


def watched(brain, *moments):
    """Trains until the last of some moments; keeps what is computed at each"""
    brain.seen, brain.kill = dict.fromkeys(moments), moments[-1]
    with pytest.raises(Killed):
        train(brain)
    return brain


def growths(brain, epoch):
    """Which growths follow an epoch of some task, and what they add"""
    return [
        {
            key: one["sizes_after"][key] - one["sizes_before"][key]
            for key in ("rnn_neurons", "dnn_neurons")
        }
        for one in brain.growth_log.read()
        if one["epoch"] % EACH == epoch
    ]


def named(state):
    """The parameters of a state, without statistics and masks"""
    ends = ("weight", "bias")
    return {n: t for n, t in state.items() if n.rpartition(".")[2] in ends}


def moved(before, after):
    """Names of parameters that changed"""
    return {n for n, t in named(after).items() if not torch.equal(before[n], t)}


SHARED = [f"epoch {n} {what}" for n in (7, 9) for what in ("begins", "over")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run with expansions and splits"""
    brain = of(tmp_path_factory.mktemp("plain"))
    brain.seen = dict.fromkeys(SHARED)
    train(brain)
    assert len(growths(brain, 2)) == len(growths(brain, 4)) == 2
    return brain


def test_splits_give_earlier_tasks_back_to_the_bit(tmp_path):
    """With sigma 0 all that moved is split, in front of the last stage"""
    begins, over = "epoch 13 begins", "epoch 16 over"
    split = "after the growth of epoch 17"
    options = {"sigma": 0.0, "pull": 0.0}
    brain = watched(of(tmp_path, options), begins, over, split)
    then, drift, now = (brain.seen[n]["logits"] for n in (begins, over, split))
    assert len(then) == 2 and not any(map(torch.equal, then, drift))
    assert all(map(torch.equal, then, now))


def test_the_present_task_reads_the_copies(tmp_path):
    """Where all units are split, it computes what it did"""
    before, after = (
        f"{when} the growth of epoch 11" for when in ("before", "after")
    )
    brain = watched(of(tmp_path, {"sigma": 0.0}), before, after)
    assert growths(brain, 4)[0] == {"rnn_neurons": 5, "dnn_neurons": 4}
    assert brain.seen[before]["loss"] == pytest.approx(
        brain.seen[after]["loss"], abs=1e-5
    )


def test_with_a_large_sigma_nothing_is_split(tmp_path):
    options = {"sigma": math.inf, "pull": 0.0, "tau": math.inf}
    begins, over = "epoch 13 begins", "epoch 18 over"
    brain = watched(of(tmp_path, options), begins, over)
    assert brain.growth_log.read() == []
    then, now = (brain.seen[one]["logits"] for one in (begins, over))
    assert not any(map(torch.equal, then, now))


def test_a_layer_with_fewer_splits_gets_units_that_send_nothing(tmp_path):
    """One size widens both layers of the RNN"""
    before, after = (
        f"{when} the growth of epoch 11" for when in ("before", "after")
    )
    options = {"sigma": 0.344, "pull": 0.0, "tau": math.inf}
    brain = watched(of(tmp_path, options), "epoch 7 begins", before, after)
    old, drift, now = (
        brain.seen[n]["state"] for n in ("epoch 7 begins", before, after)
    )
    counts = []
    for layer in (0, 1):
        far = 0
        for name in RNN[2 * layer : 2 * layer + 2]:
            square = (drift[name] - old[name]).square().sum(1)
            far = far + square.view(2, -1).sum(0)  # both gates
        counts.append(int((far.sqrt() > 0.344).sum()))
    assert 0 < min(counts) < max(counts) <= 5
    (added,) = growths(brain, 4)[:1]
    assert added["rnn_neurons"] == max(counts)
    for layer, count in enumerate(counts):
        width = 5 + max(counts)
        for name in RNN[2 * layer : 2 * layer + 2]:
            gates = now[name].view(2, width, -1)
            sends = gates.abs().sum((0, 2)) > 0
            assert sends[: 5 + count].all() and not sends[5 + count :].any()


def test_finished_tasks_do_not_read_units_of_later_ones(plain):
    parameters = dict(plain.raw_modules.named_parameters())
    was = {n: p.detach().clone() for n, p in parameters.items()}
    sizes = plain.finished[1].sizes
    rnn, dnn = sizes["rnn_neurons"], sizes["dnn_neurons"]
    assert rnn < plain.schedule.sizes["rnn_neurons"]
    then = plain.logits_of(1)[0]
    with torch.no_grad():
        for name in RNN:
            weight = parameters[name]
            gates = weight.view(2, len(weight) // 2, -1)
            gates[:, rnn:] += 1.0
            if name.endswith("u.weight"):
                weight[:, rnn:] -= 2.0
        second = parameters[RNN[2]]
        second.view(len(second), 2, -1)[:, :, rnn:] += 1.0
        for block in (0, 1):
            linear = f"model.crdnn.DNN.block_{block}.linear.w"
            parameters[f"{linear}.weight"][dnn:] += 3.0
            parameters[f"{linear}.bias"][dnn:] -= 3.0
    now, last = plain.logits_of(1)[0], plain.logits_of(3)[0]
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(was[name])
    assert torch.equal(now, then)
    assert not torch.equal(last, plain.logits_of(3)[0])


def reachable(state):
    """Names and indices of units on a path to the outputs, one by one"""
    layers, width = ["rnn.0", "rnn.1"], len(state[RNN[0]]) // 2
    reads = {}  # for each unit of each layer, the units it reads
    for place, layer in enumerate(layers):
        fed, own = state[RNN[2 * place]], state[RNN[2 * place + 1]]
        for unit in range(width):
            found = set()
            for gate in (unit, unit + width):
                for n, one in enumerate(own[gate].tolist()):
                    found |= {(layer, n)} if one else set()
                for n, one in enumerate(fed[gate].tolist() if place else []):
                    found |= {(layers[0], n % width)} if one else set()
            reads[layer, unit] = found
    for block, below in (("block_0", "rnn.1"), ("block_1", "block_0")):
        weight = state[f"model.crdnn.DNN.{block}.linear.w.weight"]
        for unit, row in enumerate(weight.tolist()):
            size = width if below == "rnn.1" else len(row)
            reads[block, unit] = {
                (below, n % size) for n, one in enumerate(row) if one
            }
    head = state[HEAD[0]]
    met, ahead = (
        set(),
        [("block_1", n) for n in range(head.shape[1]) if head[:, n].any()],
    )
    while ahead:
        one = ahead.pop()
        if one not in met:
            met.add(one)
            ahead += reads[one]
    return met


def test_what_is_not_selected_stays_to_the_bit(tmp_path):
    """As if the L1 penalty had led to zeros; recurrent units read each other"""
    brain = of(tmp_path, {"l2": 0.1, "tau": math.inf})
    moment = brain.moment

    def with_zeros(name):
        """Makes zeros once the head is trained"""
        if name == "epoch 7 over":
            state = {n: p.data for n, p in brain.raw_modules.named_parameters()}
            state[HEAD[0]][:, 1:] = 0
            first = state["model.crdnn.DNN.block_1.linear.w.weight"]
            first[0, 1:] = 0
            first = state["model.crdnn.DNN.block_0.linear.w.weight"]
            first[0, [1, 2, 3, 4, 6, 7, 8, 9]] = 0
            own = state[RNN[3]]  # 0 reads 1 in one gate, 1 reads 2 in the other
            own.zero_()
            own[0, 1], own[5 + 1, 2], own[3, 0] = 1.0, 1.0, 1.0
            state[RNN[2]].view(10, 2, 5)[:, :, 4] = 0
            state[RNN[1]][:, 4] = 0
        moment(name)

    brain.moment = with_zeros
    begins, over = "epoch 8 begins", "epoch 8 over"
    watched(brain, begins, over)
    before, after = (named(brain.seen[n]["state"]) for n in (begins, over))
    met = reachable(before)
    assert {n for layer, n in met if layer == "rnn.1"} == {0, 1, 2}
    assert {n for layer, n in met if layer == "rnn.0"} == {0, 1, 2, 3}
    rows = {
        name: [(f"rnn.{name.split('.')[4]}", n % 5) for n in range(10)]
        for name in RNN
    }
    for block in ("block_0", "block_1"):
        for key in ("linear.w.weight", "linear.w.bias", "norm.norm.weight"):
            rows[f"model.crdnn.DNN.{block}.{key}"] = [
                (block, n) for n in range(4)
            ]
    for name, units in rows.items():
        inside = torch.tensor([unit in met for unit in units])
        changed = (before[name] != after[name]).view(len(inside), -1).any(1)
        assert inside.any() and not inside.all()
        assert not changed[~inside].any() and changed[inside].any()
    # What a unit that is not selected sends is not trained either
    assert torch.equal(before[RNN[1]][:, 4], after[RNN[1]][:, 4])


def test_what_is_a_tasks_own_is_trained_first(plain):
    before, after = (
        plain.seen[n]["state"] for n in ("epoch 7 begins", "epoch 7 over")
    )
    found = moved(before, after)
    assert set(HEAD) < found
    assert all(".norm" in name for name in found - set(HEAD))


def test_an_expansion_trains_new_weights_alone(plain):
    before, after = (
        plain.seen[n]["state"] for n in ("epoch 9 begins", "epoch 9 over")
    )
    for name in RNN:
        one, other = (
            state[name].view(2, 7, -1)[:, :5] for state in (before, after)
        )
        columns = list(range(5))
        if name == RNN[0]:
            columns = list(range(one.shape[2]))
        if name == RNN[2]:
            columns += list(range(7, 12))
        assert torch.equal(one[..., columns], other[..., columns])
        assert name in moved(before, after)
    assert not [n for n in moved(before, after) if n.startswith(CNN)]


def test_what_cannot_be_split_is_held_after_the_first_task(tmp_path):
    begins, over = "epoch 7 begins", "epoch 18 over"
    brain = watched(of(tmp_path), "epoch 5 begins", begins, over)
    first, then, last = (
        brain.seen[n]["state"] for n in ("epoch 5 begins", begins, over)
    )
    convolutions = {n for n in then if n.startswith(CNN) and ".conv" in n}
    assert convolutions and not convolutions & moved(then, last)
    assert convolutions < moved(first, then)
    assert [n for n in moved(then, last) if n.startswith(CNN)]  # own norms


def test_norms_begin_as_the_last_task_left_them(plain, tmp_path):
    state, own = plain.seen["epoch 7 begins"]["state"], plain.finished[1].own
    for name, tensor in own.items():
        assert torch.equal(state[name], tensor) == (name not in HEAD)


def test_removed_units_send_nothing_in_every_task(tmp_path):
    """Without them, a narrower network computes the same"""
    options = {"gamma": 21.0, "sigma": math.inf, "units": 3}
    brain = watched(of(tmp_path, options), "epoch 13 begins")
    brain.kill = None
    strategy, modules = brain.strategy, brain.raw_modules
    units, parameters = (
        strategy.numbered(brain),
        dict(modules.named_parameters()),
    )
    gone = silent(units, parameters)
    assert 0 < int(gone.sum()) < 6 * 4
    layers = modules.model.crdnn
    seen = {}
    for place, layer in enumerate(layers.RNN.rnn):
        layer.register_forward_hook(
            lambda _, __, output, place=place: seen.update({place: output})
        )
    for block in (0, 1):
        layers.DNN[f"block_{block}"].register_forward_hook(
            lambda _, __, output, block=block: seen.update({2 + block: output})
        )
    inputs = torch.randn(8, TIME, FEATURES)
    for mode in (modules.train, modules.eval):
        mode()
        modules.model(inputs)
        for place, label in enumerate(units.hidden_layers):
            removed = gone[list(units.layers[label])]
            if place < 2:  # both directions
                removed = removed.repeat(2)
            assert not seen[place][..., removed].any()
            assert seen[place][..., ~removed].any()
    then = modules.model(inputs)
    with torch.no_grad():
        for _, tensor, axis in units.along("in", parameters):
            tensor[spread(gone, axis, tensor).expand_as(tensor)] = 9.0
    assert torch.allclose(modules.model(inputs), then, atol=1e-6)
    assert brain.strategy.stored < 0


MOMENTS = [
    "epoch 3 step 2",
    "epoch 7 step 3",
    "epoch 8 over",
    "before the growth of epoch 9",
    "after the growth of epoch 9",
    "epoch 10 step 2",
    "before the growth of epoch 11",
    "after the growth of epoch 11",
    "epoch 11 step 2",
    "epoch 13 begins",
    "epoch 15 step 2",
]


@pytest.mark.slow
def test_a_run_killed_in_every_stage_ends_with_the_same_bits(tmp_path, plain):
    often = {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        brain = of(tmp_path, **often)
        until_killed(brain, moment)
    brain = train(of(tmp_path, **often))
    assert same(ended(brain), ended(plain)) == []
    assert brain.strategy.stored == plain.strategy.stored


SIZE = "rnn_neurons: !ref <rnn_neurons>"
SAME = (SIZE, SIZE)
WRONG = {
    "norms": ({"own": "[model.output]"}, SAME, r"\[model.output, norms\]"),
    "statistics": ({"own": "[model.output]"}, SAME, "name norms in own"),
    "channels": (
        {"size": "[rnn_neurons, cnn_channels]"},
        SAME,
        "is a LayerNorm, whose units cannot be split",
    ),
    "layers": ({"size": "rnn_layers"}, SAME, "layers 2 stand in one model"),
    "another RNN": (
        {},
        ("speechbrain_growth.LiGRU", "speechbrain.nnet.RNN.GRU"),
        "is a GRU, whose units cannot be split",
    ),
    "a computed size": ({}, (SIZE, f"{SIZE} * 2"), "5 units, but they are th"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what, tmp_path):
    options, (was, now), message = WRONG[what]
    with pytest.raises(GrowthError, match=message):
        train(of(tmp_path, options, CRDNN.replace(was, now)))
