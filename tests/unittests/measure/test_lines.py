"""Tests that a damaged log ends with one message, wherever it is read.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import json
import math

import pytest

from speechbrain_growth import GrowthError
from speechbrain_growth.experiments.comparable import check_runs, warnings_of
from speechbrain_growth.experiments.runs import epochs_done, is_done, read_run
from speechbrain_growth.experiments.statistics import summarize
from speechbrain_growth.measure.growth_log import GrowthLog
from speechbrain_growth.measure.run_log import RunLogger

ODD = (None, "text", [1], {}, {"a": 1}, math.nan, -1, 0, 10**400, 0.5, True)
COSTS = {"macs": 10**20, "cpu_seconds": 1.0, "wall_seconds": 2.0}
START = {
    "event": "start",
    "starts": 1,
    "metric": "PER",
    "better": "lower",
    "overrides": {"init_from": "earlier/1"},
    "seed": 1,
    "epochs": 2,
    "sizes": {"width": 4},
    "before": COSTS,
    "budget": {"macs": 10**20},
}
GROWTH = {
    "growth": 0,
    "epoch": 1,
    "condition": "after_epoch 1",
    "grown": True,
    "drift": 0.0,
    "tolerance": 1e-4,
    "sizes_before": {"width": 4},
    "sizes_after": {"width": 8},
    "parameters_before": 1,
    "parameters_after": 2,
    "macs_before": 3,
    "macs_after": 4,
    "valid_before": {"PER": 3.0},
    "valid_after": {"PER": 3.0},
    "seconds": 1.0,
}
EVENTS = [
    START,
    {"event": "epoch", "epoch": 1, **COSTS, "valid": {"PER": 3.0}},
    {"event": "growth", **GROWTH},
    {"event": "epoch", "epoch": 2, **COSTS, "valid": {"PER": 2.0}},
    {"event": "test", "Epoch loaded": 2, "test": {"PER": 2.5}},
]


def inner(tree, path=()):
    """The places inside a tree"""
    items = tree.items() if isinstance(tree, dict) else ()
    for key, value in enumerate(tree) if isinstance(tree, list) else items:
        yield (*path, key)
        yield from inner(value, (*path, key))


def replaced(tree, path, value):
    """A tree with another value at a place; LEFT OUT for nothing there"""
    tree = tree.copy()
    if len(path) > 1:
        value = replaced(tree[path[0]], path[1:], value)
    tree[path[0]] = value
    if value == "LEFT OUT":
        del tree[path[0]]
    return tree


def lines(events):
    """The text of a log"""
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def ways(events, every=1):
    """Texts of a log that is damaged"""
    text = lines(events)
    yield from (b"", text[: len(text) // 2], bytes(range(256)), b"[1]", b"3")
    for number, place in enumerate(inner(events)):
        for odd in (*ODD, "LEFT OUT")[number % every :: every]:
            yield lines(replaced(events, place, odd))


def named(path, read, *arguments):
    """Calls a reader; its only error names the file or its folder"""
    try:
        return read(*arguments)
    except GrowthError as error:
        assert str(path.parent) in str(error)
        return None


def compared(runs):
    """Compares runs, without their plots"""
    check_runs(runs, [])
    assert summarize(runs, None) and warnings_of(runs) is not None


def test_a_damaged_run_log_is_compared_or_named(tmp_path):
    whole, path = tmp_path / "grow" / "2", tmp_path / "grow" / "1/run_log.jsonl"
    whole.mkdir(parents=True)
    (whole / "run_log.jsonl").write_bytes(lines(EVENTS))
    path.parent.mkdir()
    for text in ways(EVENTS):
        path.write_bytes(text)
        for read in (is_done, epochs_done):
            named(path, read, str(path.parent))
        run = named(path, read_run, str(path.parent))
        if run is not None:
            runs = [run._replace(seed="1"), read_run(str(whole))]
            assert run.state
            named(path, compared, runs)


def test_a_damaged_run_log_is_continued_or_named(tmp_path):
    logger = RunLogger(str(tmp_path / "train_log.txt"), "PER", "lower")
    path = tmp_path / "run_log.jsonl"
    stats = {"valid_stats": {"PER": 1.0}, "verbose": False}
    log_epoch = functools.partial(logger.log_stats, {"epoch": 3}, **stats)
    for text in ways(EVENTS, every=5):
        path.write_bytes(text)
        named(path, log_epoch)
        named(path, logger.log_growth, GROWTH)


def test_a_damaged_growth_log_is_told_or_named(tmp_path):
    path = tmp_path / "growth_log.jsonl"
    log = GrowthLog(str(path), [1, 3])
    for text in ways([GROWTH, {**GROWTH, "growth": 1}], every=4):
        path.write_bytes(text)
        named(path, log.in_words)
        named(path, log.keep, 1)
        named(path, log.write, {**GROWTH, "growth": 2})


@pytest.mark.parametrize(
    "line, message",
    [
        ("oops", "found 'oops'; it must be an object in JSON"),
        ('{"event": [1]}', "event is [1]; it must be one of start, epoch"),
        ('{"event": "test"}', "there is no test; a line of test has one"),
        (
            '{"event": "epoch", "epoch": 1, "macs": -1}',
            "macs is -1; it must be a number, at least 0",
        ),
    ],
)
def test_the_line_is_named(line, message, tmp_path):
    path = tmp_path / "run_log.jsonl"
    path.write_text(f"{json.dumps(START)}\n{line}\n")
    with pytest.raises(GrowthError) as error:
        read_run(str(tmp_path))
    assert str(error.value).startswith(f"{path}, line 2: {message}")


def test_a_text_log_may_be_damaged(tmp_path):
    path = tmp_path / "train_log.txt"
    good = "epoch: 1, lr: 1.00e-03 - train loss: 2.00 - valid PER: nan\n"
    path.write_text(good)
    assert read_run(str(tmp_path), "PER", "lower").curve == [None]
    for bad in ("epoch: [1] - valid PER: 3", "epoch: x, valid: 3"):
        path.write_text(good + bad)
        with pytest.raises(GrowthError, match="train_log.txt, line 2: "):
            read_run(str(tmp_path), "PER", "lower")
    path.write_bytes(bytes(range(256)))
    assert read_run(str(tmp_path), "PER", "lower").epochs == []
