"""Tests that gates know their tasks, and that related experts teach

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import json
import math

import pytest
import torch
from sklearn.datasets import load_digits
from small import COLUMN, COLUMNS, data, ended, same, small, train, until_killed

import speechbrain as sb
from speechbrain_growth import ExpertGate, GrowthError, Permuted, Rotated
from speechbrain_growth.continual.gate import (
    Scale,
    distillation,
    relatedness,
    trained_gate,
)

EXPERTS = COLUMNS.replace("linear\n", "none\n").replace(
    "into: [hidden_1.linear, output]", "into: []"
)
GATE = """!new:speechbrain_growth.ExpertGate
    size: columns
    code: 4
    steps: 200"""
SYSTEM = (EXPERTS, GATE, f"[{COLUMN}]")
LAST = {"strategy": {"threshold": -9.0}}  # every task is related enough
NEVER = {"strategy": {"threshold": 2.0}}
MOMENTS = [
    "epoch 1 step 3",
    "task 1 finished",
    "after the growth of epoch 3",
    "epoch 3 step 5",
    "epoch 4 saved",
    "epoch 6 step 2",
    "task 3 finished",
]


def seen_of(stream, tasks):
    """Images of digits as a stream shows them in each task, in two parts"""
    pixels, _ = load_digits(return_X_y=True)
    pixels = torch.tensor(pixels, dtype=torch.float32)
    parts = pixels[:1200], pixels[1200:]
    return [
        [stream.seen(part, task) for task in range(1, tasks + 1)]
        for part in parts
    ]


def gates_of(stream, tasks):
    """A strategy with a gate for each task of digits, and other images"""
    train_part, other = seen_of(stream, tasks)
    scale = Scale(float(train_part[0].mean()), float(train_part[0].std()))
    strategy = ExpertGate()
    strategy.tensors.update(scale._asdict())
    strategy.tensors["gates"] = [
        list(trained_gate(scale(images), 25, 1000, 0)) for images in train_part
    ]
    return strategy, other


class OnCPU:
    """Stands for a Brain."""

    device = "cpu"


@pytest.fixture(scope="module")
def permuted():
    """A gate for each of three orders of the pixels"""
    return gates_of(Permuted(tasks=3), 3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts, in which experts teach"""
    return train(small(tmp_path_factory.mktemp("run"), SYSTEM, LAST))


def test_gates_find_the_order_of_the_pixels_of_each_image(permuted):
    strategy, other = permuted
    for task, images in enumerate(other, start=1):
        found = strategy.route(OnCPU, [images])
        assert found.shape == (len(images),) and (found == task).all()


def test_each_image_of_a_mixed_batch_gets_its_own_task(permuted):
    strategy, other = permuted
    mixed = torch.stack(other, 1)[:50].flatten(0, 1)
    found = strategy.route(OnCPU, [mixed])
    alone = [strategy.route(OnCPU, [image[None]]) for image in mixed]
    assert torch.equal(found, torch.cat(alone))
    assert torch.equal(found, torch.tensor([1, 2, 3]).repeat(50))
    shares = strategy.shares(OnCPU, [mixed])
    assert torch.allclose(shares.sum(1), torch.ones(150))


def test_a_task_is_related_to_itself_by_one_and_less_the_more_it_is_turned():
    strategy, other = gates_of(Rotated(40.0, tasks=5), 5)
    scale = Scale(strategy.tensors["mean"], strategy.tensors["deviation"])
    found = []
    for own, images in zip(strategy.tensors["gates"], other):
        first, own = (
            gate_errors(gate, scale(images))
            for gate in (strategy.tensors["gates"][0], own)
        )
        found.append(relatedness(first, own))
    assert found[0] == 1
    assert found == sorted(found, reverse=True) and found[-1] < 0.5


def gate_errors(gate, inputs):
    """The error of each input, computed by hand in float64"""
    weight, bias, back, bias_back = (tensor.double() for tensor in gate)
    code = (inputs.double() @ weight.T + bias).clamp(min=0)
    again = 1 / (1 + (-(code @ back.T + bias_back)).exp())
    return (again - inputs.double()).square().sum(1).sqrt()


