"""Tests for streams of utterances, and for what recordings go through

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch

from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth import Accents, Channels, GrowthError, task_loader
from speechbrain_growth.continual.sampling import batches_of
from speechbrain_growth.data.channels import CHANNELS, noise, room, telephone

RATE = 16000


def speech(number=8, region="DR{}"):
    """Utterances of as many regions, with waveforms of their own"""
    data = DynamicItemDataset(
        {
            f"u{n}": {
                "wav": f"{{data_root}}/TRAIN/{region.format(n % 4 + 1)}/S/{n}.WAV",
                "sig": torch.sin(0.1 * (n + 1) * torch.arange(400.0)),
            }
            for n in range(number)
        }
    )
    data.set_output_keys(["id", "sig"])
    return data


def test_each_task_has_the_speakers_of_its_regions():
    stream = Accents([["DR1", "dr3"], ["DR2"]])
    dataset = stream.of({"train": speech()})["train"]
    names = [
        [dataset[int(i)]["id"] for i in indices] for indices in dataset.tasks
    ]
    assert names == [["u0", "u2", "u4", "u6"], ["u1", "u5"]]


def test_a_batch_is_padded_and_knows_its_task():
    stream = Channels(["clean", "telephone"])
    dataset = stream.of({"train": speech(3)})["train"]
    loader = task_loader(dataset, 2, collate_fn=PaddedBatch)
    batches_of(loader).chosen = (2,)
    found = list(loader)
    assert [batch.task.tolist() for batch in found] == [[2, 2], [2]]
    assert found[0].sig.data.shape == (2, 400)
    alone = telephone(speech(3)[0]["sig"], 0, RATE)
    assert torch.equal(found[0].sig.data[0], alone)


def test_samples_are_the_same_each_time_and_in_the_order_of_the_data():
    stream = Channels(["clean", "noise"], samples=3, seed=1)
    one, other = (stream.of({"train": speech()})["train"] for _ in range(2))
    assert one.rows == other.rows and len(one) == 6
    assert one.rows[:3] == sorted(one.rows[:3])
    assert torch.equal(one[4]["sig"], other[4]["sig"])


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_gives_the_same_each_time_and_keeps_the_length(name):
    wave = torch.randn(5000, generator=torch.Generator().manual_seed(1))
    state = torch.get_rng_state()
    one, again, other = (CHANNELS[name](wave, s, RATE) for s in (3, 3, 4))
    assert torch.equal(one, again) and one.shape == wave.shape
    drawn = name in ("noise", "room")
    assert torch.equal(one, other) != drawn
    assert torch.equal(torch.get_rng_state(), state)


def test_noise_has_its_level_and_a_telephone_its_band():
    time = torch.arange(RATE) / RATE
    low, inside = (torch.sin(2 * math.pi * f * time) for f in (200, 1000))
    added = noise(inside, 1, RATE) - inside
    level = 10 * math.log10(inside.square().mean() / added.square().mean())
    assert level == pytest.approx(10, abs=1e-3)
    torch.testing.assert_close(
        telephone(low + inside, 0, RATE), inside, atol=1e-3, rtol=0
    )


def test_a_room_rings_and_is_as_loud():
    wave = torch.zeros(RATE)
    wave[0] = 1.0
    heard = room(wave, 5, RATE)
    assert heard.norm() == pytest.approx(1.0, abs=1e-3)
    early, late = heard[: RATE // 10].norm(), heard[-RATE // 2 :].norm()
    assert early > 10 * late and heard[1:].norm() > 0.1


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: Accents([]), "regions is"),
        (lambda: Accents(["DR1"]), "regions is"),
        (lambda: Channels(["clean", "radio"]), "use some of clean, noise"),
        (
            lambda: Accents([["DR1"], ["DR9"]]).of({"train": speech()}),
            "task 2 has 0 utterances",
        ),
        (
            lambda: Accents([["DR1"]]).of({"train": speech(2, "X{}")}),
            "in no folder of a dialect region",
        ),
        (
            lambda: Channels(["clean"], samples=9).of({"train": speech()}),
            "task 1 has 8 utterances to train on, but samples is 9",
        ),
    ],
)
def test_a_mistake_is_named(wrong, message):
    with pytest.raises(GrowthError, match=message):
        wrong()
