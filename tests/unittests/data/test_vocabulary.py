"""Tests that a vocabulary only appends, and where new pieces begin from

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
from hypothesis import (
    given,
    strategies as st,
)

from speechbrain_growth import GrowthError, append_pieces

WORDS = st.text("ab▁", min_size=1, max_size=4)
MANY = st.lists(WORDS, unique=True, max_size=12)


@given(MANY, MANY)
def test_labels_keep_their_outputs_and_new_ones_follow(old, pieces):
    labels = ["<blank>", *old]
    new = [piece for piece in pieces if piece not in labels]
    if not new:
        with pytest.raises(GrowthError, match="use a larger vocabulary"):
            append_pieces(labels, pieces)
        return
    grown = append_pieces(labels, pieces)
    assert grown.labels[: len(labels)] == labels
    assert grown.labels[len(labels) :] == new  # in the order of the pieces
    assert len(grown.parents) == len(new)
    for piece, parent in zip(new, grown.parents):
        begins = [label for label in old if piece.startswith(label)]
        longest = max(begins, key=len, default=None)
        assert (None if parent is None else labels[parent]) == longest


def test_a_label_that_is_no_piece_any_more_stays():
    grown = append_pieces(["<blank>", "ab", "a", "<unused 3>"], ["a", "ac"])
    assert grown.labels == ["<blank>", "ab", "a", "<unused 3>", "ac"]
    assert grown.parents == [2]
