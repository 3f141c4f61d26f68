"""What is found before the first epoch, and that looking leaves no trace.

Authors
 * The speechbrain_growth authors 2026
"""

import random

import numpy as np
import pytest
import torch
from growing_run import ToyBrain, data, toy, train, train_log, weights
from torch.utils.data import DataLoader

from speechbrain.nnet.schedulers import LinearScheduler
from speechbrain_growth import GrowthError
from speechbrain_growth.resume.randomness import snapshot
from speechbrain_growth.training import copies, starting

PLATEAU = {"on_plateau": {"metric": "PER"}, "rnn_neurons": 7}
DATE = {"after_epoch": 1, "rnn_neurons": 8}


def restless(self, batch, stage):
    """Validates with random numbers, and changes all that it sees."""
    self.hparams.counted["times"] += 1
    self.seen = getattr(self, "seen", 0) + 1
    self.modules.output.w.bias.data += 0.01 * random.random()
    for buffer in self.modules.model.buffers():
        buffer.add_(round(np.random.rand()))
    batch = [batch[0] + 0.1 * torch.randn_like(batch[0]), batch[1]]
    return super(ToyBrain, self).evaluate_batch(batch, stage)


def restless_run(folder):
    """What such a run leaves, and the state of all random numbers."""
    random.seed(3)
    np.random.seed(3)
    brain = toy(folder)
    brain.schedule.tolerance = 1.0  # what changes by itself does drift
    brain.hparams.counted = {"times": 0}
    brain.hparams.cannot_be_copied = (number for number in range(9))
    generator = torch.Generator().manual_seed(5)
    options = {"batch_size": 4, "shuffle": True}
    valid = DataLoader(data(2, seed=1), generator=generator, **options)
    brain.fit(
        brain.hparams.epoch_counter,
        data(),
        valid,
        train_loader_kwargs=options,
    )
    facts = [brain.hparams.counted, brain.seen, brain.history, train_log(brain)]
    return weights(brain), facts, snapshot([generator])


def same(one, other):
    """Whether two nested results are equal, to the bit."""
    if isinstance(one, dict):
        one, other = list(one.items()), list(other.items())
    if isinstance(one, (list, tuple)):
        pairs = zip(one, other)
        return len(one) == len(other) and all(same(*pair) for pair in pairs)
    return torch.equal(one, other) if torch.is_tensor(one) else one == other


def test_a_run_is_the_same_to_the_bit_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyBrain, "evaluate_batch", restless, raising=False)
    tried, real = [], starting.trial_stats
    monkeypatch.setattr(
        starting, "trial_stats", lambda *given: tried.append(real(*given))
    )
    checked = restless_run(tmp_path / "checked")
    assert tried[0].keys() == {"loss", "error"}
    monkeypatch.setattr(starting, "trial_stats", lambda *given: None)
    without = restless_run(tmp_path / "without")
    assert checked[1][:2] == without[1][:2] == [{"times": 10}, 10]
    assert same(checked, without)


def test_the_copies_share_no_tensor_and_no_number(tmp_path):
    brain = toy(tmp_path)
    brain.hparams.counted = brain.also = counted = {"times": 0}
    held = {**vars(brain)}, {**vars(brain.hparams)}
    own = {t.data_ptr() for t in brain.modules.state_dict().values()}
    with copies.on_copies(brain):
        assert brain.also is brain.hparams.counted is not counted
        model = brain.modules.model
        assert model is brain.raw_modules.model is brain.hparams.model
        assert model is brain.transition.modules()["model"]
        copied = {t.data_ptr() for t in brain.modules.state_dict().values()}
        assert copied and not own & copied
        for name in ("schedule", "meter", "growth_log"):
            assert vars(brain)[name] is not held[0][name]
        for name in ("blueprint", "checkpointer"):
            assert vars(brain)[name] is held[0][name]
    for holder, before in zip((brain, brain.hparams), held):
        assert vars(holder).keys() == before.keys()
        assert all(vars(holder)[name] is before[name] for name in before)


def test_functions_that_know_the_brain_are_tried_as_well(tmp_path):
    brain = toy(tmp_path)
    known = brain.compute_objectives
    brain.compute_objectives = lambda *one, **two: 2 * known(*one, **two)
    assert train(brain).hparams.epoch_counter.current == 4


def refused(brain):
    """The message of a run that does not start, or ends after an epoch."""
    with pytest.raises(GrowthError) as caught:
        train(brain)
    return str(caught.value)


def test_a_metric_that_no_validation_gives_is_found_before_training(tmp_path):
    brain = toy(tmp_path, growth=[DATE, {**PLATEAU, "rnn_neurons": 9}])
    assert refused(brain) == (
        "growth[1] (on_plateau PER): there is no metric 'PER'; let "
        "ToyBrain.valid_stats return it, or name one that it returns: loss, "
        "error"
    )
    assert brain.optimizer_step == 0 and not hasattr(brain, "optimizer")
    left = {path.name for path in tmp_path.rglob("*")}
    assert left == {"run.lock", "save", "toy.yaml"}


