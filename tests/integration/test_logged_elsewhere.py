"""TensorBoard has what the run's own logs have, also after a kill.

The package is optional: pip install -e ".[loggers]".

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import itertools
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from growing_run import YAML, at, entry_of, toy, train, train_log, weights

OFTEN = {"ckpt_interval_steps": 1}


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """Names event files by a clock of its own: one file for each second."""
    if importlib.util.find_spec("tensorboard"):
        clock = types.SimpleNamespace(time=itertools.count(1).__next__)
        module = "tensorboard.summary.writer.event_file_writer"
        monkeypatch.setattr(f"{module}.time", clock)


def text(names):
    """The toy's YAML with other loggers."""
    line = "    better: lower\n"
    return YAML.replace(line, f"{line}    also: [{names}]\n")


def board(folder):
    """All curves and texts that TensorBoard shows: steps and values."""
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.plugin_event_accumulator"
    )
    from tensorboard.util.tensor_util import make_ndarray

    folder = folder / "tensorboard"
    events = accumulators.EventAccumulator(str(folder)).Reload()
    return {
        tag: [
            (one.step, make_ndarray(one.tensor_proto).item())
            if "text" not in tag
            else (one.step, one.tensor_proto.string_val[0].decode())
            for one in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was not interrupted, and what TensorBoard shows of it."""
    pytest.importorskip("tensorboard")
    folder = tmp_path_factory.mktemp("whole")
    brain = train(toy(folder, text=text("tensorboard"), run_opts=OFTEN))
    return brain, board(folder)


def without_clocks(found):
    """What no clock has a part in."""
    kept = {k: v for k, v in found.items() if not k.endswith("_seconds")}
    sentences = kept["growth/text_summary"]
    kept["growth/text_summary"] = [
        (step, re.sub(r"; [\d.]+ s\.$", "", words)) for step, words in sentences
    ]
    return kept


def test_tensorboard_has_the_numbers_of_the_log(whole):
    brain, found = whole
    for key in ("loss", "error"):
        values = [float(np.float32(stats[key])) for stats in brain.history]
        assert found[f"{key}/valid"] == list(zip((1, 2, 3, 4), values))
    logged = map(float, re.findall(r"parameters: (\d+)", train_log(brain)))
    assert [value for _, value in found["parameters"]] == list(logged)
    assert [value for _, value in found["epoch"]] == [1, 2, 3, 4]
    assert "digits" not in found  # a text, which has no curve


def test_a_growth_is_a_step_and_a_sentence(whole):
    brain, found = whole
    entry = entry_of(brain)
    for tag, key in (("parameters", "parameters"), ("MACs", "macs")):
        small, large = entry[f"{key}_before"], entry[f"{key}_after"]
        assert small < large < 2**24  # exact in single precision
        expected = list(zip((1, 2, 3, 4), (small, small, large, large)))
        assert found[f"growth/{tag}"] == expected
    words = brain.growth_log.in_words()
    assert found["growth/text_summary"] == [(3, words)]


@pytest.mark.parametrize(
    "moments",
    [
        ["epoch 3 step 2", "epoch 3 before saving"],
        pytest.param(["grown"], marks=pytest.mark.slow),
        pytest.param(
            ["epoch 1 step 2", "before growing", "epoch 4 before saving"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_resumed_run_has_the_same_curves(moments, whole, tmp_path):
    kinds = {"text": text("tensorboard"), "run_opts": OFTEN}
    for moment in moments:
        train(toy(tmp_path, kill=at(moment), **kinds))
    resumed = train(toy(tmp_path, **kinds))
    assert len(list((tmp_path / "tensorboard").iterdir())) > len(moments)
    brain, expected = whole
    assert train_log(resumed) == train_log(brain)
    assert without_clocks(board(tmp_path)) == without_clocks(expected)


def test_it_changes_nothing_in_the_run(whole, tmp_path):
    brain, _ = whole
    alone = train(toy(tmp_path, run_opts=OFTEN))
    assert train_log(brain) == train_log(alone)
    expected, found = weights(alone), weights(brain)
    assert all((found[name] == expected[name]).all() for name in expected)


def rows(path):
    """The rows that W&B keeps in a file until somebody runs `wandb sync`."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, found = path.read_bytes(), 7, b""  # after a header
    while at < len(data):
        length, last = (
            int.from_bytes(data[at + 4 : at + 6], "little"),
            data[at + 6],
        )
        found += data[at + 7 : at + 7 + length]
        at += 7 + length
        if last in (1, 4):  # a whole record, or its last part
            record, found = Record.FromString(found), b""
            if record.HasField("history"):
                yield {
                    "/".join(item.nested_key) or item.key: item.value_json
                    for item in record.history.item
                }


def test_wandb_has_the_same_offline(whole, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    kinds = {"text": text("wandb"), "run_opts": OFTEN}
    for kill in (at("epoch 3 step 2"), None):
        resumed = train(toy(tmp_path / "run", kill=kill, **kinds))
        wandb.finish()
    brain, expected = whole
    assert train_log(resumed) == train_log(brain)
    paths = sorted((tmp_path / "run").rglob("*.wandb"))
    assert len({path.name for path in paths}) == 1 < len(paths)  # one run
    logged = [row for path in paths for row in rows(path)]
    for key, tag in {
        "valid/error": "error/valid",
        "growth/parameters": "growth/parameters",
    }.items():
        found = [(int(row["_step"]), float(row[key])) for row in logged]
        assert found == expected[tag]
    assert [i for i, row in enumerate(logged) if "growth" in row] == [2]
    assert "Growth 1 after epoch 2" in logged[2]["growth"]


def test_off_nothing_is_imported_or_written(tmp_path):
    code = (
        "import pathlib, sys, growing_run, test_logged_elsewhere\n"
        "text = test_logged_elsewhere.text('')\n"
        "run = growing_run.toy(pathlib.Path(sys.argv[1]), text=text)\n"
        "assert growing_run.train(run).hparams.epoch_counter.current == 4\n"
        "found = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not {'tensorboard', 'wandb'} & found\n"
        "assert 'torch.utils.tensorboard' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parent)
    names = {path.name for path in tmp_path.iterdir()}
    assert "train_log.txt" in names
    assert not {"tensorboard", "wandb", "wandb_id.txt"} & names
