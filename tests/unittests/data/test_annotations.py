"""Tests for annotations on which training would fail

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth import GrowthError, check_annotation, read_numbers

ASKED = {"texts": ["phn"], "numbers": ["duration"]}
GOOD = {"wav": "{data_root}/a.wav", "phn": "sil aa", "duration": 1}


def answer(folder, items):
    """What is wrong with an annotation; an empty list if nothing is"""
    (folder / "a.wav").touch()
    path = folder / "train.json"
    path.write_text(json.dumps(items))
    try:
        check_annotation(str(path), str(folder), **ASKED)
    except GrowthError as error:
        return [line.split("train.json: ")[1] for line in error.problems]
    return []


NUMBERS = [1, 0.5, 1e-300, 10**300, "1.0", "9"]
NO_NUMBERS = [0, -1, True, None, [1], 10**400, "", "nine", "-9", "nan", "1e999"]
NO_NUMBERS += [float("nan"), float("inf")]
TEXTS = ["sil", " aa ", "ä", "\N{GRINNING FACE}", "<unk>", "blank"]
NO_TEXTS = ["", " \n", 1, None, ["sil"], "\ud800", "sil \udfff"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_training_takes_is_accepted(tmp_path, text, number):
    item = {**GOOD, "phn": text, "duration": number}
    assert answer(tmp_path, {text: item, "b": GOOD}) == []


@pytest.mark.parametrize("number", NO_NUMBERS, ids=str)
def test_a_duration_is_a_number_above_0(tmp_path, number):
    (words,) = answer(tmp_path, {"a": {**GOOD, "duration": number}})
    assert words == f"a: duration is {number!r}; it must be a number above 0"


@pytest.mark.parametrize("text", NO_TEXTS, ids=ascii)
def test_labels_are_a_text(tmp_path, text):
    (words,) = answer(tmp_path, {"a": {**GOOD, "phn": text}})
    assert words == f"a: phn is {text!r}; it must be a text"


def test_a_text_that_no_item_has_is_named_once(tmp_path):
    mute = {key: value for key, value in GOOD.items() if key != "phn"}
    items = {"a": mute, "b": {**mute, "phn": " "}, "c": {**mute, "phn": 3}}
    (words,) = answer(tmp_path, items)
    assert words.startswith("no utterance has a text phn")
    (first, second) = answer(tmp_path, {**items, "c": GOOD})
    assert "a: phn is None" in first and "b: phn is ' '" in second


@pytest.mark.parametrize("name", [" ", "", "\ud800"], ids=ascii)
def test_a_name_is_a_text(tmp_path, name):
    (words,) = answer(tmp_path, {name: GOOD})
    assert words == f"{name!r}: it must be a text that names the item"


def test_all_mistakes_of_all_items_are_named(tmp_path):
    bad = {"wav": 3, "phn": "<blank> sil", "duration": "x"}
    words = answer(tmp_path, {"a": bad, "b": 7, "c": {**GOOD, "id": 1}})
    assert words == [
        "a: wav is 3; it must be the path of an audio file",
        "a: phn has the label <blank>, which CTC adds; rename it",
        "a: duration is 'x'; it must be a number above 0",
        "b: found 7; it must be a mapping",
        "c: has the field id, which training computes; rename it",
    ]


def test_texts_of_numbers_are_sorted_as_numbers():
    lengths = ["10.0", "9.5", "100", 2, "1e1"]
    data = DynamicItemDataset(
        {str(n): {"duration": length} for n, length in enumerate(lengths)}
    )
    read_numbers(data, ["duration"])
    found = data.filtered_sorted(sort_key="duration").data_ids
    assert found == ["3", "1", "0", "4", "2"]
    assert all(type(item["duration"]) is float for item in data.data.values())
