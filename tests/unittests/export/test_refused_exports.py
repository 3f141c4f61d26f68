"""Tests that a run which cannot be exported is refused, and nothing is written

Authors
 * The speechbrain_growth authors 2026
"""

import shutil

import pytest
from small_runs import YAML, make_labels, make_run

from speechbrain_growth.__main__ import main
from speechbrain_growth.export import exporting

OURS = "!new:speechbrain_growth.CRDNN"
DEEPER = "!new:speechbrain_growth.ScalableCRDNN\n    extra_dnn_blocks: 1"
GATED = (
    "{run}/model.yaml: model.DNN.extra_0: SpeechBrain has no layer Gated of "
    "speechbrain_growth.nnet.gated"
)


def text(*changes):
    """The recipe's YAML with changes"""
    found = YAML.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in found, old
        found = found.replace(old, new)
    return found


def lines(*changes):
    """Changes lines of the labels' file"""

    def change(run):
        path = run / "save" / "label_encoder.txt"
        found = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in found, old
            found = found.replace(old, new, 1)
        path.write_text(found, encoding="utf-8")

    return change


def without_checkpoints(run):
    """Deletes them"""
    for path in (run / "save").glob("CKPT*"):
        shutil.rmtree(path)


def not_empty(run):
    """Puts something where the export is to go"""
    (run.parent / "out").mkdir()
    (run.parent / "out" / "notes.txt").write_text("mine")


def a_file(run):
    """Puts a file there"""
    (run.parent / "out").write_text("mine")


RUNS = {
    "a growth was decided, and not done": (
        {"wish": {"rnn_neurons": 9}},
        ": a growth was decided after epoch 1, and the run ended before it; "
        "resume the run, or name the checkpoint whose model you want",
    ),
    "LayerNorms fold": (
        {"weighted": True},
        ": LayerNorms are weighted for 3 more steps after a growth, which no "
        "stock layer is; train on until they are plain, or name another "
        "checkpoint",
    ),
    "gated births": ({"text": text((OURS, DEEPER))}, GATED),
    "a width for each layer": (
        {
            "text": text(
                (OURS, "!new:speechbrain_growth.ScalableCRDNN"),
                ("dnn_neurons: 96", "dnn_neurons: [96]"),
                ("input_size: !ref <dnn_neurons>", "input_size: 8"),
            ),
            "dnn_neurons": [8],
        },
        "dnn_neurons is [8], a width for each layer, and SpeechBrain's CRDNN "
        "has one for all",
    ),
    "a function of somebody": (
        {
            "text": text(
                ("!name:torch.nn.LeakyReLU", "!name:small_runs.torch.nn.ReLU")
            )
        },
        "SpeechBrain has no small_runs.torch.nn.ReLU",
    ),
    "weights in no checkpoint": (
        {"text": text(("        output: !ref <output>\n", ""))},
        " holds no weights of the module output; list it among the "
        "recoverables of the checkpointer, and train again",
    ),
    "another loss": (
        {"text": text(("losses.ctc_loss", "losses.nll_loss"))},
        "{run}/model.yaml: nothing in it is speechbrain.nnet.losses.ctc_loss; "
        "export writes a recogniser of speech for SpeechBrain's EncoderASR, "
        "which is trained with CTC",
    ),
    "no log-softmax": (
        {
            "text": text(
                (
                    "log_softmax: !new:speechbrain.nnet.activations.Softmax",
                    "log_softmax: !new:speechbrain.nnet.activations.Swish",
                ),
                ("    apply_log: True\n", "    beta: 1\n"),
            )
        },
        "{run}/model.yaml: it must have one key for the log-softmax "
        "(!new:speechbrain.nnet.activations.Softmax or "
        "!new:torch.nn.LogSoftmax); found none",
    ),
    "two kinds of features": (
        {
            "text": text(
                (
                    "normalize: !new",
                    "more: !new:speechbrain.lobes.features.MFCC\nnormalize: !new",
                )
            )
        },
        "one key for the features (!new:speechbrain.lobes.features.); found "
        "compute_features and more",
    ),
    "a name that is taken": (
        {
            "text": text(
                (
                    "    output: !ref <output>\n\njit",
                    "    tokenizer: !ref <output>\n\njit",
                )
            )
        },
        "the name tokenizer is one that EncoderASR needs; rename it",
    ),
}
LATER = {
    "no checkpoint": (
        without_checkpoints,
        "{run} holds no checkpoint of a growing recipe; it must be the output "
        "folder of a run, with its folder save",
    ),
    "no folder": (
        shutil.rmtree,
        "{run} holds no checkpoint of a growing recipe",
    ),
    "no model.yaml": (
        lambda run: (run / "model.yaml").unlink(),
        "{run}: there is no model.yaml; train.py writes it after an epoch, "
        "and with --test_only",
    ),
    "no labels": (
        lambda run: (run / "save" / "label_encoder.txt").unlink(),
        "{run}/save/label_encoder.txt: there is no such file; the labels",
    ),
    "labels cut off": (
        lines(("'blank_label' => '<blank>'", "")),
        "{run}/save/label_encoder.txt: the labels are damaged or cut off; put "
        "back the file of this run",
    ),
    "the last label is missing": (
        lines(("'h' => 8\n", "")),
        "it has no label for 1 of the model's 9 outputs: 8; put back the file "
        "of this run, or add --unused_labels if the corpus has no example",
    ),
    "a label between others is missing": (
        lines(("'c' => 3\n", "")),
        "it has no label for 1 of the model's 9 outputs: 3; put back the file "
        "of this run",
    ),
    "labels of a larger model": (
        lines(("'h' => 8\n", "'h' => 8\n'i' => 9\n")),
        "it has labels up to 9, and the model has 9 outputs, from 0",
    ),
    "another blank": (
        lines(("'<blank>' => 0", "'<blank>' => 1"), ("'a' => 1", "'a' => 0")),
        "its blank is 1, and the blank_index of the loss is 0",
    ),
    "the folder is not empty": (
        not_empty,
        "{out}: it is not empty (notes.txt); name another folder",
    ),
    "the folder is a file": (a_file, "{out}: it is no folder; name another"),
}


