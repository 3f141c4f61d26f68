"""Tests that runs over several tasks are compared as the literature does

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest

from speechbrain_growth import GrowthError
from speechbrain_growth.experiments.compare import report
from speechbrain_growth.experiments.tasks.pictures import NAMES

NAN = float("nan")
ROWS = {
    "grown": [[NAN, NAN], [90, NAN], [90, 85]],
    "tuned": [[10, 10], [90, 12], [60, 88]],
    "independent": [[NAN, NAN], [89, NAN], [89, 83]],
    "joint": [[10, 10], [91, 90], [92, 91]],
}


def write(folder, name, seed, **changes):
    """A run's output folder; the second seed is one point better"""
    path = folder / name / str(seed)
    path.mkdir(parents=True)
    (path / "train_log.txt").write_text("epoch: 1 - valid accuracy: 1\n")
    found = {
        "metric": "accuracy",
        "better": "higher",
        "rows": [[v + seed for v in row] for row in ROWS[name]],
        "facts": {"stream.name": "Permuted", "strategy.name": name},
        "capacity": 2.0,
        "training": {"macs": 100, "cpu_seconds": 1.5},
        **changes,
    }
    (path / "tasks.json").write_text(json.dumps(found))
    return path


@pytest.fixture
def folder(tmp_path):
    """Two seeds of each name"""
    for name in ROWS:
        for seed in (0, 1):
            write(tmp_path / "runs", name, seed)
    return tmp_path


def test_the_numbers_are_those_by_hand(folder):
    summary = report([str(folder / "runs")], str(folder / "out"))
    found = {group["name"]: group for group in summary["groups"]}
    grown, tuned = found["grown"], found["tuned"]
    assert grown["seeds"] == ["0", "1"]
    assert grown["acc"]["mean"] == pytest.approx(88.0)
    assert grown["bwt"]["mean"] == 0 and tuned["bwt"]["mean"] == -30
    # The references are those of the same seed
    assert grown["fwt"]["mean"] == pytest.approx((1 + 2) / 2)
    assert grown["fwt"]["half"] == 0
    assert tuned["intransigence"]["mean"] == pytest.approx((2 + 3) / 2)
    text = (folder / "out" / "report.md").read_text()
    assert "| grown | 2 | 88.00 ± 6.35 | 0.00 ± 0.00 |" in text
    assert "task found" not in text  # nobody looked for it
    for name in NAMES:
        for kind in ("png", "svg"):
            size = (folder / "out" / f"{name}.{kind}").stat().st_size
            assert 1000 < size < 200_000


def test_without_references_there_is_no_transfer(tmp_path):
    write(tmp_path / "runs", "grown", 0, routing=[0.5, 1.0], routed=[40, 80])
    summary = report([str(tmp_path / "runs")], str(tmp_path / "out"))
    (grown,) = summary["groups"]
    assert grown["fwt"]["mean"] is grown["intransigence"]["mean"] is None
    text = (tmp_path / "out" / "report.md").read_text()
    assert "FWT |" not in text and "| 60.00 | 75.00 % |" in text


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"metric": "PER"}, "the metric is 'PER', but in .*'accuracy'"),
        ({"facts": {"stream.name": "Split"}}, "the stream is .*Split"),
    ],
)
def test_other_tasks_are_not_compared(folder, changes, message):
    write(folder / "runs" / "more", "grown", 2, **changes)
    with pytest.raises(GrowthError, match=message):
        report([str(folder / "runs")], str(folder / "out"))


def test_a_run_without_a_matrix_is_named(folder):
    (folder / "runs" / "grown" / "1" / "tasks.json").unlink()
    with pytest.raises(GrowthError, match="grown/1: there is no tasks.json"):
        report([str(folder / "runs")], str(folder / "out"))


def test_a_damaged_report_is_named(folder):
    path = folder / "runs" / "grown" / "1" / "tasks.json"
    path.write_text("{")
    with pytest.raises(GrowthError, match="cannot be read"):
        report([str(folder / "runs")], str(folder / "out"))
    path.write_text("{}")
    with pytest.raises(GrowthError, match="lacks metric, better"):
        report([str(folder / "runs")], str(folder / "out"))