def test_a_metric_that_is_reported_in_the_yaml_only_is_found(tmp_path):
    brain = toy(tmp_path, growth=[DATE])
    brain.schedule.reports = ("loss", "PER")
    assert refused(brain) == (
        "growth_schedule: reports names 'PER', but ToyBrain.valid_stats returns "
        "loss, error; let both be the same"
    )


# A recipe may leave valid_stats out: what decide_growth is given counts then


def give(monkeypatch, stats):
    """Lets the recipe have no valid_stats, and give its metrics itself."""
    monkeypatch.delattr(ToyBrain, "valid_stats")
    decide = ToyBrain.decide_growth

    def decide_growth(self, epoch, given):
        """With more metrics, after a validation."""
        if epoch:
            given.update(stats)
        decide(self, epoch, given)

    monkeypatch.setattr(ToyBrain, "decide_growth", decide_growth)


def test_a_recipe_without_valid_stats_grows_by_its_metrics(
    tmp_path, monkeypatch
):
    give(monkeypatch, {"PER": 1.0, "error": 1.0})
    goal = {"metric": "PER", "goal": 0.5, "after": 1, "better": "lower"}
    early = {"after_epoch": 0, "dnn_neurons": 10}
    brain = toy(
        tmp_path, growth=[early, {"on_missed_goal": goal, "rnn_neurons": 7}]
    )
    first, second = train(brain).growth_log.read()
    assert first["valid_before"].keys() == {"loss"}  # measured, no epoch yet
    before, after = second["valid_before"], second["valid_after"]
    assert before["PER"] == 1.0
    assert after == {"loss": pytest.approx(before["loss"])}
    words = brain.growth_log.in_words().splitlines()[-1]
    assert "PER 1.00e+00 -> not measured" in words


@pytest.mark.parametrize(
    "growth, stats, message",
    [
        (
            PLATEAU,
            {"error": 1.0},
            "growth[1] (on_plateau PER): there is no metric 'PER'; let "
            "ToyBrain.on_stage_end give it to decide_growth, or name one that "
            "it gives: loss, error",
        ),
        (
            DATE,
            {"error": {"sum": 1}},
            "ToyBrain.on_stage_end gives {'sum': 1} as 'error' to "
            "decide_growth; it must be a number",
        ),
    ],
)
def test_without_valid_stats_metrics_are_checked_after_the_first_validation(
    growth, stats, message, tmp_path, monkeypatch
):
    give(monkeypatch, stats)
    last = {**growth, "dnn_neurons": 9}
    brain = toy(tmp_path, growth=[{**DATE, "after_epoch": 2}, last])
    assert refused(brain) == message
    assert brain.hparams.epoch_counter.current == 1


def test_metrics_that_a_growth_could_not_measure_are_refused(
    tmp_path, monkeypatch
):
    """They end in a KeyError in the middle of the growth otherwise."""
    decide = ToyBrain.decide_growth
    monkeypatch.setattr(
        ToyBrain,
        "decide_growth",
        lambda self, epoch, stats: decide(self, epoch, {**stats, "PER": 1.0}),
    )
    assert refused(toy(tmp_path, growth=[DATE])) == (
        "ToyBrain.on_stage_end: decide_growth is given loss, error, PER, but "
        "valid_stats returns error, loss; write in on_stage_end\n"
        "    stats = self.valid_stats(stage_loss)\n"
        "    self.decide_growth(epoch, stats)\n"
        "and let ToyBrain.valid_stats return all metrics"
    )


