"""Comparisons against SciPy called directly; what is missing is named.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from speechbrain_growth import GrowthError
from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.compare import report
from speechbrain_growth.experiments.plots import plot
from speechbrain_growth.experiments.runs import read_run
from speechbrain_growth.experiments.tables import as_markdown
from speechbrain_growth.measure.run_log import RunLogger

OLD_RUNS = (
    Path(__file__).resolve().parents[3] / "recipes/TIMIT/ASR/growing_CTC/runs"
)
# errors on the validation set after each epoch, then on the test set
CURVES = {
    "grow": {1: (40, 20, 15, 14), 2: (42, 24, 15, 16), 3: (44, 22, 19, 17)},
    "large": {1: (30, 12, 14), 2: (33, 18, 15), 3: (36, 15, 17)},
}
FACTS = {"epochs": 3, "device": "cpu", "threads": 1, "torch": "2"}


def log(folder, curve, test=None, better="lower", **facts):
    """A run as a recipe logs it."""
    folder.mkdir(parents=True)
    run = RunLogger(str(folder / "train_log.txt"), "error", better)
    run.begin({**FACTS, "seed": int(folder.name), **facts})
    for epoch, error in enumerate(curve, start=1):
        costs = {"macs": 100 * epoch, "cpu_seconds": 2.5 * epoch}
        meta = {"epoch": epoch, **costs, "parameters": 7}
        run.log_stats(meta, valid_stats={"error": error}, verbose=False)
        if folder.parent.name == "grow" and epoch == 1:
            run.log_growth({"growth": 0, "epoch": 1, "grown": True})
    if test is not None:
        meta = {"Epoch loaded": 1}
        run.log_stats(meta, test_stats={"error": test}, verbose=False)


@pytest.fixture
def runs(tmp_path):
    """Two kinds of run, three seeds each."""
    for name, seeds in CURVES.items():
        for seed, (*curve, last) in seeds.items():
            log(tmp_path / "runs" / name / str(seed), [*curve, last], last + 2)
    return tmp_path / "runs"


def group_of(summary, name):
    """The numbers of one kind of run."""
    return next(g for g in summary["groups"] if g["name"] == name)


def test_means_intervals_and_tests_are_scipys(runs, tmp_path):
    summary = report([str(runs)], str(tmp_path / "out"))
    finals = {
        name: np.array([curve[-1] for curve in seeds.values()], dtype=float)
        for name, seeds in CURVES.items()
    }
    for name, values in finals.items():
        found = group_of(summary, name)["final"]
        low, high = stats.t.interval(
            0.95, len(values) - 1, np.mean(values), stats.sem(values)
        )
        assert found["mean"] == pytest.approx(values.mean())
        assert found["half"] == pytest.approx((high - low) / 2)
        assert group_of(summary, name)["test"]["mean"] == pytest.approx(
            values.mean() + 2
        )
        best = [min(curve) for curve in CURVES[name].values()]
        assert group_of(summary, name)["best"]["mean"] == np.mean(best)
    pair = summary["pairs"][0]
    assert (pair["one"], pair["other"], pair["of"]) == (
        "grow",
        "large",
        "final",
    )
    expected = stats.ttest_rel(finals["grow"], finals["large"])
    low, high = expected.confidence_interval(0.95)
    assert pair["p"] == pytest.approx(expected.pvalue)
    assert pair["mean"] == pytest.approx((low + high) / 2)
    assert pair["half"] == pytest.approx((high - low) / 2)


def test_cost_to_reach_the_large_run(runs, tmp_path):
    summary = report([str(runs)], str(tmp_path / "out"))
    goal = np.mean([14, 15, 17])
    assert summary["goal"] == pytest.approx(goal)
    # grow: seed 1 after 3 epochs, seed 2 after 3, seed 3 never
    grown = group_of(summary, "grow")["to_goal"]
    assert grown["seeds"] == ["1", "2"]
    assert grown["macs"]["mean"] == 300 and grown["macs"]["number"] == 2
    # large: 12 after 2 epochs, 15 after 3, 15 after 2
    large = group_of(summary, "large")["to_goal"]
    assert large["cpu_seconds"]["mean"] == pytest.approx(2.5 * 7 / 3)
    text = as_markdown(summary)
    assert "| grow | 2 of 3 | 3.000e+02 ± 0.000e+00 |" in text
    # a percentage of the lucky seeds alone would mislead
    assert "± 0.0 | not all reach it |" in text and " | 78 % |" in text


def test_higher_may_be_better(tmp_path):
    for seed, curve in {1: (50, 90, 80), 2: (60, 70, 84)}.items():
        folder = tmp_path / "runs" / "large" / str(seed)
        log(folder, curve, curve[-1], better="higher")
    summary = report([str(tmp_path / "runs")], str(tmp_path / "out"))
    group = group_of(summary, "large")
    assert group["best"]["mean"] == 87 and summary["goal"] == 82
    assert group["to_goal"]["macs"]["mean"] == 250


def test_a_run_that_is_not_finished_is_listed_and_in_no_mean(runs, tmp_path):
    log(runs / "large" / "4", [99, 98])
    log(runs / "large" / "5", [99, 98, 97])
    log(runs / "tiny" / "1", [])
    gone = str(runs / "grow" / "4")
    summary = report([str(runs), gone], str(tmp_path / "out"))
    assert summary["missing"] == [gone]
    assert group_of(summary, "large")["seeds"] == ["1", "2", "3"]
    assert group_of(summary, "large")["final"]["mean"] < 20
    text = (tmp_path / "out" / "report.md").read_text()
    for line in (
        f"* {gone}: missing",
        "* large, seed 4: stopped after epoch 2 of 3",
        "* large, seed 5: all 3 epochs, not tested",
        "* tiny, seed 1: stopped after epoch 0 of 3",
    ):
        assert line in text


def test_all_files_are_there_and_the_same_each_time(runs, tmp_path, capsys):
    out = [tmp_path / "out", tmp_path / "again"]
    for folder in out:
        main(["compare", str(runs), "--out", str(folder), "--format", "json"])
    printed = capsys.readouterr().out
    text = (out[0] / "report.json").read_text()
    assert printed == 2 * text and json.loads(text)["metric"] == "error"
    report_text = (out[0] / "report.md").read_text()
    files = re.findall(r"!\[.*\]\((.*)\)", report_text)
    assert files == [f"error_{x}.png" for x in ("epoch", "macs", "cpu_seconds")]
    for file in files:
        for kind in (".png", ".svg"):
            first, second = (
                folder / Path(file).with_suffix(kind).name for folder in out
            )
            assert first.read_bytes() == second.read_bytes()


def test_a_plot_shows_every_run_and_its_growths(runs):
    drawn = [
        read_run(str(runs / name / str(seed)))
        for name in CURVES
        for seed in CURVES[name]
    ]
    figure = plot(drawn, "macs", goal=15.0)
    axes, close = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) in (3, 4)]
    assert len(lines) == 6 + 2  # runs, and their means
    marks = [
        (*line.get_xdata(), *line.get_ydata())
        for line in axes.lines
        if line.get_marker() == "^" and len(line.get_xdata())
    ]
    # a growth after the first epoch stands where that epoch ended
    assert sorted(marks) == [(100, 40), (100, 42), (100, 44)]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["grow", "large", "growth", "goal"]
    # close up are the ends: epochs 3 and 4 of grow, 3 of large, and the goal
    assert len(close.lines) == len(axes.lines)
    assert close.get_ylim() == pytest.approx((14 - 0.25, 19 + 0.25))
    assert axes.get_ylim()[1] > 44


def test_the_best_of_a_setting_is_chosen_on_the_validation_set(tmp_path):
    place = tmp_path / "runs"
    curves = {  # the best of lr=1 on the test is the worst on the validation
        "grow,lr@1": {1: (9, 8), 2: (9, 9)},
        "grow,lr@2": {1: (5, 7), 2: (8, 9)},
        "grow,lr@3": {1: (1, 1)},
        "large,lr@1": {1: (3, 4), 2: (3, 2)},
        "large,lr@2": {1: (6, 6), 2: (6, 6)},
        "small": {1: (8, 8), 2: (8, 8)},
    }
    for name, seeds in curves.items():
        for seed, curve in seeds.items():
            log(place / name / str(seed), curve, 0 if name[-1] == "1" else 9)
    log(place / "grow,lr@3" / "2", [1])
    out = tmp_path / "out"
    main(["compare", str(place), "--out", str(out), "--best-of", "lr"])
    summary = json.loads((out / "report.json").read_text())
    assert [(c["name"], c["value"]) for c in summary["chosen"]] == [
        ("grow", "2"),
        ("large", "1"),
    ]
    names = [group["name"] for group in summary["groups"]]
    assert names == ["grow", "large", "small"]
    assert group_of(summary, "grow")["best"]["mean"] == 6.5
    assert group_of(summary, "grow")["test"]["mean"] == 9
    assert summary["large"] == "large" and summary["goal"] == 3
    text = (out / "report.md").read_text()
    assert "| grow | 2 | 1: 8.50 ± 6.35 (2), 2: 6.50 ± 19.06 (2), 3: " in text
    assert "* grow,lr@3, seed 2: stopped after epoch 1 of 3" in text
    with pytest.raises(GrowthError, match="no run is called NAME,bn@VALUE"):
        report([str(place)], str(out), best="bn")


def test_a_setting_that_is_best_when_higher(tmp_path):
    for name, accuracy in (("large,lr@1", 80), ("large,lr@2", 90)):
        folder = tmp_path / "runs" / name / "1"
        log(folder, [accuracy], accuracy, better="higher")
    summary = report([str(tmp_path / "runs")], str(tmp_path), best="lr")
    assert summary["chosen"][0]["value"] == "2" and summary["goal"] == 90


def test_runs_of_other_settings_or_machines_are_pointed_out(runs, tmp_path):
    overrides = {"lr": 0.1, "output_folder": "x"}
    log(runs / "large" / "7", [9, 9, 9], 9, overrides=overrides)
    log(runs / "large" / "8", [9, 9, 9], 9, threads=2)
    warnings = report([str(runs)], str(tmp_path / "out"))["warnings"]
    assert warnings[0] == "large: its seeds were run with different lr"
    assert "seconds cannot be compared" in warnings[1] and len(warnings) == 2


def test_the_cost_of_an_earlier_run_is_mentioned(runs, tmp_path):
    log(runs / "transfer" / "1", [9], 9, before={"macs": 5})
    log(runs / "transfer" / "2", [9], 9, before={"macs": 0})
    warnings = report([str(runs)], str(tmp_path / "out"))["warnings"]
    assert re.search(r"cost is in the totals: \S*transfer/1$", warnings[0])
    assert re.search(r"is not logged.*: \S*transfer/2$", warnings[1])


def test_a_growth_before_the_first_epoch_is_drawn_where_the_run_starts(runs):
    folder = runs / "transfer" / "1"
    log(folder, [9, 8], 8, before={"macs": 50})
    path = folder / "run_log.jsonl"
    growth = {"event": "growth", "growth": 0, "epoch": 0, "grown": True}
    growth["valid_before"] = {"error": 11}
    path.write_text(path.read_text() + json.dumps(growth) + "\n")
    run = read_run(str(folder))
    for key, place in (("macs", 50), ("epoch", 0)):
        marks = [
            line.get_xydata().tolist()
            for line in plot([run], key, None).axes[0].lines
            if line.get_marker() == "^" and len(line.get_xdata())
        ]
        assert marks == [[[place, 11]]]


def test_a_report_of_many_kinds_of_run_stays_readable(runs, tmp_path):
    for name in "abcd":
        for seed in (1, 2):
            log(runs / name / str(seed), [9, 9 + seed], 9, before={"macs": 5})
    summary = report([str(runs)], str(tmp_path / "out"))
    text = (tmp_path / "out" / "report.md").read_text()
    assert len(summary["pairs"]) == 30 and text.count(" less ") == 10
    assert all("large" in line for line in re.findall(r".* less .*", text))
    assert "report.json has all 30" in text
    assert re.search(r"totals: \S*a/1, \S*a/2, \S*b/1 and 5 more", text)


def test_a_metric_that_was_no_number_is_no_number(tmp_path):
    log(tmp_path / "runs" / "large" / "1", [3, float("nan")], float("nan"))
    log(tmp_path / "runs" / "large" / "2", [3, 2], 2)
    out = tmp_path / "out"
    group = group_of(report([str(tmp_path / "runs")], str(out)), "large")
    assert group["final"]["mean"] is None and group["best"]["mean"] == 2.5
    json.loads((out / "report.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "others, options, message",
    [
        ([("b/grow/1", {})], {}, "are both grow with seed 1"),
        (
            [("b/up/1", {"better": "higher"})],
            {},
            "is compared by error, higher is better",
        ),
        ([], {"large": "huge"}, "no run called huge; name one of grow, large"),
        ([], {"metric": "PER"}, "does not name the metric"),
    ],
)
def test_what_cannot_be_compared(others, options, message, runs, tmp_path):
    for path, changes in others:
        log(tmp_path / path, [1, 2, 3], 3, **changes)
    with pytest.raises(GrowthError, match=message):
        report([str(runs), str(tmp_path / "b")], str(tmp_path), **options)
    assert not (tmp_path / "report.md").exists()


def test_no_run_at_all_is_an_error_without_a_traceback(tmp_path):
    with pytest.raises(SystemExit, match="there is no run in"):
        main(["compare", str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_old_runs_are_read_from_their_text_log(tmp_path):
    tests, runs = [], tmp_path / "runs"
    for path in sorted(OLD_RUNS.glob("grow-*/train_log.txt")):
        text = path.read_text()
        tests.append(float(re.search(r"test PER: (\S+)", text)[1]))
        old = re.sub(r", macs: .*?(?= - train)", "", text)
        assert old != text
        shutil.copytree(path.parent, runs / path.parent.name)
        (runs / path.parent.name / path.name).write_text(old)
    summary = report([str(runs)], str(tmp_path), None, "PER", "lower")
    group = group_of(summary, "grow")
    assert group["test"]["mean"] == pytest.approx(np.mean(tests))
    assert len(group["seeds"]) == len(tests) == 3
    assert group["macs"]["mean"] is None
    assert group["growths"] == [6]
    text = as_markdown(summary)
    assert "Costs were not logged." in text and "as printed" in text
    with pytest.raises(GrowthError, match="give --metric and --better"):
        report([str(runs)], str(tmp_path))


def test_a_log_that_is_none_is_named(tmp_path):
    (tmp_path / "run_log.jsonl").write_text('{"event": "start"}\n{"eve')
    with pytest.raises(
        SystemExit, match="run_log.jsonl, line 2: found '{\"eve"
    ):
        main(["compare", str(tmp_path), "--out", str(tmp_path / "report")])
