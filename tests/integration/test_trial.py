"""A growth after which training breaks down is taken back.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
from growing_run import ToyBrain, at, toy, train, train_log, weights

import speechbrain as sb
from speechbrain_growth import GrowthError
from speechbrain_growth.measure.events import read_events
from speechbrain_growth.training import probing


def poison(monkeypatch, what, epoch, step, where=sb.Stage.TRAIN, above=6):
    """Makes a loss or its gradient not finite, at one step of large models."""
    objectives = ToyBrain.compute_objectives

    def poisoned(self, predictions, batch, stage):
        loss = objectives(self, predictions, batch, stage)
        now = self.hparams.epoch_counter.current, self.step
        large = self.schedule.sizes["rnn_neurons"] > above
        if stage == where and large and now == (epoch, step):
            if what == "gradient":
                loss.register_hook(lambda gradient: gradient * math.inf)
            else:
                loss = loss * float(what)
        return loss

    monkeypatch.setattr(ToyBrain, "compute_objectives", poisoned)


def careful(folder, **options):
    """A toy that continues without a growth that breaks down."""
    brain = toy(folder, **options)
    brain.schedule.on_drift = "continue"
    return brain


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A run whose growth is refused before it happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "drift", lambda *outputs: 0.25)
        return train(careful(tmp_path_factory.mktemp("refused")))


def same(brain, refused):
    """Asserts that a run ended as if it had never grown."""
    expected, found = weights(refused), weights(brain)
    assert list(expected) == list(found)
    for name in expected:
        assert torch.equal(expected[name], found[name]), name
    assert train_log(brain) == train_log(refused)
    assert brain.schedule.sizes == refused.schedule.sizes


@pytest.mark.parametrize("what", ["nan", "inf", "gradient"])
@pytest.mark.parametrize("step, interval", [(1, 0), (3, 1)])
def test_it_continues_as_if_there_had_been_no_growth(
    what, step, interval, refused, tmp_path, monkeypatch, caplog
):
    poison(monkeypatch, what, epoch=3, step=step)
    options = {"ckpt_interval_steps": interval}
    brain = train(careful(tmp_path, run_opts=options))
    same(brain, refused)
    (entry,) = brain.growth_log.read()
    events = read_events(tmp_path / "run_log.jsonl")
    (event,) = [e for e in events if e["event"] == "growth"]
    for line in (entry, event):
        assert line["grown"] is False
        assert f"at step {step} of epoch 3 is not finite" in line["diverged"]
        assert ("the loss" in line["diverged"]) == (what != "gradient")
    assert "was rolled back: the " in caplog.text


@pytest.mark.parametrize("what", ["nan", "inf"])
def test_a_validation_takes_it_back_as_well(
    what, refused, tmp_path, monkeypatch, caplog
):
    poison(monkeypatch, what, epoch=3, step=2, where=sb.Stage.VALID)
    options = {"run_opts": {"ckpt_interval_steps": 1}}
    train(careful(tmp_path, kill=at("epoch 3 step 3"), **options))
    brain = train(careful(tmp_path, **options))
    same(brain, refused)
    (entry,) = brain.growth_log.read()
    expected = "the loss at step 2 of the validation of epoch 3 is not finite"
    assert entry["diverged"] == expected and expected in caplog.text


def test_a_validation_that_never_was_finite_says_nothing(tmp_path, monkeypatch):
    """Then an utterance is to blame, and no growth."""
    objectives = ToyBrain.compute_objectives

    def compute_objectives(self, predictions, batch, stage):
        loss = objectives(self, predictions, batch, stage)
        return loss / (stage == sb.Stage.TRAIN)

    monkeypatch.setattr(ToyBrain, "compute_objectives", compute_objectives)
    brain = train(careful(tmp_path))
    assert brain.schedule.sizes["rnn_neurons"] == 9


def test_it_stops_unless_on_drift_is_continue(tmp_path, monkeypatch):
    poison(monkeypatch, "nan", epoch=3, step=2)
    for _ in range(2):  # the same command stops in the same place
        brain = toy(tmp_path, run_opts={"ckpt_interval_steps": 1})
        with pytest.raises(GrowthError, match="rolled back: the loss at step"):
            train(brain)
        assert brain.schedule.sizes["rnn_neurons"] == 6
    brain = careful(tmp_path, run_opts={"ckpt_interval_steps": 1})
    assert train(brain).hparams.epoch_counter.current == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["epoch 3 step 1", "epoch 3 saved", "epoch 4 step 1"]
)
def test_a_kill_around_it_changes_nothing(
    moment, refused, tmp_path, monkeypatch
):
    poison(monkeypatch, "nan", epoch=3, step=2)
    options = {"run_opts": {"ckpt_interval_steps": 1}}
    train(careful(tmp_path, kill=at(moment), **options))
    same(train(careful(tmp_path, **options)), refused)


def test_the_refusal_is_on_the_disk_at_once(refused, tmp_path, monkeypatch):
    poison(monkeypatch, "nan", epoch=3, step=2)
    moments = []

    def kill(name):
        """Kills at the second try of the third epoch's first step."""
        moments.append(name)
        if moments.count("epoch 3 step 1") == 2:
            at(name)(name)

    train(careful(tmp_path, kill=kill))
    monkeypatch.undo()
    resumed = train(careful(tmp_path))
    assert "grown" not in moments[moments.index("epoch 3 step 1") :]
    same(resumed, refused)


def test_a_growth_before_the_first_epoch_is_taken_back(tmp_path, monkeypatch):
    growth = [{"after_epoch": 0, "rnn_neurons": 7}]
    poison(monkeypatch, "nan", epoch=1, step=3)
    options = {"run_opts": {"ckpt_interval_steps": 1}}
    brain = train(careful(tmp_path / "grown", growth=growth, **options))
    monkeypatch.setattr(probing, "drift", lambda *outputs: 0.25)
    same(brain, train(careful(tmp_path / "refused", growth=growth)))


def test_only_the_last_growth_is_taken_back(tmp_path, monkeypatch):
    growth = [
        {"after_epoch": 1, "rnn_neurons": 7},
        {"after_epoch": 2, "rnn_neurons": 8},
    ]
    poison(monkeypatch, "nan", epoch=3, step=1, above=7)
    brain = train(careful(tmp_path, growth=growth))
    assert brain.schedule.sizes["rnn_neurons"] == 7
    assert [line["grown"] for line in brain.growth_log.read()] == [True, False]


def test_later_epochs_are_not_on_trial(tmp_path, monkeypatch):
    """There, weights that are not finite end the run, and losses do not."""
    poison(monkeypatch, "nan", epoch=4, step=1, where=sb.Stage.VALID)
    brain = train(careful(tmp_path / "valid"))
    assert brain.schedule.sizes["rnn_neurons"] == 9
    assert math.isnan(brain.history[-1]["loss"])
    poison(monkeypatch, "nan", epoch=4, step=1)
    brain = careful(tmp_path / "train")
    with pytest.raises(GrowthError, match="step 1 of epoch 4 is nan"):
        train(brain)
    assert brain.schedule.sizes["rnn_neurons"] == 9


def test_without_a_checkpoint_it_says_so(tmp_path, monkeypatch):
    poison(monkeypatch, "nan", epoch=3, step=1)
    brain = careful(tmp_path)
    brain.checkpointer.find_checkpoint = lambda *args, **kwargs: None
    with pytest.raises(GrowthError, match=r"growth\[0\]: the loss.*go back to"):
        train(brain)
