"""Tests of batches of similar lengths, and of what they pad

Authors
 * The speechbrain_growth authors 2026
"""

import logging

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth.data.bucketing import bucketed, ordinary, padding
from speechbrain_growth.errors import GrowthError

LENGTHS = [3, 9, 4, 9, 3, 8, 4, 3]
LOADER = {"batch_size": 3, "num_workers": 1, "shuffle": True}
OPTIONS = {"max_batch_length": 20, "num_buckets": 8, "seed": 3}


def data():
    """A dataset of items with the lengths above"""
    return DynamicItemDataset(
        {str(n): {"duration": length} for n, length in enumerate(LENGTHS)}
    )


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_share_is_that_of_padded_tensors(shuffle):
    batches = ordinary(len(LENGTHS), {**LOADER, "shuffle": shuffle})
    assert sorted(sum(batches, [])) == list(range(len(LENGTHS)))
    padded = [
        pad_sequence([torch.ones(LENGTHS[n]) for n in batch])
        for batch in batches
    ]
    zeros = sum(int((tensor == 0).sum()) for tensor in padded)
    share = zeros / sum(tensor.numel() for tensor in padded)
    assert padding(batches, LENGTHS) == pytest.approx(share)


def test_every_item_is_in_one_batch_of_similar_lengths(caplog):
    caplog.set_level(logging.INFO)
    loader = bucketed(data(), LOADER, OPTIONS)
    batches = list(loader["batch_sampler"])
    assert sorted(sum(batches, [])) == list(range(len(LENGTHS)))
    assert padding(batches, LENGTHS) < 0.1
    assert set(loader) == {"num_workers", "batch_sampler"}
    assert "% of the audio in ordinary batches" in caplog.text
    torch.utils.data.DataLoader(data(), **loader)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"max_batch_length": 0}, "max_batch_length is 0; it must be a number"),
        ({"max_batch_length": "long"}, "max_batch_length is 'long'"),
        ({"num_buckets": -1}, "num_buckets is -1; it must be a whole number"),
        ({"num_buckets": 1.5}, "num_buckets is 1.5"),
        ({"max_batch_ex": 0}, "max_batch_ex is 0"),
        ({"batch_ordering": "any"}, "batch_ordering is 'any'; it must be"),
        ({"buckets": 3}, "'buckets'"),
        ({"num_buckets": None}, "num_buckets or bucket boundaries"),
        ({"bucket_boundaries": [3, 3]}, "duplicates"),
    ],
)
def test_wrong_options_are_named(wrong, message):
    with pytest.raises(GrowthError, match="^dynamic_batch_sampler") as error:
        bucketed(data(), LOADER, {**OPTIONS, **wrong})
    assert message in str(error.value)


def test_all_wrong_options_are_named_at_once():
    wrong = {**OPTIONS, "num_buckets": 0, "batch_ordering": "any"}
    with pytest.raises(GrowthError, match="2 problems"):
        bucketed(data(), LOADER, wrong)
