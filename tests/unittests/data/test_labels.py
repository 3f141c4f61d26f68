"""Tests for the file of the labels: complete, or not there

Authors
 * The speechbrain_growth authors 2026
"""

import os

import pytest

from speechbrain_growth import GrowthError, SafeEncoder, SafeTextEncoder

LABELS = ["sil", "ah", "b", "x y", "it's"]


@pytest.fixture
def path(tmp_path):
    """A file of labels"""
    encoder = SafeTextEncoder()
    encoder.update_from_iterable(LABELS, sequence_input=False)
    encoder.insert_blank()
    encoder.save(str(tmp_path / "labels.txt"))
    return tmp_path / "labels.txt"


def test_a_file_that_was_cut_off_is_never_read_as_one_with_fewer_labels(path):
    text = path.read_bytes()
    refused = 0
    for length in range(len(text)):
        path.write_bytes(text[:length])
        encoder = SafeTextEncoder()
        try:
            assert encoder.load_if_possible(str(path))
        except GrowthError as error:
            assert str(path) in str(error) and "remove the file" in str(error)
            refused += 1
        else:  # only what stands behind the last value is missing
            assert length >= len(text.rstrip()) and len(encoder) == 6
    assert refused > len(text) - 4


@pytest.mark.parametrize(
    "line",
    [
        "[1] => 0",
        "{} => 1",
        "'ah' => [1]",
        "'ah' => 'one'",
        "'ah' => 1.5",
        "'ah' =>",
        "'blank_label' => [1]",
        "(" * 500,
        "\x00",
    ],
)
def test_a_line_of_another_kind_is_refused(line, path):
    lines = path.read_text().splitlines()
    for number in (1, len(lines) - 1):
        path.write_text(
            "\n".join([*lines[:number], line, *lines[number + 1 :]])
        )
        with pytest.raises(GrowthError, match="the labels are damaged"):
            SafeTextEncoder().load(str(path))


def test_a_damaged_file_is_not_written_over(path):
    path.write_bytes(b"")
    with pytest.raises(GrowthError, match="damaged or cut off; remove the fil"):
        SafeTextEncoder().load_or_create(
            str(path), from_iterables=[["z"]], special_labels={"blank_label": 0}
        )
    assert path.read_bytes() == b""


def test_a_copy_is_complete_or_not_there(path, tmp_path, monkeypatch):
    target = tmp_path / "copy.txt"

    def killed(*names):
        """Stands for a kill before the file is renamed"""
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            SafeTextEncoder.copy(str(path), str(target))
    assert not target.exists()
    (tmp_path / "cut.txt").write_bytes(path.read_bytes()[:20])
    with pytest.raises(GrowthError, match=r"cut\.txt: the labels are damaged"):
        SafeTextEncoder.copy(str(tmp_path / "cut.txt"), str(target))
    assert not target.exists()
    (tmp_path / "cut.txt").unlink()
    SafeTextEncoder.copy(str(path), str(target))
    assert target.read_bytes() == path.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["copy.txt", "labels.txt"]


# Labels that are only ever appended, such as speakers


def test_more_labels_renumber_none(tmp_path):
    path = str(tmp_path / "speakers.txt")
    SafeEncoder().append(["FELC0", "MDAB0"], path)
    written = os.stat(path).st_mtime_ns, os.stat(path).st_ino
    for labels in (["MDAB0", "FAAA9", "FELC0"], ["FAAA9"]):
        encoder = SafeEncoder.from_saved(path)
        encoder.append(labels, path)
        assert encoder.encode_sequence(["FELC0", "MDAB0", "FAAA9"]) == [0, 1, 2]
        assert encoder.decode_ndim([2, 0]) == ["FAAA9", "FELC0"]
        assert SafeEncoder.from_saved(path).lab2ind == encoder.lab2ind
    again = os.stat(path).st_mtime_ns, os.stat(path).st_ino
    assert again != written
    encoder.append(["FELC0"], path)  # is known, so nothing is written
    assert (os.stat(path).st_mtime_ns, os.stat(path).st_ino) == again


def test_speakers_that_were_cut_off_are_never_read_as_fewer(tmp_path):
    path = tmp_path / "speakers.txt"
    SafeEncoder().append(LABELS, str(path))
    text = path.read_bytes()
    for length in range(len(text.rstrip())):
        path.write_bytes(text[:length])
        with pytest.raises(GrowthError, match="damaged or cut off"):
            SafeEncoder().load_if_possible(str(path))
        with pytest.raises(GrowthError, match="damaged or cut off"):
            SafeEncoder.copy(str(path), str(tmp_path / "copy.txt"))
    assert not (tmp_path / "copy.txt").exists()
    path.write_bytes(text)
    SafeEncoder.copy(str(path), str(tmp_path / "copy.txt"))
    assert (tmp_path / "copy.txt").read_bytes() == text
