"""Speakers arrive in the recipe for TIMIT: from its command line, on made-up sounds.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import runpy
import signal
import sys
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch
from bad_inputs import RECIPES, _main, forked, run_recipe
from comparing import differences, results

from speechbrain_growth import GrowingBrain, SafeEncoder, best_checkpoint
from speechbrain_growth.__main__ import main
from speechbrain_growth.measure.events import read_events

RECIPE = RECIPES / "TIMIT" / "SpeakerID" / "growing_ECAPA"
PARTS = {"train": range(3), "valid": [3], "test": [4]}
SPEAKERS = ["FZZZ0", "MBBB0", "FCCC0", "MAAA0", "FAAA0", "MDDD0"]
SIZES = [
    *("--channels=[8, 8, 8, 8, 24]", "--attention_channels=4"),
    *("--se_channels=4", "--lin_neurons=6", "--out_n_neurons=2"),
]
SMALL = ["--batch_size=4", "--skip_prep=True", "--number_of_epochs=3"]
WIDER = "channels: [16, 16, 16, 16, 48]"
GROWTH = (
    f"--growth=[{{after_epoch: 1, out_n_neurons: 4, outputs: fresh, {WIDER}}}]"
)
FILES = ["test_errors.txt", "save/label_encoder.txt"]


def write(folder, speakers):
    """Annotations of some speakers, in this order; each has a tone

    Those who arrive last come first in the validation.
    """
    chance = np.random.default_rng(0)
    for part, numbers in PARTS.items():
        items = {}
        for name in reversed(speakers) if part == "valid" else speakers:
            for number in numbers:
                samples = 4800 + 160 * number
                tone = 200.0 * (2 + SPEAKERS.index(name)) * np.arange(samples)
                sound = np.sin(2 * np.pi * tone / 16000) / 4
                sound += chance.normal(0, 0.01, samples)
                path = folder / f"{name}_{number}.wav"
                soundfile.write(path, sound, 16000)
                items[f"{name}_{number}"] = {
                    "wav": f"{{data_root}}/{path.name}",
                    "duration": samples / 16000,
                    "spk_id": name,
                }
        path = folder / f"{part}.json"
        path.write_text(json.dumps(items), encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four speakers"""
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, SPEAKERS[:4])
    return folder


def line_of(corpus, output, *arguments):
    """The command line; of two values of a key, the last one counts"""
    data = [f"--{part}_annotation={corpus}/{part}.json" for part in PARTS]
    line = [f"--data_folder={corpus}", f"--output_folder={output}", *data]
    # A run that starts from another has that one's sizes
    later = any(one.startswith("--init_from") for one in arguments)
    line += SMALL if later else [*SMALL, *SIZES]
    keys = dict(one.split("=", 1) for one in [*line, *arguments])
    given = [f"{key}={value}" for key, value in keys.items()]
    return ["hparams/grow.yaml", "--device=cpu", *given]


def run(corpus, output, *arguments):
    """Runs train.py; returns its exit code and what it printed"""
    line = line_of(corpus, output, *arguments)
    return run_recipe(RECIPE, line, f"{output}.txt")


@pytest.fixture(scope="module")
def grown(corpus, tmp_path_factory):
    """A run in which two speakers arrive, and what it printed"""
    output = tmp_path_factory.mktemp("grown") / "run"
    code, printed = run(corpus, output, GROWTH, "--ckpt_interval_steps=1")
    assert code == 0, printed
    return output, printed


def events(output, kind):
    """The events of one kind in a run log"""
    found = read_events(output / "run_log.jsonl")
    return [event for event in found if event["event"] == kind]


def errors_of(output):
    """For each utterance of the test, 1 if it was an error, else 0"""
    lines = (output / "test_errors.txt").read_text().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines}


def test_two_speakers_arrive(grown):
    output, printed = grown
    (entry,) = read_events(output / "growth_log.jsonl", "growth")
    assert entry["grown"] and entry["drift"] < 1e-5
    assert entry["sizes_before"]["out_n_neurons"] == 2
    assert entry["sizes_after"]["out_n_neurons"] == 4
    epochs = events(output, "epoch")
    assert [one["speakers"] for one in epochs] == [2, 4, 4]
    # Who is not there is an error, and is not heard in training
    assert epochs[0]["valid"]["error"] >= 50
    for name in [*FILES, "train_log.txt", "env.log", "train.py"]:
        assert (output / name).stat().st_size > 0, name
    assert "Test error" in printed and "Growth 1 after epoch 1" in printed


def test_the_rows_of_who_was_there_are_carried(grown):
    output, _ = grown
    names = SafeEncoder.from_saved(str(output / "save/label_encoder.txt"))
    assert names.lab2ind == {s: n for n, s in enumerate(SPEAKERS[:4])}
    found = errors_of(output)
    assert set(found) == {f"{name}_4" for name in SPEAKERS[:4]}
    (test,) = events(output, "test")
    error = 100 * sum(found.values()) / len(found)
    assert test["test"]["error"] == pytest.approx(error)


