"""A run that is killed inside any condition grows as one that was not.

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest
from growing_run import ToyBrain, at, toy, train
from test_resuming import same

from speechbrain_growth import GrowthError
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.conditions.measured import MEASURES
from speechbrain_growth.schedule.conditions.reading import read
from speechbrain_growth.schedule.conditions.registry import CONDITIONS, FACTS

# In a step, after the last step of an epoch, and around the decision
KILLS = ["epoch 2 step 3", "epoch 2 before saving", "epoch 2 saved"]
KILLS += ["epoch 3 step 2", "epoch 3 before saving"]
EPOCHS = 4
# For each condition: arguments with which the toy grows before its last epoch,
# and not before its second
ASKED = {
    "after_epoch": 2,
    "after_step": 5,
    "after_macs": 1.6e6,
    "every_epochs": 2,
    "on_task": 3,
    "on_plateau": {"metric": "error", "patience": 1, "min_delta": 100},
    "on_floor": {"metric": "loss", "above": 1, "not_after": 6},
    "on_slope": {"metric": "loss", "exponent": 9, "window": 1},
    "on_gap": {"above": -9, "window": 2},
    "on_missed_goal": {"metric": "error", "goal": 0, "after": 1},
    "on_change": {"metric": "feature_shift", "above": 0.001},
    "on_gradient": {"above": 0.0, "not_before": 2},
    "any_of": [{"every_epochs": 2}, {"by_hand": True}],
    "all_of": [
        {"on_change": {"metric": "prediction_shift", "above": 0.001}},
        {"on_gap": {"below": 9}},
    ],
}
OPTIONS = {"ckpt_interval_steps": 1}


def asking(folder, name, kill=None, **values):
    """A toy that grows on one condition, whose task is the epoch"""
    growth = [{name: values or ASKED[name], "rnn_neurons": 9}]
    more = {"number_of_epochs": 8} if name == "on_floor" else {}
    run = toy(folder, kill, run_opts=OPTIONS, growth=growth, **more)
    run.task_of = lambda epoch: epoch
    return run


def test_the_table_has_every_condition():
    assert set(ASKED) | {"by_hand"} == set(CONDITIONS)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=() if name == "on_change" else pytest.mark.slow
        )
        for name in ASKED
    ],
)
def test_a_killed_run_grows_as_one_that_was_not(name, tmp_path):
    whole = train(asking(tmp_path / "whole", name))
    assert whole.schedule.sizes["rnn_neurons"] == 9
    kills = [*KILLS, "epoch 5 step 3"] if name == "on_floor" else KILLS
    for moment in kills:
        train(asking(tmp_path / "killed", name, at(moment)))
    resumed = train(asking(tmp_path / "killed", name))
    # with all that was measured; NaN is like no other number, but its text is
    assert repr(resumed.schedule.state()) == repr(whole.schedule.state())
    if name != "on_floor":
        same(resumed, whole)


def grown_after(run):
    """The epoch after which a run grew; None if it did not"""
    with open(run.hparams.train_logger.run_file, encoding="utf-8") as fin:
        events = [json.loads(line) for line in fin]
    found = [e["epoch"] for e in events if e["event"] == "growth"]
    return found[0] if found else None


def test_the_loss_of_training_is_known_when_no_step_is_left(
    tmp_path, monkeypatch
):
    ended = ToyBrain.on_stage_end

    def forgetful(brain, stage, loss, epoch=None):
        """A recipe that keeps no loss of training itself"""
        known = brain.train_loss
        ended(brain, stage, loss, epoch)
        brain.train_loss = known

    monkeypatch.setattr(ToyBrain, "on_stage_end", forgetful)
    whole = train(asking(tmp_path / "whole", "on_gap", above=9))
    train(asking(tmp_path / "killed", "on_gap", at(KILLS[1]), above=9))
    resumed = train(asking(tmp_path / "killed", "on_gap", above=9))
    assert len(whole.schedule.seen) == 4
    assert resumed.schedule.seen == whole.schedule.seen


RUN = Run({"error": "lower"})


class Seen(dict):
    """An epoch that notes which of its numbers are read"""

    def __getitem__(self, key):
        """Notes it"""
        self.read.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("name", ASKED)
def test_a_recipe_that_counts_nothing_has_no_conditions_on_macs(name, tmp_path):
    when = read(name, ASKED[name])
    Seen.read, keys = set(), (*FACTS, *when.metrics, "loss")
    when.is_due([Seen.fromkeys(keys, n) for n in range(1, 10)], RUN)
    assert ("macs" in Seen.read) == ("macs" in when.needs)
    stats = {"loss": 1.0, "error": 9}
    brain = asking(tmp_path, name)
    if "macs" in when.needs:
        with pytest.raises(GrowthError, match="nothing was counted"):
            brain.decide_growth(2, stats)
    elif not set(when.metrics) & {*MEASURES}:
        brain.decide_growth(2, stats)
        assert brain.schedule.last["macs"] == 0


def test_a_task_that_does_not_begin_is_refused_before_training(tmp_path):
    growth = [{"on_task": "each", "rnn_neurons": 9}]
    brain = toy(tmp_path, growth=growth)
    with pytest.raises(GrowthError, match="task is each, but the run has 1"):
        train(brain)
    assert brain.history == []


def test_a_growth_on_a_task_comes_before_its_first_epoch(tmp_path):
    assert grown_after(train(asking(tmp_path, "on_task"))) == 2
