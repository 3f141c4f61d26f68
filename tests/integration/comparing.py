"""What a run leaves behind, and where two runs differ in it.

Authors
 * The speechbrain_growth authors 2026
"""

import pathlib
import re

import torch

from speechbrain_growth.measure.events import read_events
from speechbrain_growth.resume.checkpointer import SafeCheckpointer

CLOCKS = ("seconds", "cpu_seconds", "wall_seconds")
CLOCKED = ("meter", "logs")  # parts of a checkpoint
FILES = ["wer_test.txt", "save/label_encoder.txt", "save/train.json"]
MISSING = object()


def results(folder, corpus, files=FILES):
    """All that a run leaves, without clocks and paths."""
    found = {}
    checkpoints = SafeCheckpointer(folder / "save").list_checkpoints()
    newest = max(checkpoints, key=lambda one: one.meta["unixtime"])
    for name, path in newest.paramfiles.items():
        if name not in CLOCKED:
            zipped = path.read_bytes().startswith(b"PK")  # torch's format
            read = torch.load if zipped else pathlib.Path.read_text
            found[name] = read(path)
    text = (folder / "train_log.txt").read_text()
    found["train log"] = re.sub(r"(cpu|wall)_seconds: [^,]+, ", "", text)
    hidden = (*CLOCKS, "starts", "overrides", "first")
    for name, kind in (("run_log.jsonl", None), ("growth_log.jsonl", "growth")):
        found[name] = [
            {key: event[key] for key in event if key not in hidden}
            for event in read_events(folder / name, kind)
        ]
    found.update({name: (folder / name).read_bytes() for name in files})
    found["corpus"] = {
        str(path.relative_to(corpus)): path.read_bytes()
        for path in corpus.rglob("*")
        if path.is_file()
    }
    return found


def differences(found, expected, where=""):
    """Names of all in which two nested results are not equal bit by bit."""
    if isinstance(found, dict) and isinstance(expected, dict):
        pairs = {
            key: (found.get(key, MISSING), expected.get(key, MISSING))
            for key in {**found, **expected}
        }
    elif isinstance(found, (list, tuple)) and len(found) == len(expected):
        pairs = dict(enumerate(zip(found, expected)))
    else:
        both = (
            isinstance(found, torch.Tensor),
            isinstance(expected, torch.Tensor),
        )
        same = torch.equal if all(both) else (lambda one, two: one == two)
        return [] if same(found, expected) else [where]
    return [
        name
        for key, (one, two) in pairs.items()
        for name in differences(one, two, f"{where}/{key}")
    ]