@pytest.mark.parametrize(
    "stats, message",
    [
        (None, "returns None; it must be a dict of numbers"),
        ({"loss": "low"}, "returns 'low' as 'loss'; it must be a number"),
        (
            {"loss": torch.ones(2)},
            "returns tensor([1., 1.]) as 'loss'; it must be a number",
        ),
    ],
)
def test_stats_that_are_no_numbers_are_refused(
    stats, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(ToyBrain, "valid_stats", lambda self, loss: stats)
    expected = f"ToyBrain.valid_stats {message}"
    assert refused(toy(tmp_path, growth=[DATE])) == expected


@pytest.mark.parametrize("method", ["valid_stats", "evaluate_batch"])
@pytest.mark.parametrize("error", [ZeroDivisionError, AttributeError])
def test_a_recipe_that_cannot_validate_yet_is_left_alone(
    method, error, tmp_path, monkeypatch, caplog
):
    """A metric may need more than a batch, or something of the training."""
    real = getattr(ToyBrain, method)

    def later(self, *given, **named):
        """Fails in the trial."""
        if not self.optimizer_step:
            raise error("too early")
        return real(self, *given, **named)

    monkeypatch.setattr(ToyBrain, method, later)
    brain = train(toy(tmp_path, growth=[DATE], number_of_epochs=2))
    assert brain.modules.model.RNN.hidden_size == 8
    expected = f"before the first epoch ({error.__name__}: too early); so it"
    assert expected in caplog.text


class Large:
    """Cannot be copied on a machine that is too small."""

    def __deepcopy__(self, memo):
        raise MemoryError("too large")


def test_without_memory_for_copies_nothing_is_tried(tmp_path, caplog):
    brain = toy(tmp_path, growth=[DATE], number_of_epochs=2)
    brain.hparams.large = Large()
    with pytest.raises(MemoryError), copies.on_copies(brain):
        raise AssertionError("it works on what it could not copy")
    assert train(brain).modules.model.RNN.hidden_size == 8
    assert "(MemoryError: too large); so it is not known" in caplog.text


def test_without_a_batch_nothing_is_trained(tmp_path):
    brain = toy(tmp_path)
    with pytest.raises(GrowthError, match="valid_set has no batch; give it"):
        brain.fit(
            brain.hparams.epoch_counter, data(), DataLoader([], batch_size=4)
        )


def forget(monkeypatch):
    """Removes the line from the recipe."""
    monkeypatch.setattr(ToyBrain, "decide_growth", lambda *given: None)


def test_a_recipe_that_never_decides_is_told_which_line_to_add(
    tmp_path, monkeypatch
):
    forget(monkeypatch)
    brain = toy(tmp_path, growth=[{**DATE, "after_epoch": 3}])
    assert refused(brain) == (
        "ToyBrain.on_stage_end did not call decide_growth after the validation "
        "of epoch 1, so the model would never grow; add there, before the "
        "checkpoint is saved: self.decide_growth(epoch, stats)"
    )
    assert brain.hparams.epoch_counter.current == 1
    # The line added, the run resumes
    monkeypatch.undo()
    brain = train(toy(tmp_path, growth=[{**DATE, "after_epoch": 3}]))
    assert brain.modules.model.RNN.hidden_size == 8


def test_without_growths_it_need_not_decide(tmp_path, monkeypatch):
    forget(monkeypatch)
    monkeypatch.setattr(starting, "trial_stats", None)
    brain = train(toy(tmp_path, growth=[], number_of_epochs=1))
    assert brain.hparams.epoch_counter.current == 1


class Stream(torch.utils.data.IterableDataset):
    """The toy's frames, one after the other, nobody knows how many."""

    def __iter__(self):
        yield from data()


@pytest.mark.parametrize("factor", [3, 4])
def test_an_optimizer_that_never_steps_is_noticed(factor, tmp_path):
    options = {"grad_accumulation_factor": factor}
    stream = DataLoader(Stream(), batch_size=4)
    brain = toy(tmp_path, growth=[], number_of_epochs=1, run_opts=options)
    if factor == 3:  # an epoch has three batches
        assert train(brain, stream).optimizer_step == 1
        return
    with pytest.raises(GrowthError) as caught:
        train(brain, stream)
    assert str(caught.value) == (
        "--grad_accumulation_factor is 4, but epoch 1 ended before so many "
        "batches, and the optimizer took no step; use a smaller number"
    )


def test_without_training_data_nothing_begins(tmp_path):
    brain = toy(tmp_path, growth=[])
    with pytest.raises(GrowthError, match="train_set has no batch; give it"):
        train(brain, DataLoader(data(), batch_size=99, drop_last=True))


def test_a_scheduler_for_too_few_epochs_is_noticed(tmp_path):
    """Also in a recipe that calls it as stock recipes do."""
    brain = toy(tmp_path, growth=[])
    brain.hparams.lr_annealing = LinearScheduler(0.5, 0.1, 3)
    with pytest.raises(GrowthError, match="Scheduler fails after epoch 4 of 4"):
        train(brain)
    assert brain.hparams.epoch_counter.current == 0


def test_workers_that_stay_are_those_of_the_run(tmp_path, monkeypatch):
    """A worker that gave the trial its batch would have drawn numbers."""
    ended, real = [], starting.trial_stats

    def trial_stats(brain, loader):
        """Tries, and looks at the loader."""
        ended.append((real(brain, loader), loader._iterator))

    monkeypatch.setattr(starting, "trial_stats", trial_stats)
    brain = toy(tmp_path, number_of_epochs=3)
    options = {"batch_size": 4, "num_workers": 1, "persistent_workers": True}
    valid = DataLoader(data(2, seed=1), **options)
    loader = {"train_loader_kwargs": {"batch_size": 4}}
    brain.fit(brain.hparams.epoch_counter, data(), valid, **loader)
    ((stats, iterator),) = ended
    assert stats.keys() == {"loss", "error"} and iterator is None
