"""Tests that a controller learns, and that each action does what it says

Authors
 * The speechbrain_growth authors 2026
"""

import math
import statistics

import pytest
import torch
from small import ended, same, small, train, until_killed

from speechbrain_growth import BNS, GrowthError
from speechbrain_growth.continual.systems.actions import units, wider
from speechbrain_growth.continual.systems.controller import (
    learnt,
    searched,
    started,
)
from speechbrain_growth.training.trial import Diverged

PLAIN = """!new:speechbrain_growth.MLP
    inputs: 9
    hidden: !ref <hidden>
    outputs: 3"""
STRATEGY = """!new:speechbrain_growth.BNS
    actions: [reuse, copy, train, 3]
    trials: 9"""
SYSTEM = PLAIN, STRATEGY, "[]"
HIDDEN, INPUTS, CLASSES, TASKS = [5, 4], 9, 3, 3
LAYERS = ["model.hidden_0.linear", "model.hidden_1.linear"]


# The controller

PLACES, ACTIONS = 2, 4


def known(seed):
    """A reward of each pair of actions; the best is far above the others"""
    generator = torch.Generator().manual_seed(seed)
    shape = (PLACES, ACTIONS)
    worth = torch.rand(shape, generator=generator, dtype=torch.float64)
    best = torch.randint(ACTIONS, (PLACES,), generator=generator)
    worth[range(PLACES), best] = 1.5

    def reward(actions):
        """The sum of what the actions are worth"""
        return float(worth[range(PLACES), list(actions)].sum())

    return reward, best


def trials_of(reward, lr, trials, seed):
    """What a controller has learnt, and its trials"""
    generator = torch.Generator().manual_seed(seed)
    return searched(reward, started(PLACES, ACTIONS), trials, lr, generator)


@pytest.mark.parametrize("seed", range(8))
def test_a_known_table_is_learnt(seed):
    reward, best = known(seed)
    controller, _ = trials_of(reward, 0.3, 200, seed)
    chances = controller.logits.softmax(1)
    assert float(chances[range(PLACES), best].prod()) > 0.9


def last_ten(lr, trials=25):
    """The mean of the last ten rewards, for each of 30 tables"""
    return [
        statistics.mean(
            one.reward for one in trials_of(known(s)[0], lr, trials, s)[1][-10:]
        )
        for s in range(30)
    ]


def test_the_last_ten_trials_are_better_than_random_ones():
    """With the default, not with a rate that is far too small"""
    default = BNS().lr
    gain = [a - b for a, b in zip(last_ten(default), last_ten(0.0))]
    deviation = statistics.stdev(gain) / math.sqrt(len(gain))
    assert statistics.mean(gain) > 10 * deviation
    slow = [a - b for a, b in zip(last_ten(1e-3), last_ten(0.0))]
    assert abs(statistics.mean(slow)) < 0.1 * statistics.mean(gain)


def test_a_step_follows_the_gradient_of_the_log_probability():
    torch.manual_seed(0)
    logits = torch.randn(PLACES, ACTIONS, dtype=torch.float64)
    controller = started(PLACES, ACTIONS)._replace(
        logits=logits, baseline=4.0, spread=1.0
    )
    leaf, actions = logits.clone().requires_grad_(), (3, 1)
    leaf.log_softmax(1)[range(PLACES), list(actions)].sum().backward()
    found = learnt(controller, actions, reward=7.0, lr=0.1)
    spread = 0.8 * 1.0 + 0.2 * 3.0
    expected = logits + 0.1 * 3.0 / spread * leaf.grad
    assert torch.allclose(found.logits, expected, atol=1e-14)
    assert found.baseline == pytest.approx(4.6)
    assert found.spread == pytest.approx(spread)


def test_the_unit_of_the_reward_does_not_matter():
    reward, _ = known(0)
    one, trials = trials_of(reward, 0.5, 40, 0)
    other, same_trials = trials_of(lambda a: 512 * reward(a) - 64, 0.5, 40, 0)
    assert torch.allclose(one.logits, other.logits, atol=1e-9)
    assert [t.actions for t in trials] == [t.actions for t in same_trials]


def test_a_random_controller_draws_all_actions_alike():
    _, trials = trials_of(known(0)[0], 0.0, 400, 0)
    assert {one.probability for one in trials} == {ACTIONS**-PLACES}
    assert len({one.actions for one in trials}) == ACTIONS**PLACES


# Actions


