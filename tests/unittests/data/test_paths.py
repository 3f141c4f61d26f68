"""Tests for where the paths of annotations lead, against SpeechBrain and the disk

Authors
 * The speechbrain_growth authors 2026
"""

import json
import random

import pytest

from speechbrain.dataio.dataio import load_data_json
from speechbrain_growth.data.annotations import check_annotation
from speechbrain_growth.data.paths import fill_in, own_folders, wrong_fields
from speechbrain_growth.errors import GrowthError

PIECES = ["{data_root}", "{data_root:.0}", "{data_root!r}", "{x}", "{", "}"]
PIECES += ["{{", "}}", "..", "/", "/", "/", "a.wav", "TRAIN", "link.wav", "up"]
PIECES += ["{data_root:}", "{data_root.x}", "{data_root[0]}", "inner", "~", ""]
ODD = "{data_root:.0}.."  # a folder's name, which SpeechBrain makes ".." of
STEPS = ["..", ".", "TRAIN", "inner", "up", "DR1", "data", ODD, "a{{", "none"]


@pytest.fixture
def disk(tmp_path):
    """A data folder, links in it, and files outside of it"""
    data, other = tmp_path / "data", tmp_path / "other"
    inside = [data, data / "inner", data / "a{", data / ODD, other / "DR1"]
    for folder in (*inside, tmp_path / "x"):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (*inside, other):
        (folder / "a.wav").write_text("inside")
    for folder in (tmp_path, tmp_path / "x"):
        (folder / "a.wav").write_text("outside")
    (data / "TRAIN").symlink_to(other)
    (data / "link.wav").symlink_to(tmp_path / "a.wav")
    (data / "inner" / "up").symlink_to(tmp_path / "x")
    (data / "inner" / "link.wav").symlink_to(data / "a.wav")
    return data


def answer(folder, **item):
    """The message about an annotation with one item; None if it is accepted"""
    path = folder.parent / "train.json"
    path.write_text(json.dumps({"a": item}))
    try:
        check_annotation(str(path), str(folder))
    except GrowthError as error:
        return str(error).replace(str(folder.parent), "")
    return None


def opened(folder):
    """The path that training opens"""
    path = str(folder.parent / "train.json")
    return load_data_json(path, {"data_root": str(folder)})["a"]["wav"]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_accepted_is_opened_inside(disk, seed):
    draw, accepted = random.Random(seed), 0
    for _ in range(400):
        steps = draw.choices(STEPS, k=draw.randrange(4))
        name = draw.choice(["a.wav", "link.wav"])
        wav = "/".join(["{data_root}", *steps, name])
        if answer(disk, wav=wav) is None:
            accepted += 1
            with open(opened(disk)) as file:
                assert file.read() == "inside", wav
    assert accepted > 20


@pytest.mark.parametrize("seed", range(5))
def test_right_texts_become_what_speechbrain_makes_of_them(disk, seed):
    draw, right = random.Random(seed), 0
    for _ in range(400):
        text = "".join(draw.choices(PIECES, k=draw.randrange(1, 5)))
        if not wrong_fields([{"text": text}]):
            right += 1
            answer(disk, wav=text)
            assert opened(disk) == fill_in(text, str(disk))
            plain = text.replace("{data_root:}", "{data_root}")
            plain = plain.replace("{data_root}", str(disk))
            assert opened(disk) == plain.replace("{{", "{").replace("}}", "}")
    assert right > 50


RIGHT = [
    "{data_root}/a.wav",
    "{data_root}/inner/a.wav",
    "{data_root}/inner/../a.wav",
    "{data_root}/inner/link.wav",
    "{data_root}/TRAIN/DR1/a.wav",
    "{data_root}/a{{/a.wav",
]


@pytest.mark.parametrize("wav", RIGHT)
def test_right_paths_are_accepted(disk, wav):
    assert answer(disk, wav=wav, more=[{"text": "{{}} {data_root}"}]) is None


def test_links_to_the_data_folder_itself_are_followed(disk):
    link = disk.parent / "link"
    link.symlink_to(disk)
    for wav in RIGHT:
        assert answer(link, wav=wav) is None


ACCEPTED = "only {data_root} is filled in, other braces are written twice"
LEADS = (
    "outside of the data folder /data; put the file there, or link its folder "
    "directly inside the data folder"
)
WRONG = {
    "{data_root}/link.wav": (
        f"wav is '{{data_root}}/link.wav', which leads to /a.wav, {LEADS}"
    ),
    # Text has no upper folder of a link, the disk has
    "{data_root}/TRAIN/../a.wav": (
        f"wav is '{{data_root}}/TRAIN/../a.wav', which leads to /a.wav, {LEADS}"
    ),
    "{data_root}/inner/up/a.wav": (
        "wav is '{data_root}/inner/up/a.wav', which leads to /x/a.wav, " + LEADS
    ),
    "{data_root}/{data_root:.0}../a.wav": (
        "'{data_root}/{data_root:.0}../a.wav' has the field "
        f"'{{data_root:.0}}'; {ACCEPTED}"
    ),
    "{data_root:>5000000}": (
        f"'{{data_root:>5000000}}' has the field '{{data_root:>5000000}}'; "
        f"{ACCEPTED}"
    ),
    "{data_root.__class__}": (
        f"'{{data_root.__class__}}' has the field '{{data_root.__class__}}'; "
        f"{ACCEPTED}"
    ),
    "{data_root!r}": (
        f"'{{data_root!r}}' has the field '{{data_root!r}}'; {ACCEPTED}"
    ),
    "{0}": f"'{{0}}' has the field '{{0}}'; {ACCEPTED}",
    "{foo}": f"'{{foo}}' has the field '{{foo}}'; {ACCEPTED}",
    "{data_root:{x}}": (
        f"'{{data_root:{{x}}}}' has the field '{{data_root:{{x}}}}'; {ACCEPTED}"
    ),
    "{": (
        "'{' has a stray brace (Single '{' encountered in format string); "
        + ACCEPTED
    ),
    "a\0b": "wav is 'a\\x00b', which no file can have as its path",
}


@pytest.mark.parametrize("wav", WRONG)
def test_wrong_paths_are_refused_by_name(disk, wav):
    assert answer(disk, wav=wav) == f"/train.json: a: {WRONG[wav]}"


def test_every_text_is_looked_at(disk):
    good, bad = "{data_root}/a.wav", [["{data_root}", {"deep": ["{x}"]}]]
    assert "has the field '{x}'" in answer(disk, wav=good, more=bad)


@pytest.mark.parametrize("depth", [30, 900])
def test_what_is_nested_deeply_is_refused(disk, depth):
    bad = "{x}"
    for _ in range(depth):
        bad = [bad]
    words = answer(disk, wav="{data_root}/a.wav", more=bad)
    assert "nested deeper than 20" in words or "this is no JSON" in words


def test_a_data_folder_that_is_not_there_has_no_links(tmp_path):
    folder = tmp_path / "none"
    assert own_folders(str(folder)) == [str(folder)]
