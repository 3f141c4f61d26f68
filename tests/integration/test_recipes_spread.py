"""The recipes from their command lines, over two processes and scripted.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from bad_inputs import MNIST, TIMIT, run_recipe

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
ROWS = {
    TIMIT: [
        "--cnn_channels=[2,4]",
        "--rnn_layers=1",
        "--rnn_neurons=6",
        "--dnn_neurons=8",
        "--growth=[{after_epoch: 1, cnn_channels: [4, 8], rnn_neurons: 9}]",
    ],
    MNIST: [
        "--dataset=digits",
        "--batch_norm=True",
        "--growth=[{after_epoch: 1, hidden: [32]}]",
    ],
}


def run(recipe, *arguments, launcher=(), yaml="grow.yaml"):
    """Runs train.py in processes of its own, on the CPU."""
    return subprocess.run(
        [
            sys.executable,
            *launcher,
            "train.py",
            f"hparams/{yaml}",
            *arguments,
        ],
        cwd=recipe,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The arguments that say where each recipe's data are."""
    folder = tmp_path_factory.mktemp("corpus")
    line, log = [f"{folder / 'mini'}", "--scale=0.02"], folder / "printed.txt"
    code, printed = run_recipe(TIMIT, line, log, script="mini_timit.py")
    assert code == 0, printed
    return {TIMIT: [f"--data_folder={folder / 'mini'}"], MNIST: []}


@pytest.mark.slow
def test_subwords_are_trained_by_one_of_two_processes(data, tmp_path):
    done = run(
        TIMIT,
        *(f"--output_folder={tmp_path}", *data[TIMIT], *ROWS[TIMIT]),
        *("--vocab_size=40", "--output_neurons=40", "--number_of_epochs=2"),
        "--distributed_backend=gloo",
        launcher=TORCHRUN,
        yaml="grow_subwords.yaml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "save" / "40_bpe.model").is_file()
    assert "test WER" in (tmp_path / "train_log.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, launcher, options",
    [
        (TIMIT, TORCHRUN, ["--distributed_backend=gloo"]),
        (MNIST, TORCHRUN, ["--distributed_backend=gloo"]),
        (TIMIT, [], ["--jit", "--precision=bf16"]),
        pytest.param(
            *(MNIST, [], ["--compile"]),
            marks=pytest.mark.skipif(
                shutil.which("g++") is None, reason="needs a C++ compiler"
            ),
        ),
    ],
)
def test_a_recipe_grows(recipe, launcher, options, data, tmp_path):
    arguments = [f"--output_folder={tmp_path}", *data[recipe], *ROWS[recipe]]
    options = [*options, "--number_of_epochs=2"]
    done = run(recipe, *arguments, *options, launcher=launcher)
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = map(json.loads, (tmp_path / "growth_log.jsonl").open())
    assert entry["grown"] and entry["drift"] < 1e-4
    log = (tmp_path / "train_log.txt").read_text()
    trained = [line for line in log.splitlines() if line.startswith("epoch:")]
    assert len(trained) == 2
