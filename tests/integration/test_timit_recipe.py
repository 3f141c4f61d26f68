"""The TIMIT recipe from its command line, on a corpus of a few utterances.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from bad_inputs import from_a_shell, run_recipe
from load_model import in_a_new_process, sums_in

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth.__main__ import main
from speechbrain_growth.schedule.state import read_state

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
YAML = str(RECIPE / "hparams" / "grow.yaml")
SMALL = ["--cnn_channels=[2,4]", "--rnn_neurons=6", "--dnn_neurons=8"]
GROWTH = (
    "--growth=[{after_epoch: 1, cnn_channels: [4, 8], rnn_neurons: 9, "
    "dnn_neurons: 11, lr: {rewarm: 2}}]"
)
PRODUCED = [
    *["train_log.txt", "log.txt", "wer_test.txt", "env.log", "train.py"],
    *["hyperparams.yaml", "growth_log.jsonl", "save/label_encoder.txt"],
]


def run(output, *arguments, way=run_recipe):
    """Runs train.py; returns its exit code and what it printed."""
    line = ["hparams/grow.yaml", f"--output_folder={output}", *arguments]
    return way(RECIPE, [*line, "--device=cpu"], f"{output}.txt")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A mini-TIMIT with one speaker for each region and part."""
    folder = tmp_path_factory.mktemp("corpus")
    line, log = [f"{folder / 'mini'}", "--scale=0.02"], folder / "printed.txt"
    code, printed = run_recipe(RECIPE, line, log, script="mini_timit.py")
    assert code == 0, printed
    return folder / "mini"


@pytest.fixture(scope="module")
def grown(corpus, tmp_path_factory):
    """A run that grew after its first epoch, and what it printed."""
    output = tmp_path_factory.mktemp("grown")
    data = f"--data_folder={corpus}"
    code, printed = run(output, data, "--number_of_epochs=2", *SMALL, GROWTH)
    assert code == 0, printed
    return output, printed


def test_writes_what_upstream_writes_and_the_growth_log(grown):
    output, printed = grown
    for name in PRODUCED:
        assert (output / name).stat().st_size > 0, name
        assert name.startswith(("env", "hyper", "train.py", "log")) or (
            str(output / name) in printed or name.startswith("save")
        )
    assert "Test PER" in printed and "Growth 1 after epoch 1" in printed


@pytest.mark.slow
def test_a_new_process_loads_the_best_model(grown, tmp_path):
    output, _ = grown
    best, sums = in_a_new_process(output / "model.yaml", "PER", tmp_path)
    assert sums == sums_in(best, "model", "output")
    units = read_state(best / "growth_schedule.ckpt")["sizes"]["rnn_neurons"]
    assert f"rnn_neurons: {units}\n" in (output / "model.yaml").read_text()


