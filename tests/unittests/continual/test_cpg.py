"""Tests that tasks which share out one network leave each other alone

Authors
 * The speechbrain_growth authors 2026
"""

import numpy as np
import pytest
import torch
from small import MLP, Killed, ended, same, small, train, until_killed

import speechbrain as sb
from speechbrain_growth import CPG, GrowthError
from speechbrain_growth.continual.systems import cpg as cpg_module
from speechbrain_growth.continual.weights import picking
from speechbrain_growth.continual.weights.packing import prune

GROWTH = """
    - on_missed_goal: {metric: goal_gap, goal: 0.0, after: 2, better: lower}
      adds: {hidden: [3, 2]}
      at_most: {hidden: [9, 7]}
      max_times: 9
      symmetry: fresh"""
EPOCHS = {"epochs_per_task": 7}  # five of training, two of pruning


def cpg(goal=101, picks=True, lr=0.02, ratios="[0.3, 0.5]", growth=GROWTH):
    """A system of ``small``; any error is at the goal of 101."""
    text = (
        "!new:speechbrain_growth.CPG\n"
        f"    goal: {goal}\n    picks: {picks}\n    pick_lr: {lr}\n"
        f"    ratios: {ratios}"
    )
    return MLP, text, growth


def of(folder, system, **options):
    """A Brain with epochs enough for all stages."""
    overrides = {**EPOCHS, **options.pop("overrides", {})}
    return small(folder, system, overrides, **options)


def state(brain):
    """All that a run ends with, the strategy's tensors included."""
    found, tensors = ended(brain), brain.strategy.tensors
    found.update({f"{k} owner": v for k, v in tensors["owners"].items()})
    for task, used in enumerate(tensors["used"], start=1):
        found.update({f"{k} used by {task}": v for k, v in used.items()})
    return found