def forced(brain, *decisions):
    """Lets tasks take these actions, without trials; notes all logits"""
    seen = brain.seen = []

    def prepare(brain, task, epoch):
        """Takes the actions of a task"""
        if brain.strategy.tensors["decided"] >= task:
            return
        chosen, now = decisions[task - 2], brain.schedule.sizes["hidden"]
        brain.strategy.tensors.update(decided=task, chosen=list(chosen))
        more = wider(chosen, now)
        brain.grow_before(epoch, {"hidden": more} if more != now else {})
        brain.save_before_growing()

    def end(brain, task):
        """Notes the weights, and the logits of all finished tasks"""
        BNS.end(brain.strategy, brain, task)
        brain.ends[task] = ended(brain)

    save, brain.ends = brain._save_task, {}

    def saved(task, end_of_epoch):
        """Notes the logits of all finished tasks"""
        seen.append([brain.logits_of(one)[0] for one in range(1, task + 1)])
        save(task, end_of_epoch)

    brain.strategy.prepare, brain.strategy.end = prepare, end
    brain._save_task = saved
    return train(brain)


def changed(brain):
    """For each task after the first, which earlier ones it changed"""
    return [
        [
            task
            for task, (then, now) in enumerate(zip(before, after), start=1)
            if not torch.equal(then, now)
        ]
        for before, after in zip(brain.seen[1:], brain.seen[2:])
    ]