def dies(moment, arguments):
    """Runs the recipe until a moment, at which it is killed"""
    grow, fit_batch = GrowingBrain.grow, GrowingBrain.fit_batch

    def growing(brain, epoch):
        """Kills before or after the growth."""
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        grow(brain, epoch)
        if moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(brain, batch):
        """Kills at the second step of the larger model."""
        if moment == "step" and brain.outputs == 4 and brain.step == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return fit_batch(brain, batch)

    GrowingBrain.grow, GrowingBrain.fit_batch = growing, stepping
    _main(RECIPE, "train.py", arguments)


@pytest.mark.parametrize("moment", ["before", "after", "step"])
def test_a_run_killed_at_the_arrival_ends_with_the_same_bits(
    moment, grown, corpus, tmp_path
):
    output = tmp_path / "run"
    line = line_of(corpus, output, GROWTH, "--ckpt_interval_steps=1")
    code, _ = forked(dies, tmp_path / "killed.txt", moment, line)
    assert code == -signal.SIGKILL
    code, printed = run_recipe(RECIPE, line, tmp_path / "resumed.txt")
    assert code == 0, printed
    expected = results(grown[0], corpus, FILES)
    assert differences(results(output, corpus, FILES), expected) == []


def test_an_epoch_has_all_utterances_of_who_is_there_once(corpus):
    hparams = {
        **{
            f"{part}_annotation": str(corpus / f"{part}.json") for part in PARTS
        },
        **{"data_folder": str(corpus), "save_folder": str(corpus)},
        **{"sample_rate": 16000, "batch_size": 4, "seed": 1},
        **{"num_workers": 0, "init_from": ""},
    }
    sys.path.insert(0, str(RECIPE))
    module = runpy.run_path(str(RECIPE / "train.py"))
    loader, _, _, encoder = module["dataio_prep"](hparams)
    orders = []
    for outputs in (1, 2, 4):
        loader.batch_sampler.chosen = range(1, outputs + 1)
        for epoch in (1, 2, 1):
            loader.batch_sampler.set_epoch(epoch)
            batches = list(loader)
            numbers = torch.cat([one.spk_encoded.data for one in batches])
            names = [name for one in batches for name in one.id]
            assert Counter(numbers[:, 0].tolist()) == dict.fromkeys(
                range(outputs), 3
            )
            assert len(set(names)) == len(names) == 3 * outputs
            assert {encoder.lab2ind[n[:5]] for n in names} == {*range(outputs)}
            orders.append(names)
        first, second, again = orders[-3:]
        assert first == again != second


@pytest.mark.parametrize("offline", [False, True])
def test_a_later_run_starts_from_it_and_renumbers_nobody(
    offline, grown, tmp_path
):
    # New speakers stand first in the new annotation
    write(tmp_path, [*SPEAKERS[4:], *reversed(SPEAKERS[:4])])
    wanted = {"out_n_neurons": 6, "outputs": "fresh"}
    start, growth = grown[0], [{"after_epoch": 0, **wanted}]
    if offline:
        start, growth = tmp_path / "larger", []
        words = [f"--{key}={value}" for key, value in wanted.items()]
        main(["grow", str(grown[0]), *words, "--out", str(start)])
    code, printed = run(
        *(tmp_path, tmp_path / "later", f"--init_from={start}"),
        *(f"--growth={json.dumps(growth)}", "--number_of_epochs=1"),
    )
    assert code == 0, printed
    path = str(tmp_path / "later/save/label_encoder.txt")
    names = SafeEncoder.from_saved(path).lab2ind
    assert names == {name: n for n, name in enumerate(SPEAKERS)}
    if offline:
        kept = [best_checkpoint(str(one)) for one in (grown[0], start)]
        rows = [
            torch.load(one.paramfiles["classifier"])["weight"] for one in kept
        ]
        count = len(rows[0])
        assert count in (2, 4) and rows[1].shape == (6, 6)
        assert torch.equal(rows[1][:count], rows[0])


def annotation(folder, part, change):
    """Changes one annotation"""
    path = folder / f"{part}.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    change(items)
    path.write_text(json.dumps(items), encoding="utf-8")


def stranger(folder):
    """A speaker of the test whom the training does not have"""
    annotation(
        folder, "test", lambda items: items["FZZZ0_4"].update(spk_id="MNEW0")
    )


def nameless(folder):
    """No speaker at all"""
    annotation(folder, "train", lambda items: items["FZZZ0_0"].pop("spk_id"))


