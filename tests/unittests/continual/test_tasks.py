"""Tests that tasks follow each other, and that nothing of them is lost

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
from small import SYSTEMS, data, ended, same, small, train, until_killed

from speechbrain_growth import GrowthError, Joint

KEEPING = ["progressive", "independent"]
MOMENTS = [
    "task 0 finished",
    "epoch 1 step 3",
    "epoch 2 saved",
    "task 1 finished",
    "before the growth of epoch 3",
    "after the growth of epoch 3",
    "epoch 3 step 5",
    "epoch 4 saved",
    "task 2 finished",
    "epoch 6 step 2",
    "epoch 6 saved",
    "task 3 finished",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """How runs end that nobody interrupts, by system."""
    found = {}

    def end_of(system):
        """Trains it once."""
        if system not in found:
            folder = tmp_path_factory.mktemp("whole")
            found[system] = train(small(folder / "run", system))
        return found[system]

    return end_of


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_run_killed_everywhere_ends_with_the_same_bits(
    system, whole, tmp_path
):
    expected, often = ended(whole(system)), {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        if "growth" in moment and SYSTEMS[system][2] == "[]":
            continue
        brain = small(tmp_path, system, run_opts=often)
        until_killed(brain, moment)
    brain = train(small(tmp_path, system, run_opts=often))
    assert same(ended(brain), expected) == []


@pytest.mark.parametrize("system", KEEPING)
def test_finished_tasks_keep_their_logits_to_the_bit(system, whole):
    brain = whole(system)
    assert len(brain.finished) == 3
    for task, then in enumerate(brain.finished.probes, start=1):
        now = brain.logits_of(task)
        assert all(map(torch.equal, now, then))


def test_what_changes_a_held_weight_is_found(tmp_path):
    brain = train(small(tmp_path, "progressive"))
    with torch.no_grad():
        weight = brain.raw_modules.model.columns["0"].output.weight
        weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(9.0))
    with pytest.raises(GrowthError, match="task 1: its network does not comp"):
        brain.check_kept()


def test_fine_tuning_forgets_and_keeping_does_not(whole):
    lost = {}
    for system in ("fine-tuning", *KEEPING):
        brain = whole(system)
        matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
        assert matrix.better == "lower" and matrix.tasks == 3
        lost[system] = matrix.bwt
    assert lost["fine-tuning"] < -5
    assert lost["progressive"] == lost["independent"] == 0


def test_the_matrix_is_that_of_the_networks_taken_out_by_hand(whole):
    brain = whole("progressive")
    matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
    dataset = brain.loaders["test"].dataset
    for task in (1, 2, 3):
        images, labels, _ = dataset[dataset.tasks[task - 1]]
        model = brain.network_of(task)["model"]
        with torch.no_grad():
            wrong = (model(images).argmax(-1) != labels).double().mean()
        assert matrix.rows[3][task - 1] == pytest.approx(100 * wrong.item())
    assert all(map(math.isnan, matrix.rows[0]))  # heads that nobody trained


def test_training_never_sees_the_test(whole, tmp_path):
    parts = data()
    parts["test"] = (parts["test"][0] * math.nan, parts["test"][1])
    brain = train(small(tmp_path, "progressive", parts=parts))
    assert same(ended(brain), ended(whole("progressive"))) == []


@pytest.mark.parametrize("system", ["heads, wider", "heads"])
def test_a_head_begins_as_built_and_is_kept_for_its_task(system, whole):
    brain = whole(system)
    own = set(brain.own_tensors(brain.raw_modules))
    assert {"model.output.weight", "model.hidden_0.norm.running_mean"} <= own
    assert not any("linear" in name for name in own)
    heads = [one.own["model.output.weight"] for one in brain.finished.tasks]
    assert not torch.equal(heads[0], heads[1])
    # It grew with the network that it belongs to
    assert len({head.shape for head in heads}) == 1
    network = brain.network_of(1)["model"]
    assert torch.equal(network.output.weight, heads[0])


def test_the_optimizer_and_the_rate_begin_anew(tmp_path):
    brain = small(tmp_path, "fine-tuning")
    rates, steps = [], []

    def noted():
        """Notes the rate and the steps that Adam counts."""
        rates.append(brain.optimizer.param_groups[0]["lr"])
        state = brain.optimizer.state.values()
        steps.append(max([int(one["step"]) for one in state], default=0))
        return 0.0

    brain.strategy.penalty = lambda *_: noted()
    train(brain)
    assert rates[0] == rates[12] == rates[24] == 0.05
    assert steps[0] == steps[12] == steps[24] == 0 and steps[11] == 11


def test_the_best_epoch_of_a_task_is_taken(tmp_path):
    brain = small(tmp_path, "fine-tuning", {"epochs_per_task": 3})
    brain.strategy.score = lambda brain, error: abs(
        1 - (brain.hparams.epoch_counter.current - 1) % 3
    )
    saved = {}
    after = brain.on_stage_end

    def kept(stage, loss, epoch=None):
        """Keeps the weights after each epoch."""
        saved[epoch] = brain.raw_modules.model.output.weight.clone()
        after(stage, loss, epoch)

    brain.on_stage_end = kept
    ends = {}
    brain.strategy.end = lambda brain, task: ends.update(
        {task: brain.raw_modules.model.output.weight.clone()}
    )
    train(brain)
    assert torch.equal(ends[1], saved[2]) and torch.equal(ends[2], saved[5])


def test_replay_shows_earlier_tasks_again(tmp_path):
    brain, seen = small(tmp_path, "replay"), {}
    forward = brain._forward

    def noted(batch, stage):
        """Notes the tasks of training batches."""
        if stage.name == "TRAIN":
            task = brain.task_of(brain.hparams.epoch_counter.current)
            seen.setdefault(task, []).extend(batch[2].tolist())
        return forward(batch, stage)

    brain._forward = noted
    train(brain)
    assert set(seen[1]) == {1} and set(seen[2]) == {1, 2}
    assert seen[2].count(1) == seen[2].count(2) == 48


def test_another_stream_or_strategy_is_refused_on_resuming(tmp_path):
    train(small(tmp_path, "replay"))
    for change, found in (
        ({"stream": {"seed": 4}}, "stream.seed 3, but this run has 4"),
        ({"strategy": {"size": 7}}, "strategy.size 6, but this run has 7"),
    ):
        with pytest.raises(GrowthError, match=found):
            train(small(tmp_path, "replay", change))


WINDOWS = """!new:speechbrain_growth.Windows
    stream: !new:speechbrain_growth.Permuted {tasks: 3}
    batches: 6"""


def windowed(folder, system, overrides):
    """A Brain whose stream has no boundaries: 18 batches, 6 in an epoch"""
    return small(folder, system, {"tasks": 1, **overrides}, own=WINDOWS)


def test_a_stream_without_boundaries_is_one_task(tmp_path):
    brain = train(windowed(tmp_path, "fine-tuning", {"epochs_per_task": 3}))
    assert brain.optimizer_step == 18 and len(brain.finished) == 1
    matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
    assert matrix.tasks == 1


def test_more_epochs_than_windows_are_refused(tmp_path):
    with pytest.raises(GrowthError, match="has 3 windows of 6 batches"):
        train(windowed(tmp_path, "fine-tuning", {"epochs_per_task": 4}))


def test_a_run_that_is_over_is_tested_again(whole, tmp_path):
    first = train(small(tmp_path, "progressive"))
    matrix = first.evaluate_tasks(first.loaders["test"], "error")
    again = small(tmp_path, "progressive", run_opts={"test_only": True})
    train(again)
    found = again.evaluate_tasks(again.loaders["test"], "error")
    for one, other in zip(found.rows, matrix.rows):
        assert one == pytest.approx(other, nan_ok=True)


def test_tasks_whose_outputs_differ_need_heads(tmp_path):
    brain = small(tmp_path, "fine-tuning")
    brain.stream.same_outputs = False
    with pytest.raises(GrowthError, match="give each a head of its own"):
        train(brain)


WRONG = [
    ("fine-tuning", {"number_of_epochs": 5}, "3 tasks of 2 epochs are 6"),
    ("heads", {"strategy": {"own": ["model.outputs"]}}, "did you mean"),
    ("replay", {"strategy": {"own": ["model.output"]}}, "leave own empty"),
    ("replay", {"strategy": {"size": 0}}, "size is 0"),
    ("EWC", {"growth": [{"after_epoch": 1, "hidden": [6, 6]}]}, "EWC has no"),
    ("progressive", {"growth": []}, "3 tasks need a column each"),
    (
        "independent",
        {"growth": [{"after_epoch": 3, "hidden": [6, 6]}]},
        "symmetry shares changes what old units send",
    ),
    (
        "progressive",
        {"growth": [{"after_epoch": 3, "freeze": "none"}]},
        "freeze is none, but the strategy says what is held",
    ),
]


@pytest.mark.parametrize("system, overrides, message", WRONG)
def test_a_mistake_is_refused_before_training(
    system, overrides, message, tmp_path
):
    with pytest.raises(GrowthError, match=message):
        brain = small(tmp_path, system, overrides)
        brain.fit_batch = None
        train(brain)
    assert not list(tmp_path.glob("save/CKPT*"))


def test_growing_by_a_task_warns_of_nothing(tmp_path, recwarn):
    brain = train(small(tmp_path, "progressive"))
    assert not [w for w in recwarn if "optimizer" in str(w.message)]
    held = {id(p) for g in brain.optimizer.param_groups for p in g["params"]}
    assert held == set(map(id, brain.raw_modules.parameters()))


def test_joint_training_has_no_heads():
    assert not Joint().check(brain=None)
    (problem,) = Joint(own=["model.output"]).check(brain=None)
    assert "leave own empty" in problem
