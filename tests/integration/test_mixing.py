"""AddNoise and AddReverb resume at their place in their lists.

Authors
 * The speechbrain_growth authors 2026
"""

import csv

import numpy as np
import pytest
import soundfile
import torch
from growing_run import ToyBrain, at, toy, train
from test_resuming import same

import speechbrain as sb
from speechbrain.augment.augmenter import Augmenter
from speechbrain.augment.time_domain import AddNoise, AddReverb
from speechbrain_growth.resume.noise_lists import mixers_of, places
from speechbrain_growth.resume.randomness import Randomness

STOPS = ["epoch 1 step 2", "epoch 2 step 1", "epoch 3 step 1"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A CSV of seven, so that batches of four end within the list."""
    folder = tmp_path_factory.mktemp("recordings")
    chance = np.random.default_rng(0)
    with open(folder / "list.csv", "w", encoding="utf-8", newline="") as fout:
        writer = csv.writer(fout)
        writer.writerow(["ID", "duration", "wav", "wav_format", "wav_opts"])
        for number in range(7):
            samples = chance.uniform(-1, 1, 300 + 10 * number)
            path = folder / f"{number}.wav"
            soundfile.write(path, samples, 16000)
            writer.writerow([number, len(samples) / 16000, path, "wav", ""])
    return str(folder / "list.csv")


def noises(path):
    """In an order of their own."""
    return AddNoise(path, snr_high=15)


def read_elsewhere(path):
    """The same, read by another process."""
    return AddNoise(path, snr_high=15, num_workers=1)


def reverb(path):
    """Room responses, one for a batch."""
    return AddReverb(path, sorting="original")


@pytest.fixture
def mixed(recordings, monkeypatch):
    """Runs the toy with recordings mixed in, until a moment or the end."""
    forward = ToyBrain.compute_forward

    def compute_forward(self, batch, stage):
        if stage == sb.Stage.TRAIN:
            flat, lengths = batch[0].flatten(1), torch.ones(len(batch[0]))
            wavs, _ = self.hparams.augment(flat, lengths)
            batch = [wavs.view_as(batch[0]), batch[1]]
        return forward(self, batch, stage)

    monkeypatch.setattr(ToyBrain, "compute_forward", compute_forward)

    def run(folder, way, interval, moment=None):
        options = {"ckpt_interval_steps": interval}
        brain = toy(folder, kill=moment and at(moment), run_opts=options)
        mixer = way(recordings)
        brain.hparams.augment = Augmenter(
            min_augmentations=1, max_augmentations=1, augmentations=[mixer]
        )
        train(brain)
        # Its process ends now; the garbage collector would wait 5 s for it
        for name in ("data_loader", "noise_data"):
            vars(mixer).pop(name, None)
        return brain

    return run


@pytest.mark.parametrize(
    "way, interval",
    [
        (noises, 1),
        pytest.param(noises, 0, marks=pytest.mark.slow),
        pytest.param(read_elsewhere, 1, marks=pytest.mark.slow),
        pytest.param(reverb, 1, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_mixes_in_the_same(way, interval, mixed, tmp_path):
    whole = mixed(tmp_path / "whole", way, interval)
    for moment in STOPS:
        mixed(tmp_path / "killed", way, interval, moment)
    same(mixed(tmp_path / "killed", way, interval), whole)


def test_what_has_not_begun_begins_anew(recordings, tmp_path):
    """As after a growth is taken back that came before any batch."""
    mixer = noises(recordings)
    randomness = Randomness(torch.nn.ModuleDict())
    randomness.mixers = mixers_of([mixer])
    wavs, lengths = torch.rand(2, 200), torch.ones(2)
    randomness._save(tmp_path / "randomness.ckpt")
    expected = mixer(wavs, lengths)
    assert places([mixer]) == [[2, 1]]
    randomness._load(tmp_path / "randomness.ckpt")
    randomness.resume()
    assert places([mixer]) == [None]
    assert torch.equal(mixer(wavs, lengths), expected)


def test_other_lists_than_the_checkpoint_knows(recordings, tmp_path, caplog):
    randomness = Randomness(torch.nn.ModuleDict())
    randomness._save(tmp_path / "randomness.ckpt")
    randomness.mixers = [noises(recordings)]
    randomness._load(tmp_path / "randomness.ckpt")
    randomness.resume()
    assert "has 0 lists of noises, the recipe 1;" in caplog.text
