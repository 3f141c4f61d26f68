"""Tests that a corpus is divided by utterance, and how speakers take turns

Authors
 * The speechbrain_growth authors 2026
"""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "recipes" / "TIMIT"))

from timit_speakers import (  # noqa: E402
    TooFewUtterances,
    divide_by_utterance,
    in_turn,
)

PARTS = ("train", "valid", "test")
COUNTS = {"FB": 5, "MA": 4, "FA": 7, "MC": 4, "FC": 9}


@pytest.fixture
def corpus(tmp_path):
    """Speakers with as many utterances as COUNTS says, in no order"""
    names = [(s, n) for n in range(9) for s in COUNTS if n < COUNTS[s]]
    items = {f"{s}_{n}": {"spk_id": s, "text": f"{n}"} for s, n in names}
    (tmp_path / "all.json").write_text(json.dumps(items), encoding="utf-8")
    return tmp_path, items


def divided(folder, **numbers):
    """The three parts"""
    paths = [folder / f"{part}.json" for part in PARTS]
    divide_by_utterance(str(folder / "all.json"), map(str, paths), **numbers)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("valid, test", [(1, 1), (1, 2), (2, 1)])
def test_each_utterance_is_in_one_part_and_each_speaker_in_all(
    valid, test, corpus
):
    folder, items = corpus
    parts = divided(folder, valid=valid, test=test)
    merged = {name: item for part in parts for name, item in part.items()}
    assert merged == items and sum(map(len, parts)) == len(items)
    for part, given in zip(parts[1:], (valid, test)):
        found = Counter(item["spk_id"] for item in part.values())
        assert found == dict.fromkeys(COUNTS, given)
    found = Counter(item["spk_id"] for item in parts[0].values())
    assert found == {s: n - valid - test for s, n in COUNTS.items()}
    assert list(found) == ["FA", "MA", "FB", "MC", "FC"]
    assert divided(folder, valid=valid, test=test) == parts


def test_all_who_have_too_few_are_named_and_nothing_is_written(corpus):
    folder, _ = corpus
    with pytest.raises(TooFewUtterances) as raised:
        divided(folder, valid=2, test=2)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2 and "MA has 4 utterances" in lines[0]
    assert all("5 or more are needed" in line for line in lines)
    assert sorted(path.name for path in folder.iterdir()) == ["all.json"]


def test_nothing_is_done_if_preparation_is_skipped(tmp_path):
    divide_by_utterance("no.json", ["a", "b", "c"], 1, 1, skip_prep=True)


@pytest.mark.parametrize(
    "speakers, turns",
    [
        (["MB0", "MA0"], ["MA0", "MB0"]),
        (["FB0", "FA0", "MA0"], ["FA0", "MA0", "FB0"]),
        (["fb0", "ma0", "fa0", "mb0"], ["fa0", "ma0", "fb0", "mb0"]),
        ([], []),
    ],
)
def test_women_and_men_take_turns(speakers, turns):
    assert in_turn(speakers) == turns