REUSED = ("reuse", "reuse")
# Of tasks 2 and 3, and which earlier tasks each changes
DECISIONS = {
    "reuse": (REUSED, REUSED, [[], []]),
    "new": ((3, 2), (2, "reuse"), [[], []]),
    "new above": (("reuse", 3), ("reuse", 3), [[], []]),
    "new below": ((3, "reuse"), ("train", 3), [[], [1, 2]]),
    "copy": (("copy", "reuse"), ("reuse", "copy"), [[], []]),
    "copies": (("copy", "copy"), ("copy", "copy"), [[], []]),
    "copy, new": (("copy", 2), (3, "copy"), [[], []]),
    "train": (("train", "reuse"), ("reuse", "train"), [[1], [1, 2]]),
    "train once": (("train", "train"), (3, 2), [[1], []]),
    "train copies": (("copy", "copy"), ("train", "train"), [[], [2]]),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns the run of some decisions, by their name"""
    known = {}

    def run_of(name):
        """Trains it once"""
        if name not in known:
            brain = small(tmp_path_factory.mktemp("run"), SYSTEM)
            known[name] = forced(brain, *DECISIONS[name][:2])
        return known[name]

    return run_of


@pytest.mark.parametrize("name", DECISIONS)
def test_only_training_the_shared_layer_changes_earlier_tasks(name, run):
    brain = run(name)
    assert changed(brain) == DECISIONS[name][2]
    # Whatever is taken out of the present network again
    now = [brain.logits_of(task)[0] for task in range(1, TASKS + 1)]
    assert all(map(torch.equal, now, brain.seen[-1]))


def test_to_reuse_all_trains_the_head_alone(run):
    brain = run("reuse")
    assert brain.schedule.sizes["hidden"] == HIDDEN
    assert brain.growth_log.read() == [] and brain.strategy.stored == 0
    first, last = brain.ends[1], brain.ends[TASKS]
    assert set(same(first, last)) >= {"model.output.weight"}
    for layer in LAYERS:
        for leaf in ("weight", "bias"):
            name = f"{layer}.{leaf}"
            assert torch.equal(first[name], last[name])


def test_a_task_that_changes_others_is_not_compared_with_them(tmp_path):
    """Not even before its first step: it may begin on another machine"""
    brain = small(tmp_path, SYSTEM, {"tasks": 2, "epochs_per_task": 1})
    begin = brain.begin_task

    def rounded(task):
        """As if the probes were of another machine"""
        for logits in brain.finished.probes:
            logits[0] += 1e-4
        begin(task)

    brain.begin_task = rounded
    forced(brain, ("train", "reuse"))
    assert len(brain.finished.probes) == 2


@pytest.mark.parametrize("action", ["copy", "train"])
def test_one_layer_alone_is_trained(action, run):
    """In task 2 the lower one, in task 3 the upper one"""
    ends = run(action).ends
    for trained, task in enumerate((2, 3)):
        for number, layer in enumerate(LAYERS):
            then, now = (ends[t][f"{layer}.weight"] for t in (task - 1, task))
            assert torch.equal(then, now) == (number != trained)


@pytest.mark.parametrize("name", ["new", "new above", "new below"])
def test_new_units_alone_are_trained_and_read(name, run):
    then, now = (run(name).ends[task] for task in (1, 2))
    for layer in LAYERS:
        old, new = then[f"{layer}.weight"], now[f"{layer}.weight"]
        rows, columns = old.shape
        assert torch.equal(new[:rows, :columns], old)
        assert torch.equal(now[f"{layer}.bias"][:rows], then[f"{layer}.bias"])
    above = now[f"{LAYERS[1]}.weight"][:, HIDDEN[0] :]
    head = now["model.output.weight"][:, HIDDEN[1] :]
    for sent, action in zip((above, head), DECISIONS[name][0]):
        number = 0 if action == "reuse" else action
        assert sent.shape[1] == number and bool(sent.any()) == bool(number)


def test_copies_count_in_the_capacity(run):
    brain = run("copy, new")
    first = (INPUTS + 1) * HIDDEN[0]
    second = (HIDDEN[0] + 1) * (HIDDEN[1] + 2)  # with the units of task 2
    assert brain.strategy.stored == first + second
    heads = [CLASSES * (width + 1) for width in (4, 6)]
    costs = brain._costs()
    assert costs["stored"] == first + second + sum(heads)
    assert costs["parameters"] == 10 * 8 + 9 * 6 + 7 * CLASSES


def test_what_actions_store():
    assert units(["copy", 7], [50, 30]) == 57
    assert units(["train", "reuse"], [50, 30]) == 0
    assert wider(["copy", 7], [50, 30]) == [50, 37]


# Trials


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A run with trials, and the accuracy of each epoch"""
    brain = small(tmp_path_factory.mktemp("tried"), SYSTEM)
    brain.accuracies, decide = {}, brain.decide_growth

    def noted(epoch, stats):
        """Notes the accuracy"""
        brain.accuracies[epoch] = stats["accuracy"]
        decide(epoch, stats)

    brain.decide_growth = noted
    return train(brain)


def trials_of_task(brain, task):
    """What is logged of the trials of a task"""
    trials = brain.strategy.report["trials"]
    return [one for one in trials if one["task"] == task]


def test_the_log_has_every_trial_and_its_reward(tried):
    trials = tried.strategy.report["trials"]
    assert [(one["task"], one["trial"]) for one in trials] == [
        (task, trial) for task in (2, 3) for trial in range(1, 10)
    ]
    xi, widths = BNS().xi, {2: HIDDEN}
    widths[3] = wider(best_of(tried, 2)["actions"], HIDDEN)
    for one in trials:
        *after, now = one["after"]
        assert len(after) == len(one["before"]) == one["task"] - 1
        back = sum(after) - sum(one["before"])
        stored = units(one["actions"], widths[one["task"]])
        expected = now + back / len(after) - xi * stored
        assert one["reward"] == pytest.approx(expected, abs=1e-9)
        assert one["works"] and one["macs"] > 0
        assert "train" in one["actions"] or after == one["before"]


def best_of(brain, task):
    """The best trial of a task"""
    return max(trials_of_task(brain, task), key=lambda one: one["reward"])


@pytest.mark.parametrize("task", [2, 3])
def test_the_best_actions_are_taken_and_do_what_they_did(task, tried):
    """The task's first epoch ends where its trial ended"""
    best = best_of(tried, task)
    first = (task - 1) * 2 + 1
    assert tried.accuracies[first] == best["after"][-1]
    before = tried.finished[task - 1].sizes["hidden"]
    now = tried.finished[task].sizes["hidden"]
    assert now == wider(best["actions"], before)


def test_all_trials_are_counted_once(tried, tmp_path):
    distinct = {
        (one["task"], tuple(one["actions"])): one["macs"]
        for one in tried.strategy.report["trials"]
    }
    assert len(distinct) < len(tried.strategy.report["trials"])
    without = forced(
        small(tmp_path, SYSTEM), *(best_of(tried, t)["actions"] for t in (2, 3))
    )
    spent = [one.meter.total["macs"] for one in (tried, without)]
    assert spent[0] - spent[1] == sum(distinct.values())


def test_trials_leave_nothing_behind(tried, tmp_path):
    """The run ends as one that takes the same actions without trials"""
    decisions = [best_of(tried, task)["actions"] for task in (2, 3)]
    without = forced(small(tmp_path, SYSTEM), *decisions)
    assert same(ended(tried), ended(without)) == []


def test_the_price_of_a_unit_leads_to_fewer(tmp_path):
    found = []
    for xi in (0.0, 100.0):
        options = {"xi": xi, "trials": 12}
        changes = {"strategy": options, "tasks": 2, "epochs_per_task": 1}
        brain = train(small(tmp_path / str(xi), SYSTEM, changes))
        last = [one["units"] for one in trials_of_task(brain, 2)[-6:]]
        found.append((sum(last), best_of(brain, 2)["units"]))
    (many, bought), (few, none) = found
    assert many > few and bought > none == 0


def test_what_does_not_work_is_not_taken(tmp_path):
    brain = small(tmp_path, SYSTEM)
    begin = brain.begin_task

    def broken(task):
        """Raises in trials that train the shared layers, or copies"""
        if set(brain.strategy.tensors["chosen"]) & {"train", "copy"}:
            raise Diverged("the loss at step 1")
        begin(task)

    brain.begin_task = broken
    train(brain)
    trials = brain.strategy.report["trials"]
    failed = [one for one in trials if not one["works"]]
    assert failed and len(failed) < len(trials)
    for one in failed:
        assert one["after"] == [*one["before"], 0.0]
    for task in (2, 3):
        assert best_of(brain, task)["works"]


# Runs


MOMENTS = [
    "epoch 2 step 3",
    "task 1 finished",
    "trial 1",
    "trial 3",
    "before the growth of epoch 3",
    "after the growth of epoch 3",
    "epoch 3 step 2",
    "epoch 3 saved",
    "epoch 4 step 5",
    "task 2 finished",
    "trial 2",
    "epoch 5 step 1",
    "epoch 6 saved",
]
DECIDED = ("after the growth of epoch 3", "epoch 3 step 2")
GROWS = {"strategy": {"actions": [3, "train", "copy"], "trials": 5}}


def counting(brain):
    """Makes moments of the trials"""
    attempt, brain.attempts = brain.try_beginning, 0

    def tried_again(*arguments):
        """Counts a trial"""
        brain.attempts += 1
        found = attempt(*arguments)
        brain.moment(f"trial {brain.attempts}")
        return found

    brain.try_beginning = tried_again
    return brain


@pytest.mark.slow
def test_a_run_killed_anywhere_ends_with_the_same_bits(tmp_path):
    whole = train(small(tmp_path / "whole", SYSTEM, GROWS))
    assert whole.growth_log.read()
    for moment in MOMENTS:
        brain = counting(small(tmp_path / "killed", SYSTEM, GROWS))
        until_killed(brain, moment)
        # Decided on before the last kill, and saved
        assert brain.attempts == 0 or moment not in DECIDED
    again = counting(small(tmp_path / "killed", SYSTEM, GROWS))
    train(again)
    assert again.attempts == 0  # the trials of the last task were over
    assert same(ended(whole), ended(again)) == []
    assert again.strategy.report == whole.strategy.report
    assert again.meter.total["macs"] == whole.meter.total["macs"]
    assert again.schedule.state() == whole.schedule.state()


# Mistakes

WRONG = {
    "trials": ({"trials": 0}, "trials is 0; it must be a whole number"),
    "epochs": ({"trial_epochs": 1.5}, "trial_epochs is 1.5; it must be a wh"),
    "too long": ({"trial_epochs": 3}, "trial_epochs is 3, but a task has 2"),
    "action": ({"actions": ["reuse", "keep"]}, "actions names 'keep'; it must"),
    "no units": ({"actions": ["reuse", 0]}, "actions names 0; it must be"),
    "one": ({"actions": ["reuse"]}, "name at least two, each of them once"),
    "twice": ({"actions": ["copy", 3, 3]}, "name at least two, each of them"),
    "c": ({"c": "much"}, "c is 'much'; it must be a number, at least 0"),
    "xi": ({"xi": math.inf}, "xi is inf; it must be a number, at least 0"),
    "lr": ({"lr": -1.0}, "lr is -1.0; it must be a number, at least 0"),
    "own": ({"own": ["model.hidden_1"]}, "tasks share have .5, 3. units"),
    "no head": ({"own": []}, r"tasks share have \[5, 4, 3\] units; own must"),
    "size": (
        {"size": "columns"},
        "size is columns, which is no size of the mo",
    ),
    "lower": ({"metric": "error"}, "of error, less is better"),
    "metric": ({"metric": "F1"}, "metric is 'F1', but valid_stats returns"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what, tmp_path):
    options, message = WRONG[what]
    with pytest.raises(GrowthError, match=message):
        train(small(tmp_path, SYSTEM, {"strategy": options}))


def test_a_listed_growth_is_refused(tmp_path):
    growth = [{"after_epoch": 1, "hidden": [7, 5], "symmetry": "fresh"}]
    with pytest.raises(GrowthError, match="BNS decides on its growths"):
        train(small(tmp_path, SYSTEM, {"growth": growth}))


def test_other_layers_are_refused(tmp_path):
    with pytest.raises(
        GrowthError, match="hidden_0.norm is a BatchNorm1d; use"
    ):
        train(small(tmp_path, (f"{PLAIN}\n    batch_norm: True", *SYSTEM[1:])))
