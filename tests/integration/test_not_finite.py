"""NaN in the data is shown, named, and never blamed on a growth or saved.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
from growing_run import ToyBrain, data, toy, train, train_log

import speechbrain as sb
from speechbrain_growth import GrowthError
from speechbrain_growth.training.checks.suspects import not_finite

NAN = float("nan")


def poisoned(example, batches=3, seed=0):
    """The toy's data with one number that is none."""
    dataset = data(batches, seed)
    dataset.tensors[0][example, 3, 2] = NAN
    return dataset


def fit(brain, train_set, valid_set):
    """Trains on these data, in the order that they have."""
    brain.fit(
        brain.hparams.epoch_counter,
        train_set,
        valid_set,
        train_loader_kwargs={"batch_size": 4},
        valid_loader_kwargs={"batch_size": 4},
    )
    return brain


def message(brain, train_set, valid_set):
    """How a run ends that must not end well."""
    with pytest.raises(GrowthError) as caught:
        fit(brain, train_set, valid_set)
    return str(caught.value)


def saved(brain):
    """What is not finite in the checkpoints of a run."""
    broken = []
    for checkpoint in brain.checkpointer.list_checkpoints():
        for name in ("model", "output"):
            state = torch.load(checkpoint.paramfiles[name])
            broken += [k for k, t in state.items() if not t.isfinite().all()]
    return broken


@pytest.mark.parametrize("growth", [[], None])
@pytest.mark.parametrize("interval", [0, 1])
def test_training_data_end_the_run(growth, interval, tmp_path):
    options = {} if growth is None else {"growth": growth}
    run_opts = {"ckpt_interval_steps": interval}
    brain = toy(tmp_path, run_opts=run_opts, **options)
    text = message(brain, poisoned(6), data(2, seed=1))
    assert (
        "tensors of the model" in text and "of epoch 1 are not finite" in text
    )
    assert "The loss at step 2 of epoch 1 is nan" in text
    assert "not finite, in example 3." in text
    assert not_finite(brain.modules) and not saved(brain)


def test_sound_data_end_well(tmp_path):
    brain = fit(toy(tmp_path), data(), data(2, seed=1))
    assert brain.hparams.epoch_counter.current == 4 and not brain.blamed


def test_the_batch_is_named_when_patience_ends(tmp_path):
    brain = toy(tmp_path, run_opts={"nonfinite_patience": 0}, growth=[])
    text = message(brain, poisoned(6), data(2, seed=1))
    assert "--nonfinite_patience is 0. The loss at step 2 of epoch 1" in text
    assert "in example 3. Mend or leave out such data" in text


def test_after_a_growth_the_data_are_blamed(tmp_path, monkeypatch):
    """The first batch that is not finite comes right after the growth."""
    brain = toy(tmp_path)
    forward = ToyBrain.compute_forward

    def compute_forward(self, batch, stage):
        if stage == sb.Stage.TRAIN and self.schedule.on_trial:
            batch[0][1, 0, 0] = NAN
        return forward(self, batch, stage)

    monkeypatch.setattr(ToyBrain, "compute_forward", compute_forward)
    text = message(brain, data(), data(2, seed=1))
    assert "loss at step 1 of epoch 3 is nan" in text and "example 2" in text
    assert "The growth before it is not the reason" in text
    assert all(entry["grown"] for entry in brain.growth_log.read())
    assert not saved(brain)


def test_overflow_after_a_growth_is_its_own(tmp_path, monkeypatch):
    """Weights that overflow although losses and gradients are finite."""
    brain = toy(tmp_path)
    brain.schedule.on_drift = "continue"
    step = ToyBrain.optimizers_step

    def optimizers_step(self):
        step(self)
        if self.schedule.on_trial and self.step == 3:
            next(self.modules.parameters()).data.fill_(math.inf)

    monkeypatch.setattr(ToyBrain, "optimizers_step", optimizers_step)
    train(brain)
    (entry,) = brain.growth_log.read()
    assert not entry["grown"] and "are not finite" in entry["diverged"]
    assert not not_finite(brain.modules) and not saved(brain)


@pytest.mark.parametrize("growth", [[], [{"after_epoch": 2, "rnn_neurons": 9}]])
def test_validation_data_are_logged_as_they_are(growth, tmp_path, caplog):
    brain = toy(tmp_path, growth=growth)
    fit(brain, data(), poisoned(5, 2, 1))  # in the second batch
    assert train_log(brain).count("valid loss: nan") == 4
    losses = [stats["loss"] for stats in brain.history]
    assert len(losses) == 4 and all(map(math.isnan, losses))
    for epoch in range(1, 5):
        assert (
            f"step 2 of the validation of epoch {epoch} is nan; its batch "
            "holds numbers that are not finite, in example 2" in caplog.text
        )
    assert [e["grown"] for e in brain.growth_log.read()] == [True] * len(growth)


def test_the_probe_blames_the_data(tmp_path):
    brain = toy(tmp_path)
    text = message(brain, data(), poisoned(2, 2, 1))  # in the first batch
    assert "the present one's outputs" in text and "in example 3" in text
    assert "rolled back" not in text and not brain.growth_log.read()
    # The same command goes on, once the data are mended
    brain = fit(toy(tmp_path), data(), data(2, seed=1))
    assert brain.schedule.sizes["rnn_neurons"] == 9


def test_no_plateau_is_made_of_nan(tmp_path):
    wait = {"metric": "loss", "patience": 1, "min_delta": 9.0}
    growth = [{"on_plateau": wait, "rnn_neurons": 9}]
    sound = fit(toy(tmp_path / "a", growth=growth), data(), data(2, seed=1))
    broken = fit(toy(tmp_path / "b", growth=growth), data(), poisoned(5, 2, 1))
    sizes = [b.schedule.sizes["rnn_neurons"] for b in (sound, broken)]
    assert sizes == [9, 6]


def test_a_test_names_them_too(tmp_path, caplog):
    brain = fit(toy(tmp_path, growth=[]), data(), data(2, seed=1))
    options = {"batch_size": 4}
    loss = brain.evaluate(poisoned(7, 2, 1), test_loader_kwargs=options)
    assert math.isnan(loss)
    assert "step 2 of the test is nan" in caplog.text
    assert "in example 4" in caplog.text


def test_the_mean_is_what_it_is(tmp_path):
    brain = toy(tmp_path)
    brain.modules.eval()
    for losses in (
        [1.0, 2.0, 4.5],
        [1.0, math.inf, 2.0],
        [NAN, 1.0],
        [1.0, NAN],
    ):
        average = 0.0
        for brain.step, loss in enumerate(losses, start=1):
            average = brain.update_average(torch.tensor(loss), average)
        expected = torch.tensor(losses).mean().item()
        assert average == expected or math.isnan(average) == math.isnan(
            expected
        )