def logits(brain, task):
    """What the network of a task computes for its probe."""
    (found,) = brain.logits_of(task)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that nobody interrupts, by goal."""
    found = {}

    def run(goal):
        """Trains it once."""
        if goal not in found:
            folder = tmp_path_factory.mktemp("cpg")
            found[goal] = train(of(folder / "run", cpg(goal)))
        return found[goal]

    return run


@pytest.mark.parametrize("goal", [-1, 101])
def test_logits_of_earlier_tasks_stay_as_they_were(runs, goal):
    brain = runs(goal)
    for task in (1, 2, 3):
        (then,) = brain.finished.probes[task - 1]
        assert torch.equal(logits(brain, task), then)


def test_a_goal_that_any_error_reaches_never_grows(runs):
    assert runs(101).schedule.sizes["hidden"] == [5, 4]
    assert runs(101).schedule.decided == 0


def test_a_goal_that_no_error_reaches_grows_to_the_maximum(runs):
    assert runs(-1).schedule.sizes["hidden"] == [9, 7]


def test_owners_share_out_each_layer_and_free_what_the_ratio_says(runs):
    tensors = runs(101).strategy.tensors
    assert set(tensors["owners"]) == {
        "model.hidden_0.linear.weight",
        "model.hidden_1.linear.weight",
    }
    for owner in tensors["owners"].values():
        free = owner.numel()
        for task in (1, 2, 3):
            kept = free - round(0.5 * free)
            assert int((owner == task).sum()) == kept
            free -= kept
        assert int((owner == 0).sum()) == free


def test_free_weights_are_part_of_no_task(runs):
    brain = runs(101)
    before = [logits(brain, task) for task in (1, 2, 3)]
    for name, owner in brain.strategy.tensors["owners"].items():
        weight, free = (
            brain.raw_modules.get_parameter(name).detach(),
            owner == 0,
        )
        assert free.any() and weight[free].eq(0).all()
        weight[free] = 7.0
        for task in (1, 2, 3):
            assert torch.equal(logits(brain, task), before[task - 1])
        weight[free] = 0.0


def test_nothing_grows_while_weights_are_pruned(runs, tmp_path):
    growth = GROWTH.replace("after: 2", "after: 5")
    brain = train(of(tmp_path, cpg(-1, growth=growth)))
    assert brain.schedule.decided == 0


def test_the_best_epoch_is_one_at_the_present_sizes(tmp_path):
    growth = "[{after_epoch: 2, hidden: [8, 6], symmetry: fresh}]"
    own = "!new:speechbrain_growth.Strategy\n    own: [model.output, norms]"
    brain = of(tmp_path, (MLP, own, growth))
    save, seen = brain.save_epoch, {}

    def scripted(epoch, error):
        """Epoch 1 is the best, and epoch 4 of those after the growth."""
        save(epoch, {1: 0.0, 4: 1.0}.get(epoch, 2.0))
        seen[epoch] = brain.raw_modules.model.hidden_0.linear.weight.clone()

    brain.save_epoch, brain.kill = scripted, "task 1 finished"
    with pytest.raises(Killed):
        train(brain)
    now = brain.raw_modules.model.hidden_0.linear.weight
    assert torch.equal(now, seen[4]) and not torch.equal(now, seen[7])


def test_a_growth_leaves_every_task_as_it_was(tmp_path):
    growth = GROWTH.replace("[9, 7]", "[20, 20]")
    brain, seen = of(tmp_path, cpg(-1, growth=growth)), []
    grow = brain.grow

    def watched(epoch):
        """Grows; compares the tasks before and after."""
        tasks = range(1, len(brain.finished) + 1)
        before = [logits(brain, task) for task in tasks]
        grow(epoch)
        seen.append(len(before))
        for task, then in zip(tasks, before):
            assert torch.equal(logits(brain, task), then)

    brain.grow = watched
    train(brain)
    assert max(seen) == 2


def test_new_weights_are_owned_by_the_task_that_grew(tmp_path):
    brain = of(tmp_path, cpg(-1))
    until_killed(brain, "after the growth of epoch 3")
    for owner in brain.strategy.tensors["owners"].values():
        assert owner.eq(1).all()
    assert [o.shape for o in brain.strategy.tensors["owners"].values()] == [
        (8, 9),
        (6, 8),
    ]


def test_a_growth_adds_weights_that_are_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(cpg_module, "prune", lambda *given: None)
    growth = GROWTH.replace("[9, 7]", "[20, 20]")
    brain = of(tmp_path, cpg(-1, growth=growth))
    brain.kill = "after the growth of epoch 10"  # task 1 kept all it had
    with pytest.raises(Killed):
        train(brain)
    for name, owner in brain.strategy.tensors["owners"].items():
        assert set(owner.unique().tolist()) == {1, 2}
        assert torch.equal(brain.held.masks[name], owner == 1)


def test_picking_all_is_pack_and_expand(tmp_path):
    picking = train(of(tmp_path / "1", cpg(-1, lr=0.0)))
    without = train(of(tmp_path / "2", cpg(-1, picks=False)))
    assert same(state(picking), state(without)) == []


def test_picking_nothing_leaves_a_task_its_own_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(picking, "THRESHOLD", 1.0)
    brain = train(of(tmp_path, cpg(101)))
    tensors = brain.strategy.tensors
    for name, owner in tensors["owners"].items():
        for task in (1, 2, 3):
            assert torch.equal(tensors["used"][task - 1][name], owner == task)


def test_a_task_picks_some_of_the_earlier_weights(runs):
    tensors = runs(101).strategy.tensors
    picked = [
        tensors["used"][1][name][owner == 1].float().mean()
        for name, owner in tensors["owners"].items()
    ]
    assert all(0 < share < 1 for share in picked)


def test_the_gradient_of_a_pick_is_that_of_what_it_multiplies(tmp_path):
    brain = of(tmp_path, cpg(101))
    until_killed(brain, "epoch 8 step 3")
    name = "model.hidden_0.linear.weight"
    weights = brain.strategy.weights(brain)
    effective = weights[name]
    effective.retain_grad()
    picks = brain.strategy.tensors["picks"][name]
    picks.grad = None
    brain.modules.train()
    with torch.no_grad():
        batch = next(iter(brain.loaders["train"]))
    brain.strategy.weights = lambda brain: weights
    outputs = brain.compute_forward(batch, sb.Stage.TRAIN)
    brain.compute_objectives(outputs, batch, sb.Stage.TRAIN).backward()
    owner = brain.strategy.tensors["owners"][name]
    weight = brain.raw_modules.get_parameter(name)
    earlier = torch.where(owner == 1, weight, torch.zeros(()))
    assert picks.grad.abs().max() > 0
    assert torch.allclose(picks.grad, effective.grad * earlier, atol=1e-7)


@pytest.mark.parametrize("stage", ["train", "valid"])
def test_the_network_in_training_has_its_picks(tmp_path, stage):
    brain = of(tmp_path, cpg(101))
    until_killed(brain, "epoch 8 step 3")
    stage = sb.Stage.TRAIN if stage == "train" else sb.Stage.VALID
    brain.modules.eval()
    batch = next(iter(brain.loaders["valid"]))
    torch.manual_seed(1)
    before = brain.compute_forward(batch, stage)
    for picks in brain.strategy.tensors["picks"].values():
        picks.detach().fill_(0.0)
    torch.manual_seed(1)
    assert not torch.equal(brain.compute_forward(batch, stage), before)


MOMENTS = [
    "epoch 1 step 5",
    "before the growth of epoch 3",
    "after the growth of epoch 3",
    "epoch 3 step 3",
    "epoch 6 step 3",
    "epoch 7 saved",
    "task 1 finished",
    "epoch 8 step 3",
    "epoch 11 step 4",
    "epoch 13 step 5",
    "epoch 14 step 2",
    "task 2 finished",
    "epoch 20 step 3",
    "task 3 finished",
]


@pytest.mark.slow
@pytest.mark.parametrize("goal", [-1, 101])
def test_a_run_killed_everywhere_ends_with_the_same_bits(runs, tmp_path, goal):
    often = {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        if goal == 101 and "growth" in moment:
            continue
        brain = of(tmp_path, cpg(goal), run_opts=often)
        until_killed(brain, moment)
    brain = train(of(tmp_path, cpg(goal), run_opts=often))
    assert same(state(brain), state(runs(goal))) == []


def test_pruning_takes_the_smallest_of_the_task_and_keeps_what_is_free():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(7, 9, generator=generator)
    owner = torch.randint(1, 3, weight.shape, generator=generator)
    before, mine = weight.clone(), owner == 2
    for ratio in (0.2, 0.1, 0.7):
        prune(weight, owner, 2, ratio)
        count = round(max(ratio, 0.2) * int(mine.sum()))
        order = np.argsort(before[mine].abs().numpy())
        expected = np.zeros(len(order), dtype=bool)
        expected[order[:count]] = True
        assert (owner[mine].eq(0).numpy() == expected).all()
        assert weight[owner == 0].eq(0).all()
        assert torch.equal(weight[owner != 0], before[owner != 0])


def test_the_best_epoch_freed_most_of_those_at_the_goal(runs, monkeypatch):
    brain, strategy, scores = runs(101), CPG(goal=[1, 5, 9]), {}
    monkeypatch.setattr(brain.finished, "tasks", brain.finished.tasks[:1])
    for freed in (0, 4, 6):
        owner = torch.tensor([0] * freed + [2] * (10 - freed) + [1] * 3)
        name = "model.hidden_0.linear.weight"
        strategy.tensors = {"owners": {name: owner}, "picks": {}}
        for error in (4.0, 4.5, 6.0, 7.0):
            scores[freed, error] = strategy.score(brain, error)
    reached = [(freed, error) for freed in (6, 4, 0) for error in (4.0, 4.5)]
    # Task 2 of 3 misses its goal: it is to leave half to the one that follows
    missed = [(freed, error) for freed in (6, 4, 0) for error in (6.0, 7.0)]
    assert sorted(scores, key=scores.get) == reached + missed


def test_a_mask_counts_a_bit_for_each_weight(runs):
    brain = runs(101)
    numbers = (9 * 5 + 5 * 4) * 3
    assert brain.strategy.stored == numbers / 32


MISTAKES = {
    "3 ratios": (cpg(ratios="[0.1, 0.2, 0.3]"), {"epochs_per_task": 3}),
    "2 goals for 3 tasks": (cpg(goal="[1, 2]"), {}),
    "would grow while weights are pruned": (
        cpg(growth=GROWTH.replace("goal_gap", "error")),
        {},
    ),
    "leave out old: frozen": (
        cpg(growth=GROWTH + "\n      old: frozen"),
        {},
    ),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_found_before_training(tmp_path, words):
    system, overrides = MISTAKES[words]
    with pytest.raises(GrowthError, match=words) as error:
        train(of(tmp_path, system, overrides=overrides))
    assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratios": []},
        {"ratios": [0.5, 0.5]},
        {"ratios": [1.0]},
        {"ratios": ["a"]},
        {"goal": "low"},
        {"prune_epochs": 0},
        {"prune_epochs": 1.5},
    ],
)
def test_an_argument_out_of_range_is_refused(wrong):
    with pytest.raises(GrowthError, match="strategy: goal is"):
        CPG(**{"goal": 1.0, **wrong})