GROW = "after_epoch: 1, out_n_neurons"
WRONG = {
    "a speaker without a number": (
        stranger,
        ["--growth=[]"],
        "test.json: FZZZ0_4: the speaker 'MNEW0' has no number in ",
    ),
    "no speaker": (
        nameless,
        ["--growth=[]"],
        "FZZZ0_0: spk_id is None; it must be a text",
    ),
    "outputs without speakers": (
        None,
        [f"--growth=[{{{GROW}: 9, outputs: fresh}}]"],
        "out_n_neurons is or becomes 9, but the train annotation has 4 speak",
    ),
    "a batch of one": (
        None,
        [f"--growth=[{{{GROW}: 3, outputs: fresh}}]"],
        "batch_size is 4, but 3 speakers have 9 utterances to train on",
    ),
    "fewer outputs": (
        None,
        [f"--growth=[{{{GROW}: 1, outputs: fresh}}]"],
        "out_n_neurons is 2 and would shrink to 1",
    ),
    "nothing said": (
        None,
        [f"--growth=[{{{GROW}: 4}}]"],
        "outputs: {classifier: [0, null]}, or write outputs: fresh",
    ),
    "no parent": (
        None,
        [f"--growth=[{{{GROW}: 3, outputs: {{classifier: [null]}}}}]"],
        "outputs: classifier: gives cosines, and no cosine gives an output",
    ),
    "a larger embedding": (
        None,
        ["--growth=[{after_epoch: 1, lin_neurons: 8}]"],
        "keep the size of the embedding",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_ends_with_one_message(what, tmp_path):
    change, arguments, message = WRONG[what]
    write(tmp_path, SPEAKERS[:4])
    if change is not None:
        change(tmp_path)
    code, printed = run(tmp_path, tmp_path / "run", *arguments)
    assert code == 1, printed
    assert message in printed and printed.count("error: ") == 1
    assert "Traceback" not in printed


def test_a_speaker_of_the_earlier_run_must_be_heard_again(grown, tmp_path):
    write(tmp_path, SPEAKERS[1:4])
    code, printed = run(
        *(tmp_path, tmp_path / "run", f"--init_from={grown[0]}"),
        "--growth=[]",
    )
    assert code == 1 and "Traceback" not in printed
    assert "the speaker 'FZZZ0' of the earlier run has no utterance" in printed


def test_who_never_gets_an_output_is_told(corpus, tmp_path):
    # Nobody who is there is in the first batch, which is tried at the start
    late = "--growth=[{after_epoch: 2, channels: [16, 16, 16, 16, 48]}]"
    code, printed = run(corpus, tmp_path / "run", late, "--batch_size=2")
    assert code == 0, printed
    assert "2 of 4 speakers get no output by the sizes" in printed
    epochs = events(tmp_path / "run", "epoch")
    assert all(one["valid"]["loss"] > 0 for one in epochs)
    assert all(one["valid"]["error"] >= 50 for one in epochs)
    found = errors_of(tmp_path / "run")
    assert len(found) == 4
    assert [found[f"{name}_4"] for name in SPEAKERS[2:4]] == [1, 1]


@pytest.mark.slow
def test_the_corpus_is_divided_by_utterance(tmp_path):
    corpus, output = tmp_path / "mini", tmp_path / "run"
    line = [str(corpus), "--scale=0.02"]
    printed = tmp_path / "printed.txt"
    code, text = run_recipe(RECIPE, line, printed, script="mini_timit.py")
    assert code == 0, text
    given = [
        *("--skip_prep=False", "--number_of_epochs=2", "--batch_size=16"),
        *("--out_n_neurons=4", f"--growth=[{{{GROW}: 8, outputs: fresh}}]"),
        *[f"--{n}_annotation=!ref <save_folder>/{n}.json" for n in PARTS],
    ]
    code, text = run(corpus, output, *given)
    assert code == 0, text
    parts = {
        part: json.loads((output / "save" / f"{part}.json").read_text())
        for part in PARTS
    }
    whole = json.loads((output / "save" / "timit_train.json").read_text())
    for part, most in (("train", 5), ("valid", 1), ("test", 2)):
        counts = Counter(item["spk_id"] for item in parts[part].values())
        assert len(counts) == 8 and set(counts.values()) == {most}
    names = [name for items in parts.values() for name in items]
    assert sorted(names) == sorted(whole)
    arrival = list(dict.fromkeys(i["spk_id"] for i in parts["train"].values()))
    encoder = SafeEncoder.from_saved(str(output / "save/label_encoder.txt"))
    assert encoder.lab2ind == {name: n for n, name in enumerate(arrival)}
    code, text = run(corpus, tmp_path / "2", *given, "--valid_utterances=7")
    assert code == 1 and "Traceback" not in text
    assert text.count("has 8 utterances, of which 7 are for validation") == 8
