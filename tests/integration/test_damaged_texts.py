"""Damaged files that a resumed run reads: one message, or a plain resume.

Their checksums are written anew, as those of a file that was damaged before.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import shutil

import pytest
import torch
import yaml
from growing_run import at, toy, train

from speechbrain_growth import GrowthError
from speechbrain_growth.resume.checksums import seal

GROWTH = [
    {
        "after_epoch": 1,
        "cnn_channels": [4, 8],
        "rnn_neurons": 9,
        "dnn_neurons": 13,
        "lr": {"rewarm": 30, "units": "new"},
        "fold": 40,
    }
]
ODD = (None, "text", [1], {"a": 1}, math.nan, -1, 0.5, 10**30)
TEXTS = ("brain.ckpt", "logs.ckpt", "meter.ckpt", "counter.ckpt")
TEXTS += ("dataloader-TRAIN.ckpt",)
TENSORS = ("growth_transition.ckpt", "randomness.ckpt")
LOGS = ("run_log.jsonl", "growth_log.jsonl")
LEFT = ("CKPT.yaml", "growth_schedule.ckpt")  # only whole files


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run that was stopped inside the epoch of a transition."""
    folder = tmp_path_factory.mktemp("stopped")
    often = {"ckpt_interval_steps": 1}
    kill = at("epoch 3 step 2")
    train(toy(folder, kill, run_opts=often, growth=GROWTH))
    return folder


def inner(tree, path=()):
    """The places inside a tree, the first two of each list only."""
    items = tree.items() if isinstance(tree, dict) else ()
    if isinstance(tree, list):
        items = list(enumerate(tree))[:2]
    for key, value in items:
        yield (*path, key)
        yield from inner(value, (*path, key))


def replaced(tree, path, *value):
    """A tree with another value at a place, or nothing there."""
    if not path:
        return value[0]
    tree = tree.copy()
    if len(path) == 1 and not value:
        del tree[path[0]]
    else:
        tree[path[0]] = replaced(tree[path[0]], path[1:], *value)
    return tree


def as_text(tree, path):
    """Writes YAML, or JSON line by line."""
    if path.suffix == ".jsonl":
        lines = tree if isinstance(tree, list) else [tree]
        text = "\n".join(map(json.dumps, lines))
    else:
        mapping = isinstance(tree, (dict, list))
        text = yaml.safe_dump(tree) if mapping else str(tree)
    path.write_text(text, encoding="utf-8")


def tree_of(path):
    """What a file holds, and how to write it."""
    if path.name in TENSORS:
        return torch.load(path, weights_only=True), torch.save
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()], as_text
    return yaml.safe_load(text), as_text


def whole(path):
    """Ways to damage all of a file: its name, and what is done to the file."""
    raw = path.read_bytes()
    yield "emptied", lambda file: file.write_bytes(b"")
    yield "cut", lambda file: file.write_bytes(raw[: len(raw) // 2])
    yield "binary", lambda file: file.write_bytes(bytes(range(256)))
    for odd in ODD:
        yield repr(odd), lambda file, odd=odd: tree_of(path)[1](odd, file)


def within(path):
    """Ways to damage one value, in the same form."""
    tree, write = tree_of(path)
    for number, place in enumerate(inner(tree)):
        for odd in ODD[number % 4 :: 4]:  # each value gets two of them
            new = replaced(tree, place, odd)
            yield lambda file, new=new: write(new, file)
        left = replaced(tree, place)
        yield lambda file, left=left: write(left, file)


def damaged(stopped, name, folder, write):
    """A copy of the run with one damaged file, wherever it stands."""
    shutil.copytree(stopped, folder)
    files = [*folder.glob(name), *folder.glob(f"save/*/{name}")]
    assert files
    for file in files:
        write(file)
        if file.parent != folder:
            seal(file.parent)


def answer(folder, file):
    """What the next start answers: None if it resumes."""
    try:
        train(toy(folder, at("epoch 3 step 3"), growth=GROWTH))
    except GrowthError as error:
        assert file in str(error)
        return str(error)
    return None


@pytest.mark.parametrize("name", (*TEXTS, *TENSORS, *LOGS, *LEFT))
def test_a_damaged_file_is_named(name, stopped, tmp_path):
    (source, *_) = [
        *stopped.glob(name),
        *sorted(stopped.glob(f"save/*/{name}")),
    ]
    for number, (how, write) in enumerate(whole(source)):
        damaged(stopped, name, tmp_path / f"{number}", write)
        found = answer(tmp_path / f"{number}", name)
        if how in ("emptied", "cut", "binary"):
            # An empty log has no lines
            assert found or (name in LOGS and how == "emptied"), how


@pytest.mark.slow
@pytest.mark.parametrize("name", (*TEXTS[:3], *TENSORS))
def test_a_damaged_value_is_named_or_does_no_harm(name, stopped, tmp_path):
    (source, *_) = [
        *stopped.glob(name),
        *sorted(stopped.glob(f"save/*/{name}")),
    ]
    for number, write in enumerate(within(source)):
        damaged(stopped, name, tmp_path / f"{number}", write)
        answer(tmp_path / f"{number}", name)
        shutil.rmtree(tmp_path / f"{number}")