def test_errors_and_shares_are_those_computed_by_hand(permuted):
    strategy, other = permuted
    scale = Scale(strategy.tensors["mean"], strategy.tensors["deviation"])
    gates = strategy.tensors["gates"]
    errors = [gate_errors(gate, scale(other[1])) for gate in gates]
    expected = (torch.stack(errors, 1) / -2).softmax(1)
    found = strategy.shares(OnCPU, [other[1]])
    assert torch.allclose(found.double(), expected, atol=1e-5)


def begun(tmp_path, seen):
    """A Brain whose gates of three tasks were trained, and nothing else"""
    brain = small(tmp_path, SYSTEM, {"strategy": {"steps": 1500}})
    brain.stream.seen = seen
    brain.train_loader, brain.valid_loader = (
        brain.loaders[part] for part in ("train", "valid")
    )
    for task in (1, 2, 3):
        brain.strategy.tensors = brain.strategy._with_gate(brain, task)
    return brain


def test_all_gates_see_inputs_by_the_scale_of_the_first_task(tmp_path):
    # By a scale of its own each task would look the same, and be related by 1
    brain = begun(tmp_path, lambda images, task: images + 3 * (task - 2))
    tensors = brain.strategy.tensors
    first = data()["train"][0].double() - 3
    assert tensors["mean"] == pytest.approx(float(first.mean()))
    assert tensors["deviation"] == pytest.approx(float(first.std()))
    assert max(sum(tensors["relatedness"], [])) < 0.5


def test_what_looks_the_same_is_related(tmp_path):
    brain = begun(
        tmp_path, lambda images, task: -3 * images if task == 2 else images
    )
    assert brain.strategy.start_of(1) == (None, False)
    assert brain.strategy.start_of(3) == (1, True)
    assert brain.strategy.start_of(2) == (1, False)


def test_labels_change_nothing_of_a_gate(tmp_path):
    parts = data()
    shuffled = {p: (x, y.flip(0).roll(1)) for p, (x, y) in parts.items()}
    found = []
    for name, one in (("a", parts), ("b", shuffled)):
        brain = small(tmp_path / name, SYSTEM, NEVER, parts=one)
        found.append(train(brain).strategy.tensors)
    gates, others = ([*sum(one["gates"], [])] for one in found)
    assert len(gates) == 12 and all(map(torch.equal, gates, others))
    assert found[0]["relatedness"] == found[1]["relatedness"]


def test_an_expert_begins_as_the_most_related_one(tmp_path):
    brain = small(tmp_path, SYSTEM)
    brain.stream.seen = (
        lambda images, task: -3 * images if task == 2 else images
    )
    begin, began = brain.strategy.begin, {}

    def noted(brain, task):
        """Notes the columns, and what a begin costs and draws."""
        drawn = torch.get_rng_state()
        spent = brain.meter.since["macs"]
        begin(brain, task)
        assert torch.equal(torch.get_rng_state(), drawn)
        passes = 3 * 64 * 200 + 12 * task
        assert brain.meter.since["macs"] - spent == passes * 2 * 4 * 9
        columns = brain.raw_modules.model.columns
        began[task] = {n: copy.deepcopy(c) for n, c in columns.items()}

    brain.strategy.begin = noted
    train(brain)
    for task, related in ((2, "0"), (3, "0")):
        own = began[task][str(task - 1)].state_dict()
        assert same(own, began[task][related].state_dict()) == []
    assert same(began[3]["2"].state_dict(), began[3]["1"].state_dict())


def in_task_3(tmp_path, overrides):
    """A Brain in the middle of its last task, its batch and outputs"""
    brain = small(tmp_path, SYSTEM, overrides)
    until_killed(brain, "epoch 5 step 4")
    with brain.on_task(3, brain.loaders["train"]):
        batch = next(iter(brain.loaders["train"]))
    outputs = brain.compute_forward(batch, sb.Stage.TRAIN)
    return brain, batch, outputs


