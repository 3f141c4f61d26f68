"""A run that is stopped and started again equals one that was not.

Dropout is on, and numbers are drawn from every generator there is.

Authors
 * The speechbrain_growth authors 2026
"""

import random

import growing_run
import numpy as np
import pytest
import torch
from growing_run import at, data, toy, train, train_log, weights
from torch.utils.data import DataLoader, IterableDataset

from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.nnet.RNN import LiGRU
from speechbrain_growth.nnet import walk_in_c
from speechbrain_growth.resume.batches import Batches
from speechbrain_growth.resume.dropout_masks import places
from speechbrain_growth.resume.randomness import Randomness

STOPS = ["epoch 2 step 2", "epoch 3 step 1"]  # before and after the growth


class Crops(torch.utils.data.Dataset):
    """The toy's frames, changed at random where they are read."""

    def __init__(self):
        self.frames = data()

    def __len__(self):
        return len(self.frames)

    def __getitem__(self, index):
        inputs, targets = self.frames[index]
        noise = random.random() + np.random.rand() + torch.rand(1)
        return inputs + 0.1 * noise, targets


def plain():
    """A loader made by hand; its order comes from the global generator."""
    return DataLoader(data(), batch_size=4, shuffle=True)


def own_generator():
    """A loader with a generator of its own."""
    generator = torch.Generator().manual_seed(3)
    return DataLoader(data(), batch_size=4, shuffle=True, generator=generator)


def crops():
    """A loader that draws where it reads."""
    return DataLoader(Crops(), batch_size=4, shuffle=True)


def workers():
    """The same in two processes."""
    return DataLoader(Crops(), batch_size=4, shuffle=True, num_workers=2)


def buckets(num_workers=0):
    """A loader of batches of similar lengths, whose order is the epoch's."""
    lengths = [1 + number % 3 for number in range(len(data()))]
    sampler = DynamicBatchSampler(data(), 9, 3, lengths_list=lengths)
    return DataLoader(Crops(), batch_sampler=sampler, num_workers=num_workers)


def buckets_and_workers():
    """The same in two processes."""
    return buckets(num_workers=2)


def same(resumed, whole):
    """Asserts that two runs ended alike."""
    expected, found = weights(whole), weights(resumed)
    assert list(expected) == list(found)
    for name in expected:
        assert torch.equal(expected[name], found[name]), name
    assert train_log(resumed) == train_log(whole)
    assert train_log(resumed).count("epoch") == 4


@pytest.mark.parametrize(
    "loader, interval",
    [(plain, 1), (crops, 1)]
    + [
        pytest.param(loader, interval, marks=pytest.mark.slow)
        for loader, interval in (
            *((own_generator, 0), (own_generator, 1)),
            *((workers, 0), (workers, 1)),
            *((buckets, 1), (buckets_and_workers, 1)),
        )
    ],
)
def test_any_loader_resumes_where_it_stopped(loader, interval, tmp_path):
    options = {"ckpt_interval_steps": interval}
    whole = train(toy(tmp_path / "whole", run_opts=options), loader())
    for moment in STOPS:
        brain = toy(tmp_path / "killed", kill=at(moment), run_opts=options)
        train(brain, loader())
    same(train(toy(tmp_path / "killed", run_opts=options), loader()), whole)


def test_accumulated_gradients_are_not_cut_in_two(tmp_path):
    options = {"ckpt_interval_steps": 1, "grad_accumulation_factor": 2}
    frames = data(5)
    whole = train(toy(tmp_path / "whole", run_opts=options), frames)
    for moment in ("epoch 2 step 4", "epoch 3 step 3"):
        brain = toy(tmp_path / "killed", kill=at(moment), run_opts=options)
        train(brain, frames)
    same(train(toy(tmp_path / "killed", run_opts=options), frames), whole)


def test_a_checkpoint_holds_plain_data(tmp_path):
    folder = train(toy(tmp_path)).checkpointer.find_checkpoint().path
    state = torch.load(folder / "randomness.ckpt", weights_only=True)
    assert len(state) == 1
    assert (folder / "logs.ckpt").read_text().startswith("train_log.txt: ")


def test_a_checkpoint_without_random_numbers_is_resumed(tmp_path):
    """One that stock SpeechBrain saved, say."""
    brain = train(toy(tmp_path, kill=at("epoch 2 saved")))
    folder = brain.checkpointer.find_checkpoint().path
    for name in ("randomness", "logs"):
        (folder / f"{name}.ckpt").unlink()
    again = train(toy(tmp_path))
    assert again.hparams.epoch_counter.current == 4


def test_evaluating_draws_nothing_back_and_cuts_no_log(tmp_path):
    brain = train(toy(tmp_path))
    log = brain.hparams.train_logger.save_file
    with open(log, "a", encoding="utf-8") as fout:
        fout.write("a note\n")
    random.seed(5)
    expected = random.getstate()
    brain.evaluate(DataLoader(data(2), batch_size=4), min_key="error")
    assert random.getstate() == expected
    assert open(log, encoding="utf-8").read().endswith("a note\n")


