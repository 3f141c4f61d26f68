"""The recipes for several tasks from their command lines, every variant.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from bad_inputs import MNIST, TIMIT, run_recipe
from sklearn.datasets import load_digits

from speechbrain_growth import TaskMatrix

ROOT = MNIST.parents[3]
IMAGES = ROOT / "recipes/MNIST/continual/growing_MLP"
SPEECH = ROOT / "recipes/TIMIT/ASR/continual_CTC"
VARIANTS = ROOT / "hparams/variants"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
SMALL = [
    "--cnn_channels=[2,4]",
    "--rnn_layers=1",
    "--rnn_neurons=6",
    "--dnn_neurons=8",
]
# Streams of the recipe for speech, in the names of its YAMLs
SPOKEN = ("accents", "channels", "phones")
# Fewer epochs of systems that have several kinds of them
FEW = {
    "continual_accents_cpg": [
        "--growth=[]",
        "--epochs_per_task=2",
        "--ratios=[0.5]",
        "--prune_epochs=1",
    ],
    "continual_accents_den": [
        "--epochs_per_task=5",
        "--stages={head: 1, selected: 1, expanded: 1, whole: 1}",
    ],
}
# Strategies that promise that nothing is forgotten
KEEPING = ("Independent", "ExpertGate", "CPG", "Progressive", "FireflyStyle")


def run(recipe, yaml, *arguments, launcher=()):
    """Runs train.py in a process of its own; returns the report and matrix."""
    given = next(a for a in arguments if a.startswith("--output_folder="))
    folder = given.split("=")[1]
    if not launcher:  # forked from this one, in which all is imported
        line, log = [str(yaml), *arguments], f"{folder}.log"
        code, printed = run_recipe(recipe, line, log)
        assert code == 0, printed
        return read(folder)
    done = subprocess.run(
        [sys.executable, *launcher, "train.py", str(yaml), *arguments],
        cwd=recipe,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return read(folder)


def read(folder):
    """The report of a run, and its matrix."""
    with open(f"{folder}/tasks.json", encoding="utf-8") as fin:
        report = json.load(fin)
    return report, TaskMatrix(report["rows"], report["better"])


def keeps(report):
    """Whether the strategy promises that nothing is forgotten."""
    return report["facts"]["strategy.name"] in KEEPING


def of_images():
    """The YAMLs of the recipe for images that need no files"""
    found = sorted(VARIANTS.glob("continual_*.yaml"))
    other = (*SPOKEN, "sequence")
    own = [p for p in found if not any(name in p.name for name in other)]
    return [IMAGES / "hparams/continual.yaml", *own]


@pytest.mark.slow
@pytest.mark.parametrize("yaml", of_images(), ids=lambda p: p.stem)
def test_a_variant_learns_two_tasks(yaml, tmp_path):
    # SEDEM is told of no tasks: its stream is one
    own = any(name in yaml.stem for name in ("split", "sedem"))
    tasks = [] if own else ["--tasks=2"]
    folder = f"--output_folder={tmp_path}"
    report, matrix = run(IMAGES, yaml, folder, *tasks)
    assert matrix.acc > 85
    assert matrix.bwt == 0 or not keeps(report)
    assert report["capacity"] >= 1 and report["training"]["macs"] > 0
    if report.get("routing"):
        found = 5 if "sedem" in yaml.stem else matrix.tasks
        assert len(report["routing"]) == len(report["routed"]) == found


def data_set(folder, turned):
    """Writes digits as the four files of MNIST; all turned by 90 degrees, or not"""
    folder.mkdir()
    digits = load_digits()
    images = np.rot90(digits.images, turned, axes=(1, 2))
    images = np.pad(np.kron(images, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
    images = (15 * images).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    for part, some in (("train", slice(1400)), ("t10k", slice(1400, None))):
        for kind, values in (("images", images), ("labels", labels)):
            head = struct.pack(">HBB", 0, 8, values.ndim)
            sizes = struct.pack(f">{values.ndim}I", *values[some].shape)
            name = f"{part}-{kind}-idx{values.ndim}-ubyte"
            (folder / name).write_bytes(head + sizes + values[some].tobytes())


def test_each_data_set_of_a_sequence_is_in_its_folder(tmp_path):
    data_set(tmp_path / "mnist", turned=False)
    line = [
        f"--data_folder={tmp_path}",
        "--skip_prep=True",
        "--epochs_per_task=3",
    ]
    yaml, output = VARIANTS / "continual_sequence.yaml", tmp_path / "run"
    line.append(f"--output_folder={output}")
    code, printed = run_recipe(IMAGES, [str(yaml), *line], f"{output}.log")
    assert code == 1 and str(tmp_path / "fashion_mnist") in printed
    data_set(tmp_path / "fashion_mnist", turned=True)
    _, matrix = run(IMAGES, yaml, *line)
    assert min(matrix.rows[-1]) > 75 and matrix.bwt == 0


@pytest.mark.slow
def test_two_processes_keep_all_bits(tmp_path):
    yaml, rows = IMAGES / "hparams/continual.yaml", []
    few = ["--tasks=2", "--epochs_per_task=2"]
    for name, launcher in (("one", ()), ("two", TORCHRUN)):
        backend = ["--distributed_backend=gloo"] if launcher else []
        folder = f"--output_folder={tmp_path / name}"
        report, matrix = run(
            IMAGES, yaml, folder, *few, *backend, launcher=launcher
        )
        assert matrix.bwt == 0
        rows.append(report["rows"])
    # Gradients are summed in another order, so the last digits may differ
    assert rows[0][2] == pytest.approx(rows[1][2], abs=1.5)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A very small mini-TIMIT"""
    folder = tmp_path_factory.mktemp("corpus")
    line, log = [f"{folder / 'mini'}", "--scale=0.02"], folder / "printed.txt"
    code, printed = run_recipe(TIMIT, line, log, script="mini_timit.py")
    assert code == 0, printed
    return f"--data_folder={folder / 'mini'}"