@pytest.mark.slow
def test_what_the_run_was_started_with_loads_in_a_new_process(grown):
    output, _ = grown
    script = (
        "from hyperpyyaml import load_hyperpyyaml\n"
        f"hparams = load_hyperpyyaml(open('{output}/hyperparams.yaml'))\n"
        "assert hparams['rnn_neurons'] == 6\n"
        "assert hparams['cnn_kernelsize'] == (3, 3)\n"
    )
    line = [sys.executable, "-c", script]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_page_transcribes_as_the_recipe_does(grown, corpus, tmp_path):
    output, _ = grown
    alone = ["--batch_size=1", "--test_only", f"--data_folder={corpus}"]
    code, printed = run(output, *alone, "--number_of_epochs=2", *SMALL, GROWTH)
    assert code == 0, printed
    lines = (output / "wer_test.txt").read_text().splitlines()
    head = next(n for n, line in enumerate(lines) if ", %WER" in line)
    name, heard = lines[head].split(",")[0], lines[head + 3]
    tokens = [token.strip() for token in heard.split(";")]
    items = json.loads((output / "save" / "test.json").read_text())
    wav = items[name]["wav"].format(data_root=corpus)
    page = (ROOT / "docs" / "use_what_you_trained.md").read_text()
    script = page.split("```python\n")[1].split("```")[0]
    script = script.replace("results/grow/1986", str(output))
    line = [sys.executable, "-c", script.replace("speech.wav", wav)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    phones = done.stdout.splitlines()[-1].split()
    assert phones == [token for token in tokens if token != "<eps>"] != []


def test_metrics_are_equal_to_the_printed_digit(grown):
    output, _ = grown
    (entry,) = map(json.loads, (output / "growth_log.jsonl").open())
    before, after = entry["valid_before"], entry["valid_after"]
    assert f"{before['PER']:.2f}" == f"{after['PER']:.2f}"
    assert f"{before['loss']:.2e}" == f"{after['loss']:.2e}"
    assert entry["drift"] < 1e-5
    log = (output / "train_log.txt").read_text().splitlines()[0]
    assert f"valid PER: {before['PER']:.2f}" in log


def test_a_checkpoint_is_a_stock_model(grown):
    output, _ = grown
    (newest, *_) = sorted(
        (output / "save").glob("CKPT*"),
        key=lambda path: (path / "counter.ckpt").read_text(),
        reverse=True,
    )
    stock = CRDNN(
        input_size=40,
        cnn_channels=[4, 8],
        rnn_neurons=9,
        rnn_layers=2,
        dnn_blocks=1,
        dnn_neurons=11,
        time_pooling=True,
    )
    state = torch.load(newest / "model.ckpt", weights_only=True)
    stock.load_state_dict(state, strict=True)


def test_starts_from_an_earlier_run_with_similar_lengths(
    grown, corpus, tmp_path
):
    earlier, _ = grown
    output = tmp_path / "second"
    code, printed = run(
        output,
        f"--data_folder={corpus}",
        f"--init_from={earlier}",
        "--number_of_epochs=1",
        "--growth=[]",
        "--dynamic_batching=True",
        "--num_workers=1",
    )
    assert code == 0, printed
    labels = "save/label_encoder.txt"
    assert (output / labels).read_text() == (earlier / labels).read_text()
    log = (output / "log.txt").read_text()
    assert "starts from" in log and "in batches of similar lengths" in log


def test_frames_become_finer_and_cost_twice_as_much(corpus, tmp_path):
    output = tmp_path / "finer"
    code, printed = run(
        output,
        f"--data_folder={corpus}",
        "--number_of_epochs=3",
        *SMALL,
        "--hop_length=20",
        "--growth=[{after_epoch: 2, sets: {hop_length: 10}}]",
    )
    assert code == 0, printed
    (entry,) = map(json.loads, (output / "growth_log.jsonl").open())
    assert entry["sets"] == {"hop_length": 10} and not entry["sets_exact"]
    assert entry["valid_before"]["loss"] != entry["valid_after"]["loss"]
    lines = map(json.loads, (output / "run_log.jsonl").open())
    epochs = [line for line in lines if line["event"] == "epoch"]
    macs = [line["macs"] for line in epochs]
    assert macs[1] == 2 * macs[0]
    assert 1.9 < (macs[2] - macs[1]) / macs[0] < 2.1
    best = min(epochs, key=lambda line: line["valid"]["PER"])["epoch"]
    hop = 10 if best == 3 else 20  # that of the best checkpoint
    assert f"\nhop_length: {hop}" in (output / "model.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("skip", [False, True])
def test_more_labels_than_frames_are_named(grown, corpus, tmp_path, skip):
    for part in ("train", "dev", "test"):
        items = json.loads((grown[0] / "save" / f"{part}.json").read_text())
        if part == "train":
            total, name = len(items), list(items)[1]
            items[name]["phn"] = "sil " * 200
        (tmp_path / f"{part}.json").write_text(json.dumps(items))
    code, printed = run(
        tmp_path / "output",
        f"--data_folder={corpus}",
        *("--number_of_epochs=1", "--growth=[]", *SMALL),
        *("--skip_prep=True", f"--skip_too_long={skip}"),
        f"--train_annotation={tmp_path}/train.json",
        f"--valid_annotation={tmp_path}/dev.json",
        f"--test_annotation={tmp_path}/test.json",
    )
    assert code == 1 - skip, printed
    if skip:
        assert f"left out 1 of {total} utterances" in printed
        log = (tmp_path / "output" / "log.txt").read_text()
        assert f"output frames: {name}" in log
    else:
        assert f"train.json: {name}: needs 399 output frames" in printed
        assert "Traceback" not in printed


@pytest.mark.slow
def test_a_loss_that_counts_as_0_in_a_batch_is_logged(tmp_path):
    # 5 frames alone; of the 10 frames of a batch with the other one, 4
    items = {}
    for name, samples in (("short", 1440), ("long", 3359)):
        soundfile.write(tmp_path / f"{name}.wav", np.ones(samples) / 2, 16000)
        items[name] = {
            "wav": f"{{data_root}}/{name}.wav",
            "duration": samples / 16000,
            "phn": "sil aa sil aa sil",
        }
    (tmp_path / "all.json").write_text(json.dumps(items))
    parts = ("train", "valid", "test")
    code, printed = run(
        tmp_path / "output",
        *[f"--{part}_annotation={tmp_path}/all.json" for part in parts],
        *("--skip_prep=True", f"--data_folder={tmp_path}"),
        *("--number_of_epochs=1", "--growth=[]", *SMALL),
    )
    assert code == 0, printed
    log = (tmp_path / "output" / "log.txt").read_text()
    for stage in ("TRAIN", "VALID", "TEST"):
        assert f"{stage}: 1 utterances had fewer output frames" in log
    assert log.count("their loss counted as 0: short\n") == 3


@pytest.mark.parametrize(
    "outputs, right",
    [pytest.param(44, True, marks=pytest.mark.slow), (12, False)],
)
def test_outputs_and_labels_need_not_agree(outputs, right, corpus, tmp_path):
    code, printed = run(
        tmp_path,
        f"--data_folder={corpus}",
        f"--output_neurons={outputs}",
        "--number_of_epochs=1",
        "--growth=[]",
        *SMALL,
    )
    assert code == 1 - right, printed
    if not right:
        assert "error: output_neurons is 12, but" in printed
        assert "Traceback" not in printed


@pytest.mark.parametrize(
    "way, argument, message",
    [
        pytest.param(
            *(from_a_shell, "--data_folder=/no/such/folder", "/no/such/folder"),
            marks=pytest.mark.slow,
        ),
        (run_recipe, "--data_folder=train.py", "train.py"),
        (run_recipe, "--data_folder=hparams", "hparams"),
        (
            run_recipe,
            "--growth=[{after_epoch: 2, rnn_neuron: 9}]",
            "rnn_neurons?",
        ),
        (run_recipe, "--init_from=/no/such/run", "/no/such/run"),
    ],
)
def test_a_mistake_ends_without_a_traceback(way, argument, message, tmp_path):
    code, printed = run(tmp_path / "output", *SMALL, argument, way=way)
    assert code == 1
    assert "error: " in printed and message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    "growth, message",
    [
        ("[{after_epoch: 2, rnn_neuron: 96}]", "did you mean rnn_neurons"),
        ("[{after_epoch: 2, rnn_neurons: 32}]", "would shrink to 32"),
        ("[{after_epoch: 99, rnn_neurons: 96}]", "but the last epoch is"),
        (
            "[{after_epoch: 2, rnn_neurons: 70}, "
            "{after_epoch: 2, rnn_neurons: 80}]",
            "each date must be later",
        ),
        (
            "[{after_epoch: 2, cnn_channels: [24, 32], fold: 0}]",
            "fold is 0; it must be a number of steps above 0",
        ),
        ("[{after_epoch: 2, output_neurons: 50}]", "the outputs grow"),
        ("[{after_epoch: 2, batch_size: 50}]", "no size 'batch_size'"),
        ("[{after_epoch: 2, n_mels: 80}]", "inputs"),
        ("[{after_epoch: 2, rnn_layers: 3}]", "stand in one model only"),
        ("[{rnn_neurons: 96}]", "no condition"),
        ("[{after_epoch: 2}]", "no size"),
        ("[{after_epoch: 2, rnn_neurons: 1.5}]", "whole number"),
        ("7", "must be a list"),
    ],
)
def test_plan_refuses_what_training_would(growth, message):
    with pytest.raises(SystemExit, match="error") as error:
        main(["plan", YAML, f"--growth={growth}"])
    assert message in str(error.value)


def test_plan_prints_the_run(capsys):
    main(["plan", YAML])
    table = capsys.readouterr().out
    assert "MACs per 100 frames" in table and "exact" in table
    main(["plan", str(RECIPE / "hparams" / "grow_timit.yaml")])
    assert "after_epoch 20" in capsys.readouterr().out