def test_what_a_run_without_a_checkpoint_logged_is_moved_and_kept(tmp_path):
    for _ in range(2):
        brain = train(toy(tmp_path, kill=at("epoch 1 before saving")))
    assert train_log(brain).count("epoch") == 1
    old = f"{brain.hparams.train_logger.save_file}.old"
    assert open(old, encoding="utf-8").read().count("epoch") == 1
    train(toy(tmp_path, kill=at("epoch 1 before saving")))
    assert open(old, encoding="utf-8").read().count("epoch") == 2


def test_more_processes_than_before_keep_their_own_numbers(
    tmp_path, monkeypatch
):
    randomness = Randomness(torch.nn.ModuleDict())
    randomness._save(tmp_path / "randomness.ckpt")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    randomness._load(tmp_path / "randomness.ckpt")
    own = random.getstate()
    randomness.resume()
    assert random.getstate() == own


@pytest.mark.parametrize("threads, warned", [(1, False), (2, True)])
def test_another_number_of_threads_is_said(threads, warned, tmp_path, caplog):
    randomness = Randomness(torch.nn.ModuleDict())
    randomness._save(tmp_path / "randomness.ckpt")
    randomness._load(tmp_path / "randomness.ckpt")
    try:
        torch.set_num_threads(threads)
        randomness.resume()
    finally:
        torch.set_num_threads(1)
    words = "made with 1 CPU threads, this run has 2;"
    assert (words in caplog.text) == warned


@pytest.mark.parametrize(
    "before, now, warned",
    [
        ("C 0123", "C 0123", False),
        ("C 0123", "torch", True),
        ("torch", "C 0123", True),
        ("C 0123", "C 4567", True),
        ("C 0123", "", False),  # on a GPU, say
        (None, "C 0123", False),  # a checkpoint of an earlier version
    ],
)
def test_another_code_is_said(before, now, warned, tmp_path, caplog):
    layers = torch.nn.ModuleList([torch.nn.Linear(1, 1) for _ in range(3)])
    layers[1].computed_in = lambda: before or ""
    layers[2].computed_in = lambda: ""
    randomness = Randomness(layers)
    randomness._save(tmp_path / "randomness.ckpt")
    if before is None:
        (state,) = torch.load(tmp_path / "randomness.ckpt")
        del state["code"]
        torch.save([state], tmp_path / "randomness.ckpt")
    randomness._load(tmp_path / "randomness.ckpt")
    layers[1].computed_in = lambda: now
    randomness.resume()
    line = (
        f"The checkpoint was computed with the Li-GRU in {before}, this run "
        f"has it in {now}; its results will differ in their last digits"
    )
    assert caplog.messages == [line] * warned


def test_a_run_says_that_its_recurrence_is_computed_otherwise(
    tmp_path, monkeypatch, caplog
):
    ours = "    rnn_class: !name:speechbrain_growth.LiGRU\n    rnn_layers:"
    text = growing_run.YAML.replace("    rnn_layers:", ours)
    monkeypatch.setattr(growing_run, "YAML", text)
    brain = train(toy(tmp_path, kill=at("epoch 2 step 2")))
    before = brain.modules.model.RNN.rnn[0].computed_in()
    train(toy(tmp_path, kill=at("epoch 2 step 2")))
    assert "last digits" not in caplog.text
    monkeypatch.setattr(walk_in_c, "kernel", lambda *_: None)
    train(toy(tmp_path, kill=at("epoch 3 step 1")))
    words = f"with the Li-GRU in {before}, this run has it in torch"
    assert (words in caplog.text) == (before != "torch")


def test_layers_resume_with_the_next_mask():
    layer = LiGRU(input_shape=(4, 5, 3), hidden_size=8, dropout=0.5)
    state, inputs = Randomness(layer), torch.rand(4, 5, 3)
    layer(inputs)
    found = places(layer)
    assert found == [[4, 4]]
    layer(inputs[:2])
    assert places(layer) == [[6, 2]] and state.modules is layer


@pytest.mark.cuda
def test_numbers_of_the_gpu_are_kept(tmp_path):
    torch.rand(1, device="cuda")
    randomness = Randomness(torch.nn.ModuleDict())
    randomness._save(tmp_path / "randomness.ckpt")
    drawn = torch.rand(3, device="cuda")
    randomness._load(tmp_path / "randomness.ckpt")
    randomness.resume()
    assert torch.equal(torch.rand(3, device="cuda"), drawn)


class Stream(IterableDataset):
    """Two examples, one after the other."""

    def __iter__(self):
        return iter([1, 2])


def test_an_epoch_may_have_fewer_batches_than_were_used():
    loader = DataLoader(Stream(), batch_size=1)
    randomness = Randomness(torch.nn.ModuleDict())
    assert list(Batches(loader, randomness, done=100)) == []