def of_speech():
    """The YAMLs of the recipe for speech"""
    found = sorted(VARIANTS.glob("continual_*.yaml"))
    own = [p for p in found if any(name in p.name for name in SPOKEN)]
    return [SPEECH / "hparams/continual.yaml", *own]


@pytest.mark.slow
@pytest.mark.parametrize("yaml", of_speech(), ids=lambda p: p.stem)
def test_a_variant_learns_speech(yaml, corpus, tmp_path):
    few = FEW.get(yaml.stem, ["--epochs_per_task=1"])
    few = [*few, f"--output_folder={tmp_path}", *SMALL]
    # Few utterances have few phones; phone sets are known without them
    labels = [] if "phones" in yaml.stem else ["--output_neurons=40"]
    report, matrix = run(SPEECH, yaml, corpus, *labels, *few)
    assert report["metric"] == "PER" and matrix.better == "lower"
    assert matrix.bwt == 0 or not keeps(report)
    if "phones" in yaml.stem and "joint" not in yaml.stem:
        log = (tmp_path / "growth_log.jsonl").read_text().splitlines()
        sizes = [json.loads(line)["sizes_after"] for line in log]
        assert [one["output_neurons"] for one in sizes] == [49, 62]
    if "phones_fine" in yaml.stem:
        # Families sum to their phone, so that nothing changes at a growth
        assert all(json.loads(line)["drift"] < 1e-5 for line in log)
        assert all(value == value for row in matrix.rows for value in row)


def test_phone_sets_are_refused_without_their_outputs(tmp_path):
    yaml = VARIANTS / "continual_phones_fine_tuning.yaml"
    line = [str(yaml), "--growth=[]", f"--output_folder={tmp_path / 'run'}"]
    code, printed = run_recipe(SPEECH, line, tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in printed
    assert "output_neurons is 40, 40, 40 in the tasks" in printed
    assert "they have 40, 49, 62 outputs" in printed
    assert not (tmp_path / "run/hyperparams.yaml").exists()
