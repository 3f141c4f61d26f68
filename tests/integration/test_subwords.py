"""The TIMIT recipe on words in subwords, whose vocabulary then grows.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import os
import re
import shutil

import pytest
import torch
from comparing import differences, results
from killing import SMALL, Starter

from speechbrain.inference.ASR import EncoderASR
from speechbrain_growth import (
    GrowthError,
    SafeTextEncoder,
    Subwords,
    best_checkpoint,
    grow_vocabulary,
)
from speechbrain_growth.__main__ import main

OTHER = re.compile("hparams|--(number_of_epochs|ckpt_interval_steps)=")
LINE = [
    "hparams/grow_subwords.yaml",
    *[argument for argument in SMALL if not OTHER.match(argument)],
    *("--number_of_epochs=2", "--ckpt_interval_steps=2"),
]
# What a run that starts from another one does not give
SIZES = re.compile("--(cnn_channels|rnn_neurons|dnn_neurons|output_neurons)=")
OUTPUTS = {"output_neurons": "output.w"}
LABELS = "save/label_encoder.txt"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    """Starts the recipe without importing everything anew"""
    with Starter(tmp_path_factory.mktemp("starter")) as starter:
        yield starter


def line(corpus, run, size, *options):
    """The command line of a run with some pieces"""
    sizes = [f"--vocab_size={size}", f"--output_neurons={size}"]
    folders = [f"--mini_timit_folder={corpus}", f"--output_folder={run}"]
    return [*LINE, *sizes, *folders, *options]


def later(earlier, arguments):
    """The command line of a run that starts from an earlier one"""
    kept = [a for a in arguments if not SIZES.match(a) and "growth" not in a]
    return [*kept, f"--init_from={earlier}", "--growth=[]"]


def finish(starter, arguments):
    """Starts a run, and awaits its end"""
    starter.start(*arguments)
    assert starter.wait() == 0, starter.printed.read_text()
    return starter.printed.read_text()


def refusal(starter, arguments):
    """What a run says that does not start"""
    starter.start(*arguments)
    assert starter.wait() == 1
    printed = starter.printed.read_text()
    assert "Traceback" not in printed
    return printed.split("error: ")[1]


@pytest.fixture(scope="module")
def first(starter, tmp_path_factory):
    """A corpus, and a run with 36 pieces on it"""
    folder = tmp_path_factory.mktemp("first")
    finish(starter, line(folder / "corpus", folder / "run", 36))
    return folder / "corpus", folder / "run"


@pytest.fixture(scope="module")
def larger(first, tmp_path_factory):
    """The same model with 60 pieces"""
    out = tmp_path_factory.mktemp("larger") / "larger"
    text = f"{first[1]}/save/train.json"
    said = grow_vocabulary(
        str(first[1]), Subwords("wrd", 60), text, str(out), OUTPUTS
    )
    assert "output_neurons 36 -> " in said
    return out


def labels_of(run):
    """The labels of a run, by output"""
    encoder = SafeTextEncoder()
    encoder.ignore_len()
    encoder.load(str(run / LABELS))
    return [encoder.ind2lab[index] for index in range(len(encoder))]


def texts(run, part="train"):
    """What is spoken in a part of the corpus"""
    items = json.loads((run / "save" / f"{part}.json").read_text())
    return [item["wrd"] for item in items.values()]


def weights(run, name):
    """Weights of the best checkpoint"""
    files = best_checkpoint(str(run)).paramfiles
    return torch.load(files[name], weights_only=True)


def test_words_are_what_errors_are_counted_in(first):
    _, run = first
    tested = (run / "wer_test.txt").read_text()
    words = sum(len(text.split()) for text in texts(run, "test"))
    assert "\nWER stats:\n" in tested and f" / {words}, " in tested
    assert "valid WER: " in (run / "train_log.txt").read_text()
    grown = json.loads((run / "growth_log.jsonl").read_text())
    assert grown["grown"] and grown["drift"] < 1e-5
    assert grown["valid_before"]["WER"] == grown["valid_after"]["WER"]


def test_the_labels_are_the_blank_and_the_pieces(first):
    _, run = first
    labels, subwords = labels_of(run), Subwords("wrd", 36)
    subwords.prepare("no such file", str(run / "save"))
    first_piece, *others = subwords.known
    # As of phones, the blank moves the label behind all that had its place
    assert labels == ["<blank>", *others, first_piece] and len(labels) == 36
    for text in texts(run) + texts(run, "dev") + texts(run, "test"):
        assert subwords.compared(subwords.split(text)) == text.split()


def test_a_run_killed_at_any_moment_ends_like_one_that_was_not(
    starter, first, tmp_path
):
    corpus, run = first
    again = line(corpus, tmp_path / "run", 36)
    for path in (
        ["pieces"],
        ["labels"],
        ["step", "save"],
        ["log", "save"],
        ["grow"],
        ["test"],
    ):
        starter.start(*again)
        assert starter.await_moment(*path), starter.printed.read_text()
        starter.kill()
    printed = finish(starter, again)
    assert "sentencepiece" not in printed and ".cc" not in printed
    expected = results(run, corpus)
    assert differences(results(tmp_path / "run", corpus), expected) == []


def test_a_larger_vocabulary_moves_no_label(first, larger):
    old, new = labels_of(first[1]), labels_of(larger)
    assert new[: len(old)] == old and len(set(new)) == len(new) > len(old)
    subwords = Subwords("wrd", 60)
    subwords.prepare("no such file", str(larger / "save"))
    assert set(subwords.known) <= set(new)
    assert set(new) - set(subwords.known) <= set(old)
    encoder = SafeTextEncoder.from_saved(str(larger / LABELS))
    for text in texts(first[1], "test"):
        indices = encoder.encode_sequence(subwords.split(text))
        (pieces,) = encoder.decode_ndim([indices])
        assert subwords.compared(pieces) == text.split()


def test_old_outputs_keep_their_bits_and_families_their_posteriors(
    first, larger
):
    old, new = labels_of(first[1]), labels_of(larger)
    for name in ("model", "normalizer"):
        pair = weights(first[1], name), weights(larger, name)
        assert differences(*pair) == []
    before, after = (weights(run, "output") for run in (first[1], larger))
    assert torch.equal(after["w.weight"][: len(old)], before["w.weight"])
    parents = [
        max(
            (n for n, label in enumerate(old) if piece.startswith(label)),
            key=lambda n: len(old[n]),
            default=None,
        )
        for piece in new[len(old) :]
    ]
    assert any(parent is not None for parent in parents)
    alone = [n for n in range(len(old)) if n not in parents]
    assert alone and 0 in alone  # nothing begins from the blank
    assert torch.equal(after["w.bias"][alone], before["w.bias"][alone])
    hidden = torch.randn(7, before["w.weight"].shape[1])
    spoken = hidden @ before["w.weight"].T + before["w.bias"]
    scores = hidden @ after["w.weight"].T + after["w.bias"]
    families = scores.exp()[:, : len(old)]
    for output, parent in enumerate(parents, start=len(old)):
        if parent is None:
            assert after["w.bias"][output] == -20
            continue
        assert torch.equal(after["w.weight"][output], after["w.weight"][parent])
        families[:, parent] += scores[:, output].exp()
        shared = 1 + parents.count(parent)
        less = before["w.bias"][parent] - after["w.bias"][output]
        assert math.isclose(less, math.log(shared), rel_tol=1e-4)
    torch.testing.assert_close(families, spoken.exp(), rtol=1e-4, atol=0)


def test_a_run_starts_from_it_and_resumes(starter, first, larger, tmp_path):
    corpus, _ = first
    moved = shutil.copytree(larger, tmp_path / "moved")
    outputs = len(labels_of(larger))
    lines = [
        later(moved, line(corpus, tmp_path / name, 60))
        for name in ("whole", "killed")
    ]
    finish(starter, lines[0])
    starter.start(*lines[1])
    assert starter.await_moment("log", "save", "after step")
    starter.kill()
    finish(starter, lines[1])
    found = [results(tmp_path / name, corpus) for name in ("killed", "whole")]
    assert differences(*found) == []
    for name in ("save/60_bpe.model", LABELS):
        both = (tmp_path / "whole" / name), larger / name
        assert both[0].read_bytes() == both[1].read_bytes()
    assert len(weights(tmp_path / "whole", "output")["w.bias"]) == outputs
    # It is exported, and grows in other sizes, with its tokenizer
    main(["export", str(tmp_path / "whole"), str(tmp_path / "asr")])
    card = (tmp_path / "asr" / "README.md").read_text()
    assert '.replace("▁", " ").split()' in card
    asr = EncoderASR.from_hparams(str(tmp_path / "asr"))
    assert asr.tokenizer.ind2lab == dict(enumerate(labels_of(larger)))
    wider = str(tmp_path / "wider")
    main(["grow", str(tmp_path / "whole"), "--rnn_neurons=18", "--out", wider])
    assert os.path.isfile(os.path.join(wider, "save", "60_bpe.model"))


def test_starts_that_are_refused(starter, first, larger, tmp_path):
    corpus, run = first
    mute = shutil.copytree(corpus, tmp_path / "mute")
    for path in [*mute.rglob("*.WRD"), *mute.rglob("*.TXT")]:
        path.unlink()
    phones = shutil.copytree(run, tmp_path / "of phones")
    (phones / "save" / "36_bpe.model").unlink()
    for name, size, earlier, data, words in (
        ("more", 60, run, None, "save holds 36_bpe.model, but"),
        ("less", 40, larger, None, "save holds 60_bpe.model, but"),
        ("phones", 36, phones, None, "holds no tokenizer, but"),
        ("many", 9999, None, None, "the words allow "),
        ("few", 9, None, None, "at least, one for each"),
        ("mute", 36, None, mute, "no utterance has a text wrd"),
    ):
        folder = tmp_path / name
        arguments = line(data or corpus, folder, size)
        if earlier:
            arguments = later(earlier, arguments)
        if data:  # which is not rendered then
            arguments[-2:] = [f"--data_folder={data}", arguments[-1]]
        assert words in refusal(starter, arguments), name
        left = os.listdir(folder / "save") if folder.exists() else []
        assert not [n for n in left if "model" in n or "label" in n], name


def test_vocabularies_that_cannot_grow(first, larger, tmp_path):
    run, text = str(first[1]), f"{first[1]}/save/train.json"
    mute, bad = tmp_path / "mute.json", tmp_path / "bad"
    mute.write_text('{"a": {"wrd": ""}, "b": {}}')
    phones = shutil.copytree(run, tmp_path / "phones")
    (phones / "save" / "36_bpe.model").unlink()
    for number in (1, 2):
        shutil.copytree(run, f"{bad}{number}")
    labels = tmp_path / "bad1" / LABELS
    labels.write_text(re.sub(".* => 7\n", "", labels.read_text()))
    (tmp_path / "bad2" / LABELS).unlink()
    for arguments, words in (
        ((run, 36, text, OUTPUTS), "has 36 pieces, and a vocabulary only"),
        ((run, 30, text, OUTPUTS), "has 36 pieces, and a vocabulary only"),
        ((run, 9999, text, OUTPUTS), "the words allow "),
        ((run, 60, str(mute), OUTPUTS), "no utterance has a text wrd"),
        ((run, 60, text, {"output_neuron": "output.w"}), "output_neurons?"),
        ((run, 60, text, {"output_neurons": "out.w"}), "out.w"),
        ((str(phones), 60, text, OUTPUTS), "found no tokenizer; it must"),
        ((f"{bad}1", 60, text, OUTPUTS), "1 of the model's 36 outputs: 7"),
        ((f"{bad}2", 60, text, OUTPUTS), "there is no such file; the labels"),
        ((str(tmp_path / "no"), 60, text, OUTPUTS), "found no tokenizer"),
    ):
        source, size, annotation, outputs = arguments
        out = tmp_path / "out"
        with pytest.raises(GrowthError) as caught:
            subwords = Subwords("wrd", size)
            grow_vocabulary(source, subwords, annotation, str(out), outputs)
        assert len(caught.value.problems) == 1 and words in str(caught.value)
        assert not out.exists()
    with pytest.raises(GrowthError, match="it is not empty"):
        subwords = Subwords("wrd", 60)
        grow_vocabulary(run, subwords, text, str(larger), OUTPUTS)
