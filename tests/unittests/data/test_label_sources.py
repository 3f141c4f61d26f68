"""Tests for phones and subwords as labels

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import shutil

import pytest
import sentencepiece

from speechbrain_growth import GrowthError, Phones, Subwords
from speechbrain_growth.data import label_sources

TEXTS = [
    "thousands of birds usually hiked after the show",
    "there were watery oysters along the path",
    "please find the yellow butter dish around the corner",
    "the youth choir hurried off but arthur jogged",
    "hugo's azure vase was thorough the day before",
    "is another bag of onions as warm as yolanda thought",
] * 2
KINDS = pytest.mark.parametrize("kind", ["bpe", "unigram"])


@pytest.fixture
def annotation(tmp_path):
    """An annotation with words"""
    items = {f"{n}": {"wrd": text} for n, text in enumerate(TEXTS)}
    path = tmp_path / "train.json"
    path.write_text(json.dumps(items))
    return str(path)


@pytest.fixture
def folder(tmp_path):
    """Where a run keeps its tokenizer"""
    (tmp_path / "run" / "save").mkdir(parents=True)
    return str(tmp_path / "run" / "save")


def message(labels, *arguments):
    """What a tokenizer that cannot be prepared says"""
    with pytest.raises(GrowthError) as caught:
        labels.prepare(*arguments)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_phones_are_what_the_annotation_says():
    labels = Phones()
    assert labels.split(" sil ah  sil ") == ["sil", "ah", "sil"]
    assert labels.compared(["sil", "ah"]) == ["sil", "ah"]
    assert not labels.known


@KINDS
def test_pieces_are_those_of_sentencepiece(annotation, folder, tmp_path, kind):
    labels = Subwords("wrd", 45, kind)
    labels.prepare(annotation, folder)
    prefix = str(tmp_path / "own")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_prefix=prefix,
        model_type=kind,
        vocab_size=45,
        character_coverage=1.0,
        max_sentencepiece_length=10,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        minloglevel=3,
    )
    own = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    assert labels.known == [own.id_to_piece(n) for n in range(1, 45)]
    for text in TEXTS:
        assert labels.split(text) == own.encode(text, out_type=str)
        assert set(labels.split(text)) <= set(labels.known)
        assert labels.compared(labels.split(text)) == text.split()


@KINDS
def test_training_is_quiet_and_comes_out_alike(
    annotation, folder, tmp_path, kind, capfd, caplog
):
    first, again = Subwords("wrd", 45, kind), Subwords("wrd", 45, kind)
    first.prepare(annotation, folder)
    again.prepare(annotation, str(tmp_path))
    assert first.known == again.known and len(first.known) == 44
    for text in TEXTS:
        assert first.split(text) == again.split(text)
    assert capfd.readouterr() == ("", "") and not caplog.records
    assert os.listdir(folder) == [f"45_{kind}.model"]


def test_a_character_without_a_piece_stays_as_it_is(annotation, folder):
    labels = Subwords("wrd", 45)
    labels.prepare(annotation, folder)
    assert "É" in labels.split("of É") and "É" not in labels.known


def test_what_a_kill_left_is_trained_anew(annotation, folder, monkeypatch):
    copy = shutil.copyfile

    def killed(source, path):
        """Writes a half."""
        copy(source, path)
        os.truncate(path, os.path.getsize(path) // 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(label_sources.shutil, "copyfile", killed)
    with pytest.raises(KeyboardInterrupt):
        Subwords("wrd", 45).prepare(annotation, folder)
    assert not os.listdir(folder)
    # A kill that nothing can clean up after
    with open(os.path.join(folder, "45_bpe.model.tmp"), "w") as fout:
        fout.write("a half")
    monkeypatch.undo()
    labels = Subwords("wrd", 45)
    labels.prepare(annotation, folder)
    assert len(labels.known) == 44 and os.listdir(folder) == [labels.file]


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_refused(annotation, folder, left, capfd):
    labels = Subwords("wrd", 45)
    labels.prepare(annotation, folder)
    path = os.path.join(folder, labels.file)
    size = os.path.getsize(path)
    os.truncate(path, int(left * size) if isinstance(left, float) else left)
    words = message(Subwords("wrd", 45), annotation, folder)
    assert words.startswith(f"{path}: ") and "remove the file" in words
    assert capfd.readouterr() == ("", "")


def test_a_run_keeps_its_tokenizer_whatever_the_texts(annotation, folder):
    first, again = Subwords("wrd", 45), Subwords("wrd", 45)
    first.prepare(annotation, folder)
    again.prepare("no such file", folder)
    assert first.known == again.known


@pytest.mark.parametrize("other", [(44, "bpe"), (46, "bpe"), (45, "unigram")])
def test_a_run_has_one_tokenizer(annotation, folder, other):
    Subwords("wrd", 45).prepare(annotation, folder)
    words = message(Subwords("wrd", *other), annotation, folder)
    assert "45_bpe.model" in words and "another output_folder" in words
    assert os.listdir(folder) == ["45_bpe.model"]


def test_it_is_taken_from_an_earlier_run(annotation, folder, tmp_path):
    first, later = Subwords("wrd", 45), tmp_path / "later"
    first.prepare(annotation, folder)
    later.mkdir()
    taken = Subwords("wrd", 45)
    taken.prepare("no such file", str(later), os.path.dirname(folder))
    assert taken.known == first.known
    bytes_of = [open(f"{f}/45_bpe.model", "rb").read() for f in (folder, later)]
    assert bytes_of[0] == bytes_of[1]


@pytest.mark.parametrize("has", [None, 44, 46])
def test_an_earlier_run_must_have_this_one(annotation, folder, tmp_path, has):
    if has:
        Subwords("wrd", has).prepare(annotation, folder)
    later = tmp_path / "later"
    later.mkdir()
    labels, earlier = Subwords("wrd", 45), os.path.dirname(folder)
    words = message(labels, annotation, str(later), earlier)
    assert words.startswith(f"init_from: {folder} holds ")
    assert (f"{has}_bpe.model" if has else "no tokenizer") in words
    assert not os.listdir(later)


@KINDS
@pytest.mark.parametrize(
    "size, way", [(5000, "pieces at most"), (5, "at least, one for each")]
)
def test_sizes_that_the_texts_do_not_allow(annotation, folder, kind, size, way):
    words = message(Subwords("wrd", size, kind), annotation, folder)
    assert f"vocab_size is {size}" in words and way in words
    assert not os.listdir(folder)
    # The number that it names is one that works, and the next is not
    bound = int(words.split("use ")[1].split()[0])
    assert f"the words allow {bound} " in words
    Subwords("wrd", bound, kind).prepare(annotation, folder)
    os.remove(os.path.join(folder, f"{bound}_{kind}.model"))
    beyond = bound + (1 if size > bound else -1)
    assert way in message(Subwords("wrd", beyond, kind), annotation, folder)


@pytest.mark.parametrize("item", [{}, {"wrd": ""}, {"wrd": " "}, {"wrd": None}])
def test_texts_without_words(folder, tmp_path, item):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"a": item, "b": item}))
    words = message(Subwords("wrd", 45), str(path), folder)
    assert words.startswith(f"{path}: no utterance has a text wrd")
    assert not os.listdir(folder)


@pytest.mark.parametrize(
    "arguments, found",
    [
        ((1,), "vocab_size is 1"),
        ((True,), "vocab_size is True"),
        ((60.0,), "vocab_size is 60.0"),
        ((60, "word"), "model_type is 'word'"),
    ],
)
def test_arguments_of_another_kind(arguments, found):
    with pytest.raises(GrowthError, match=found):
        Subwords("wrd", *arguments)
