"""An output folder of an earlier version still resumes and is tested.

`tests/samples/output_of_0.1` was made by version 0.1, in which classes had
other homes: the MNIST recipe with the options below, interrupted when its third
epoch began.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import shutil
from pathlib import Path

import pytest
from bad_inputs import MNIST, run_recipe

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "output_of_0.1"
OPTIONS = [
    "hparams/grow.yaml",
    "--dataset=digits",
    "--hidden=[2]",
    "--growth=[{after_epoch: 1, hidden: [4]}]",
    "--number_of_epochs=4",
    "--lr=0.01",
    "--seed=1988",
    "--device=cpu",
    "--noprogressbar",
]


@pytest.fixture
def output(tmp_path):
    """A copy of the sample, in which a run may write."""
    return shutil.copytree(SAMPLE, tmp_path / "output")


def run(output, *options):
    """Runs today's recipe on it; returns its text log's lines."""
    options = [*OPTIONS, f"--output_folder={output}", *options]
    code, text = run_recipe(MNIST, options, output.parent / "printed.txt")
    assert code == 0, text
    return (output / "train_log.txt").read_text().splitlines()


def events(output, kind):
    """What the run log holds of one kind."""
    found = map(json.loads, (output / "run_log.jsonl").open())
    return [event for event in found if event["event"] == kind]


def test_it_resumes(output):
    first = (output / "train_log.txt").read_text().splitlines()
    growth = (output / "growth_log.jsonl").read_text()
    *epochs, test = run(output)
    assert epochs[:2] == first and test.startswith("Epoch loaded: ")
    assert [line.split(",")[0] for line in epochs[2:]] == [
        "epoch: 3",
        "epoch: 4",
    ]
    assert "parameters: 3190 " in epochs[2]  # those of the model that grew
    assert (output / "growth_log.jsonl").read_text() == growth
    assert [event["starts"] for event in events(output, "start")] == [2]
    assert [e["growth"] for e in events(output, "growth")] == [0]
    # What version 0.1 gave when it finished this run itself
    losses = [event["train"]["loss"] for event in events(output, "epoch")]
    assert losses[2:] == pytest.approx([2.338219, 2.334151], rel=1e-3)


def test_it_is_tested(output):
    """The best checkpoint is the first one, smaller than the newest."""
    first = (output / "train_log.txt").read_text().splitlines()
    *epochs, test = run(output, "--test_only")
    assert epochs == first
    assert test.startswith("Epoch loaded: 1 - test loss: 2.36, ")
    assert test.endswith("test accuracy: 10.00")