def test_a_related_expert_teaches(tmp_path):
    brain, batch, outputs = in_task_3(tmp_path, LAST)
    loss = brain.strategy.penalty(brain, outputs, batch)
    model = brain.raw_modules.model
    expert = brain.strategy.start_of(3).expert
    with torch.no_grad():
        teacher, pupil = (
            model.columns[name](batch[0]).double() / 2
            for name in (str(expert - 1), "2")
        )
    expected = -(teacher.softmax(1) * pupil.log_softmax(1)).sum(1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss > 0 and not torch.equal(teacher, pupil)
    brain.raw_modules.zero_grad()
    loss.backward()
    learns = {
        name.split(".")[2]
        for name, one in brain.raw_modules.named_parameters()
        if one.grad is not None and one.grad.any()
    }
    assert learns == {"2"}
    # It is a part of the loss of training, and of no other
    kept = brain.compute_objectives(outputs, batch, sb.Stage.VALID)
    both = brain.compute_objectives(outputs, batch, sb.Stage.TRAIN)
    assert (both - kept).item() == pytest.approx(loss.item(), rel=1e-4)


def test_an_expert_that_is_not_related_does_not_teach(tmp_path):
    brain, batch, outputs = in_task_3(tmp_path, NEVER)
    assert brain.strategy.penalty(brain, outputs, batch) == 0


def test_a_teacher_has_the_classes_of_its_own_task():
    scores = torch.tensor([[1.0, 2.0, -math.inf]], requires_grad=True)
    loss = distillation(scores, torch.tensor([[3.0, 0.0, -math.inf]]))
    loss.backward()
    first = 1 / (1 + math.exp(-1.5))
    logs = math.log1p(math.exp(0.5)), math.log1p(math.exp(-0.5))
    expected = first * logs[0] + (1 - first) * logs[1]
    assert loss.item() == pytest.approx(expected)
    assert scores.grad.isfinite().all() and scores.grad[0, 2] == 0


def test_experts_keep_their_logits_to_the_bit(whole):
    assert len(whole.finished.probes) == 3
    for task, then in enumerate(whole.finished.probes, start=1):
        assert all(map(torch.equal, whole.logits_of(task), then))
    columns = whole.raw_modules.model.columns
    assert [c.output.weight.requires_grad for c in columns.values()] == [
        False,
        False,
        True,
    ]


@pytest.mark.slow
def test_a_run_killed_everywhere_ends_with_the_same_bits(whole, tmp_path):
    often = {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        brain = small(tmp_path, SYSTEM, LAST, run_opts=often)
        until_killed(brain, moment)
    brain = train(small(tmp_path, SYSTEM, LAST, run_opts=often))
    assert same(ended(brain), ended(whole)) == []
    one, other = brain.strategy.tensors, whole.strategy.tensors
    gates = zip(sum(one["gates"], []), sum(other["gates"], []))
    assert all(torch.equal(*pair) for pair in gates)
    assert one["relatedness"] == other["relatedness"]


def test_the_report_says_how_experts_began_and_what_gates_store(tmp_path):
    brain = train(small(tmp_path, SYSTEM, LAST))
    matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
    report = json.loads((tmp_path / "tasks.json").read_text())
    assert matrix.bwt == 0
    assert report["relatedness"] == brain.strategy.tensors["relatedness"]
    assert [len(one) for one in report["relatedness"]] == [0, 1, 2]
    assert report["started_from"][0] is None
    assert report["distilled"] == [False, True, True]
    assert report["macs_of_routing"] == 3 * 2 * 4 * 9
    assert report["stored"] == 2 + 3 * (2 * 4 * 9 + 4 + 9)
    assert len(report["routing"]) == 3


THAWED = {"on_task": "each", "adds": {"columns": 1}, "symmetry": "fresh"}
WRONG = [
    (SYSTEM, {"growth": []}, "3 tasks need a column each"),
    (SYSTEM, {"growth": [{**THAWED, "max_times": 2}]}, "growth adds 0 to the"),
    (SYSTEM, {"strategy": {"size": "experts"}}, "adds to experts, but"),
    (SYSTEM, {"strategy": {"code": 0}}, "code is 0; it must be"),
    (SYSTEM, {"strategy": {"steps": 1.5}}, "steps is 1.5; it must be"),
    ((COLUMNS, *SYSTEM[1:]), {}, "laterals: none and into: \\[\\]"),
]


@pytest.mark.parametrize("system, overrides, message", WRONG)
def test_a_mistake_is_refused_before_training(
    system, overrides, message, tmp_path
):
    with pytest.raises(GrowthError, match=message):
        brain = small(tmp_path, system, overrides)
        brain.fit_batch = None
        train(brain)
