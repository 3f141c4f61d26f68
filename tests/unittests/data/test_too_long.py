"""Tests for too many labels, against the CTC losses of torch and SpeechBrain

Authors
 * The speechbrain_growth authors 2026
"""

import random

import pytest
import torch

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.losses import ctc_loss
from speechbrain_growth.data.too_long import (
    frames_needed,
    leave_out,
    output_frames,
    refuse_too_long,
    too_long,
    unaligned,
)
from speechbrain_growth.errors import GrowthError

RATE = 16000
SMALL = {"input_size": 8, "cnn_channels": [2, 2], "rnn_layers": 1}
SMALL.update({"rnn_neurons": 3, "dnn_neurons": 5})


def has_alignment(frames, labels):
    """Whether torch's loss is finite"""
    log_probs = torch.zeros(frames, 1, 5).log_softmax(-1)
    targets = torch.tensor([labels])
    lengths = torch.tensor([frames]), torch.tensor([len(labels)])
    return torch.nn.functional.ctc_loss(log_probs, targets, *lengths).isfinite()


def draw_labels(draw, most=12):
    """Labels from 1 to 2 or 4, so that some or many are repeated"""
    highest = draw.choice([1, 2, 4])
    return [draw.randint(1, highest) for _ in range(draw.randint(1, most))]


@pytest.mark.parametrize("seed", range(5))
def test_fewer_frames_than_needed_have_no_finite_loss(seed):
    draw = random.Random(seed)
    for _ in range(60):
        labels = draw_labels(draw)
        needed = frames_needed(labels)
        assert has_alignment(needed, labels)
        if needed > 1:
            assert not has_alignment(needed - 1, labels)


@pytest.mark.parametrize("seed", range(5))
def test_those_without_a_finite_loss_are_found(seed):
    draw = random.Random(seed)
    # Any steps, as long as they do not go down
    steps = sorted(draw.randint(0, 20) for _ in range(30))
    utterances = {
        str(n): (draw.randrange(30), draw_labels(draw)) for n in range(200)
    }
    found = too_long(utterances, steps.__getitem__)
    assert 0 < len(found) < 200
    for name, (samples, labels) in utterances.items():
        frames = steps[samples]
        fine = frames >= 2 and has_alignment(frames, labels)
        assert fine == (name not in found), (frames, labels)


def test_few_lengths_are_tried():
    draw, tried = random.Random(0), set()
    utterances = {
        str(n): (draw.randrange(16000, 96000), draw_labels(draw, 60))
        for n in range(4000)
    }

    def frames(samples):
        tried.add(samples)
        return samples // 320

    assert len(too_long(utterances, frames)) == sum(
        samples // 320 < frames_needed(labels)
        for samples, labels in utterances.values()
    )
    assert len(tried) < 100 + 4000 // 10


@pytest.mark.parametrize("pooling", [True, False])
@pytest.mark.parametrize("hop", [10, 20])
def test_frames_are_those_of_the_real_model(hop, pooling):
    features = Fbank(n_mels=8, hop_length=hop)
    model = CRDNN(**SMALL, time_pooling=pooling)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    frames, draw = output_frames(features, model), random.Random(hop)
    utterances = {
        str(n): (draw.randrange(700, 3000), [1, *draw_labels(draw)])
        for n in range(60)
    }
    found = too_long(utterances, frames)
    assert 0 < len(found) < 60
    # Silence went through a copy
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    for name, (samples, labels) in utterances.items():
        with torch.no_grad():
            outputs = model.eval()(features(torch.randn(1, samples)))
        assert outputs.shape[1] == frames(samples)
        # A loss without an alignment counts as 0
        ones, targets = torch.ones(1), torch.tensor([labels])
        loss = ctc_loss(outputs.log_softmax(-1), targets, ones, ones, 0)
        assert (loss > 0) == (name not in found)


def test_audio_that_is_too_short_for_the_model_has_no_frames():
    frames = output_frames(Fbank(n_mels=8), CRDNN(**SMALL))
    assert frames(1) == 0 < frames(RATE)
    found = too_long({"a": (1, ["sil"]), "b": (RATE, ["sil"])}, frames)
    assert found == {
        "a": "needs 2 output frames, has 0 (labels: 1, samples: 1)"
    }


@pytest.mark.parametrize("seed", range(20))
def test_those_whose_loss_counts_as_0_are_found_in_a_batch(seed):
    draw = random.Random(seed)
    torch.manual_seed(seed)
    labels = [[1, *draw_labels(draw)] for _ in range(30)]
    most, longest = max(map(len, labels)), draw.randint(8, 20)
    targets = torch.zeros(30, most, dtype=torch.long)
    for row, line in zip(targets, labels):
        row[: len(line)] = torch.tensor(line)
    lens = torch.tensor([len(line) / most for line in labels])
    # Shares of the longest audio, which are no whole frames
    shares = torch.rand(30).clamp(min=2 / longest)
    log_probs = torch.randn(30, longest, 5).log_softmax(-1)
    batch = (log_probs, targets, shares, lens)
    losses = ctc_loss(*batch, 0, reduction="batch")
    found = unaligned(*batch)
    assert torch.equal(found, losses == 0)
    assert found.any() and not found.all()


def test_all_are_named_in_one_message():
    refuse_too_long({"train.json": {}, "valid.json": {}})
    found = {f"u{n}": "needs 9 output frames, has 3" for n in range(30)}
    with pytest.raises(GrowthError) as error:
        refuse_too_long({"train.json": {"a": "needs 2"}, "valid.json": found})
    advice = "correct it, or leave it out with --skip_too_long=True"
    assert error.value.problems[0] == f"train.json: a: needs 2; {advice}"
    assert error.value.problems[-1] == "valid.json: and 10 more"
    assert len(error.value.problems) == 22


def test_what_is_left_out_is_logged(caplog):
    data = DynamicItemDataset({name: {"phn": "s"} for name in "abcd"})
    assert leave_out("train.json", data, {}) is data and not caplog.text
    kept = leave_out("train.json", data, {"b": "too long", "d": "too long"})
    assert kept.data_ids == ["a", "c"]
    assert "train.json: left out 2 of 4 utterances" in caplog.text
    assert caplog.text.strip().endswith("b, d")


def test_one_utterance_at_least_must_be_left():
    data = DynamicItemDataset({"a": {"phn": "s"}})
    with pytest.raises(GrowthError, match="train.json: every utterance has mo"):
        leave_out("train.json", data, {"a": "too long"})