def refused(tmp_path, *options):
    """The message of an export, which leaves everything as it was"""
    before = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    out = str(tmp_path / "out")
    with pytest.raises(SystemExit) as end:
        main(["export", str(tmp_path / "run"), out, *options])
    after = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    assert before == after
    message = str(end.value.code)
    assert message.startswith("error: ") and "problems" not in message
    return message.replace(out, "{out}").replace(str(tmp_path / "run"), "{run}")


@pytest.mark.parametrize("case", RUNS)
def test_a_run_that_stock_speechbrain_could_not_load(case, tmp_path):
    given, message = RUNS[case]
    make_run(tmp_path / "run", **given)
    make_labels(tmp_path / "run")
    assert message in refused(tmp_path)


@pytest.mark.parametrize("case", LATER)
def test_what_is_missing_or_in_the_way(case, tmp_path):
    change, message = LATER[case]
    make_run(tmp_path / "run")
    make_labels(tmp_path / "run")
    change(tmp_path / "run")
    assert message in refused(tmp_path)


def test_a_model_that_computes_something_else(tmp_path, monkeypatch):
    make_run(tmp_path / "run")
    make_labels(tmp_path / "run")
    monkeypatch.setattr(exporting, "TOLERANCE", -1.0)
    assert "what SpeechBrain loads computes something else" in refused(tmp_path)


def test_a_checkpoint_that_is_not_there(tmp_path):
    make_run(tmp_path / "run")
    make_labels(tmp_path / "run")
    message = refused(tmp_path, "--checkpoint=CKPT+1")
    assert "{run}: there is no checkpoint CKPT+1; there are CKPT+" in message


def test_the_model_before_a_growth_may_be_named(tmp_path):
    make_run(tmp_path / "run", wish={"rnn_neurons": 9})
    make_labels(tmp_path / "run")
    (one,) = (tmp_path / "run" / "save").glob("CKPT*")
    given = ["export", str(tmp_path / "run"), str(tmp_path / "out")]
    main([*given, f"--checkpoint={one.name}"])
    text = (tmp_path / "out" / "hyperparams.yaml").read_text()
    assert "rnn_neurons: 6\n" in text


def test_labels_that_the_corpus_lacks_get_a_name(tmp_path):
    make_run(tmp_path / "run")
    make_labels(tmp_path / "run", number=7)
    given = ["export", str(tmp_path / "run"), str(tmp_path / "out")]
    main([*given, "--unused_labels"])
    labels = (tmp_path / "out" / "tokenizer.ckpt").read_text()
    assert "'f' => 6\n'<unused 7>' => 7\n'<unused 8>' => 8\n" in labels
