"""Tests that little is done between two tasks, and that it does what it did

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from small import SYSTEMS, small, train

from speechbrain.nnet.RNN import LiGRU
from speechbrain_growth import Blueprint, GrowthLog
from speechbrain_growth.resume.dropout_masks import copy_of, places

# How many networks a boundary builds: the larger one, and own tensors anew
BUILT = {"progressive": 1, "independent": 1, "heads, wider": 2}
KEEPING = ["progressive", "independent"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of each system, and what its boundaries did, by name"""
    return {
        system: watched(tmp_path_factory.mktemp("run"), system)
        for system in BUILT
    }


def watched(folder, system):
    """A run; notes how many networks each boundary builds, and what it counts"""
    brain, built, counted = small(folder, system), [], []
    begin = brain.begin_epoch

    def epoch(number):
        """Notes the networks that were built before the first epoch of a task"""
        before = len(models)
        begin(number)
        if brain.epoch_of_task(number) == 1 < number:
            built.append(len(models) - before)

    models, brain.begin_epoch = [], epoch
    with pytest.MonkeyPatch.context() as patch:
        for kind, name, notes in (
            (Blueprint, "modules", models),
            (GrowthLog, "cost", counted),
        ):
            patch.setattr(kind, name, noting(getattr(kind, name), notes))
        train(brain)
    return brain, built, counted


def noting(function, notes):
    """A method that notes each of its calls"""

    def noted(*args, **kwargs):
        notes.append(args[1:])
        return function(*args, **kwargs)

    return noted


def state_of(modules):
    """Copies of all tensors, and all modes"""
    tensors = {n: t.clone() for n, t in modules.state_dict().items()}
    return tensors, [layer.training for layer in modules.modules()]


def same(one, other):
    """Whether two states are the same bits, in the same modes"""
    return one[1] == other[1] and all(
        torch.equal(tensor, other[0][name]) for name, tensor in one[0].items()
    )


@pytest.mark.parametrize("system", BUILT)
def test_a_boundary_builds_no_more_networks_for_more_tasks(system, whole):
    _, built, _ = whole[system]
    assert built == [BUILT[system]] * 2


def test_the_log_has_the_cost_of_each_network_which_is_counted_once(whole):
    brain, _, counted = whole["progressive"]
    # Weights of a column of 9, 5, 4 and 3 units, and of laterals into the
    # second hidden layer and the output, which read 5 and 4 units
    column, laterals = 9 * 5 + 5 * 4 + 4 * 3, 5 * 4 + 4 * 3
    macs = [n * column + n * (n - 1) // 2 * laterals for n in (1, 2, 3)]
    entries = brain.growth_log.read()
    found = [(one["macs_before"], one["macs_after"]) for one in entries]
    assert found == list(zip(macs, macs[1:]))
    more = [one["parameters_after"] for one in entries]
    assert more == [
        sum(p.numel() for p in m.parameters()) for m in grown(brain)
    ]
    assert len(counted) == len(macs)


def test_only_a_growth_within_a_task_is_validated(tmp_path):
    model, strategy, _ = SYSTEMS["heads"]
    dates = [1, 2]  # within task 1, and between tasks 1 and 2
    growth = [f"{{after_epoch: {n}, hidden: [{n + 6}, 4]}}" for n in dates]
    system = model, strategy, f"[{', '.join(growth)}]"
    within, between = train(small(tmp_path, system)).growth_log.read()
    assert within["valid_before"] == pytest.approx(within["valid_after"])
    assert between["valid_before"] == between["valid_after"] == {}


def grown(brain):
    """The networks after the growths, built anew"""
    sizes = brain.schedule.sizes
    for columns in (2, 3):
        yield brain.blueprint.modules({**sizes, "columns": columns})


@pytest.mark.parametrize("system", KEEPING)
def test_what_becomes_of_a_network_that_was_taken_out_stays_there(
    system, whole
):
    brain, _, _ = whole[system]
    for task in (1, 2, 3):
        network = brain.network_of(task).train()
        for layer in network.modules():
            layer.register_forward_hook(lambda *args: torch.zeros(1))
        with torch.no_grad():
            for tensor in network.state_dict().values():
                tensor.fill_(7)
    brain.check_kept()


@pytest.mark.parametrize("system", BUILT)
def test_a_prototype_stays_as_it_was_built(system, whole):
    brain, _, _ = whole[system]
    brain.evaluate_tasks(brain.loaders["test"], "error")
    known = brain.blueprint._prototypes
    assert known
    for task in brain.finished.tasks:
        values = {**task.sizes, **task.settings}
        kept = brain.blueprint.prototype(values)
        assert any(kept is one for one in known.values())
        anew = brain.blueprint.modules(values)
        assert same(state_of(kept), state_of(anew))


def test_a_copy_shares_masks_and_nothing_that_training_changes():
    both = []
    for _ in range(2):
        torch.manual_seed(0)
        both.append(LiGRU(2, (4, 10, 3), dropout=0.5))
    net, twin = both
    copied = copy_of(net)
    assert copied.rnn[0].drop_masks is net.rnn[0].drop_masks
    copied.rnn[0].register_forward_hook(lambda *args: None)
    optimizer = torch.optim.SGD(copied.parameters(), lr=1.0)
    for batch in (4, 3):  # for another size of the batch, masks are drawn
        copied(torch.rand(batch, 10, 3))[0].square().mean().backward()
        optimizer.step()
    moved = copied.state_dict()
    assert not torch.equal(moved["rnn.0.w.weight"], net.rnn[0].w.weight)
    assert not torch.equal(moved["rnn.0.drop_masks"], net.rnn[0].drop_masks)
    assert same(state_of(net), state_of(twin)) and places(net) == places(twin)
    assert not any(layer._forward_hooks for layer in net.modules())
    inputs = torch.rand(4, 10, 3)
    assert torch.equal(net(inputs)[0], twin(inputs)[0])
