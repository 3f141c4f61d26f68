"""Sweeps that are killed, fail or resume, and sweep files that are refused.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from toy_sweep import starts, write

from speechbrain_growth import GrowthError
from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.grid import read_sweep
from speechbrain_growth.experiments.launchers.commands import job_of
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.launch.planning import plan_run

ROOT = Path(__file__).resolve().parents[3]


def epochs(folder):
    """How many epochs were logged in all."""
    logs = folder.glob("results/*/*/run_log.jsonl")
    return sum(log.read_text().count('"event": "epoch"') for log in logs)


def test_runs_everything_once_and_compares(tmp_path, capsys):
    file = write(tmp_path)
    main(["sweep", file, "--jobs", "2", "--threads", "3"])
    once = {"large/1": 1, "large/2": 1, "small/1": 1, "small/2": 1}
    assert starts(tmp_path) == once
    report = json.loads((tmp_path / "results/report/report.json").read_text())
    found = {g["name"]: g["final"]["mean"] for g in report["groups"]}
    assert found == {"small": 5.5, "large": 4.5} and report["goal"] == 4.5
    log = tmp_path / "results" / "small" / "1" / "run_log.jsonl"
    assert json.loads(log.read_text().splitlines()[0])["threads"] == "3"
    main(["sweep", file])
    assert starts(tmp_path) == once
    assert "| small | 2 | 5 |" in capsys.readouterr().out


@pytest.mark.slow
def test_survives_a_kill_and_leaves_nothing_running(tmp_path):
    file = write(tmp_path, common={"pause": 0.3})
    command = [sys.executable, "-m", "speechbrain_growth", "sweep", file]
    first = subprocess.Popen(
        [*command, "--jobs", "2"], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while epochs(tmp_path) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(0.5)
    before = epochs(tmp_path)
    assert 3 <= before < 20
    time.sleep(1.0)
    assert epochs(tmp_path) == before  # all runs have stopped
    begun = starts(tmp_path)
    assert len(begun) == 2
    done = subprocess.run(
        [*command, "--jobs", "4"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert epochs(tmp_path) == 4 * 5
    assert starts(tmp_path) == {
        name: 1 + (name in begun)
        for name in ("large/1", "large/2", "small/1", "small/2")
    }
    assert "Not in the tables" not in done.stdout


def test_a_failed_run_is_named_with_the_end_of_its_log(tmp_path, capsys):
    file = write(tmp_path, runs={"small": {}, "bad": {"fail": True}})
    with pytest.raises(SystemExit) as error:
        main(["sweep", file, "--jobs", "4"])
    message = str(error.value)
    assert "2 problems" in message and "bad/1 failed (exit status 1)" in message
    assert "\n100 %\nerror: nothing works" in message and "small" not in message
    shown = capsys.readouterr().out
    assert "| small | 2 |" in shown
    assert f"{tmp_path / 'results' / 'bad' / '2'}: missing" in shown


TRANSFER = {"last": {"init_from": "next"}, "next": {"init_from": "small"}}


def test_a_run_starts_from_another_that_is_run_before_it(tmp_path, capsys):
    runs = {**TRANSFER, "small": {"error": 9, "pause": 0.02}}
    file = write(tmp_path, runs=runs, large=None)
    main(["sweep", file, "--jobs", "4"])
    shown = capsys.readouterr()
    assert "To be read with care" not in shown.out  # the seeds are alike
    assert len(starts(tmp_path)) == 6 and set(starts(tmp_path).values()) == {1}
    main(["sweep", file])
    assert set(starts(tmp_path).values()) == {1}
    runs["small"]["error"] = 8
    with pytest.raises(SystemExit, match="next.1: was begun with init_from's"):
        main(["sweep", write(tmp_path, runs=runs, large=None)])


def test_what_starts_from_a_failed_run_is_not_run(tmp_path):
    file = write(tmp_path, runs={**TRANSFER, "small": {"fail": True}})
    with pytest.raises(SystemExit) as error:
        main(["sweep", file, "--jobs", "4"])
    assert "next/1 was not run, as small/1 failed" in str(error.value)
    assert "last/2 was not run, as next/2 failed" in str(error.value)
    assert starts(tmp_path) == {"small/1": 1, "small/2": 1}


def test_a_run_starts_from_that_of_the_same_point_of_the_grid(tmp_path):
    runs = {**TRANSFER, "small": {"init_from": "elsewhere"}}
    file = write(tmp_path, runs=runs, grid={"lr": [1, 2]}, large=None)
    found = read_sweep(file)
    assert found.earlier("last,lr@2") == "next,lr@2"
    assert found.earlier("small,lr@2") is None
    assert found.runs["small,lr@2"]["init_from"] == "elsewhere"


def test_the_best_of_a_grid_is_compared(tmp_path, capsys):
    runs = {"small": {"pause": 0}, "large": {"pause": 0.0}}
    grid = {"error": [9, 7, 8]}
    main(["sweep", write(tmp_path, runs=runs, grid=grid, best_of="error")])
    assert "| large | 7 | 9: 5.50 " in capsys.readouterr().out


def test_a_file_is_not_flooded_by_the_bar(tmp_path, capsys):
    file = write(tmp_path, common={"pause": 0.2}, seeds=[1])
    main(["sweep", file, "--jobs", "2"])
    shown = capsys.readouterr().err
    assert "2/2" in shown and shown.count("run/s") + shown.count("s/run") <= 5


def test_a_grid_multiplies_the_runs_and_text_passes_unchanged(tmp_path):
    growth = "!include:../a.yaml"
    file = write(
        tmp_path,
        runs={"grow": {"growth": growth, "hidden": [16, 32]}},
        common={"epochs": 3, "lr": 9},
        grid={"lr": [0.1, "1e-3"], "bn": [True]},
    )
    common = {"growth": growth, "hidden": "[16, 32]", "epochs": "3"}
    assert read_sweep(file).runs == {
        "grow,lr@0.1,bn@true": {**common, "lr": "0.1", "bn": "true"},
        "grow,lr@1e-3,bn@true": {**common, "lr": "1e-3", "bn": "true"},
    }


def test_a_file_may_say_only_what_differs_from_another(tmp_path):
    base = read_sweep(write(tmp_path, common={"dataset": "a"}))
    other = tmp_path / "other.yaml"
    other.write_text("base: sweep.yaml\nresults: b\ncommon: {dataset: b}\n")
    found = read_sweep(str(other))
    assert found.runs["small"] == {"dataset": "b", "error": "9"}
    assert base.runs["small"] == {"dataset": "a", "error": "9"}
    assert (found.seeds, found.large) == (base.seeds, base.large)
    other.write_text("base: other.yaml\n")
    with pytest.raises(GrowthError, match="leads back here"):
        read_sweep(str(other))


def test_a_run_with_other_settings_is_not_taken_for_done(tmp_path):
    main(["sweep", write(tmp_path, seeds=[1])])
    runs = {"small": {"error": 9}, "large": {"error": 7}}
    with pytest.raises(SystemExit, match="with error 8, but now has error 7"):
        main(["sweep", write(tmp_path, runs=runs, seeds=[1])])
    with pytest.raises(SystemExit, match="but now has '--x=1' behind --"):
        main(["sweep", write(tmp_path, seeds=[1]), "--", "--x=1"])
    by_hand = tmp_path / "results" / "tiny" / "1"
    by_hand.mkdir(parents=True)
    (by_hand / "run_log.jsonl").write_text("")
    with pytest.raises(SystemExit, match="no sweep made this run"):
        main(["sweep", write(tmp_path, runs={"tiny": {}}, seeds=[1])])


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[1]", b"3", b"null"])
def test_damaged_settings_are_named(text, tmp_path):
    run = tmp_path / "results" / "small" / "1"
    run.mkdir(parents=True)
    (run / "sweep_log.txt").write_text("")
    (run / "sweep_settings.json").write_bytes(text)
    message = f"{run}/sweep_settings.json is damaged; restore it, or delete the"
    with pytest.raises(SystemExit, match=re.escape(message)):
        main(["sweep", write(tmp_path, seeds=[1])])


def test_two_sweeps_do_not_share_a_folder(tmp_path):
    file = write(tmp_path)
    with alone(str(tmp_path / "results")):
        with pytest.raises(SystemExit, match="another sweep is running"):
            main(["sweep", file])
    assert starts(tmp_path) == {}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"run": {}}, "run is no key of a sweep"),
        ({"seeds": None}, "seeds is None; it must be a list"),
        ({"seeds": [1, 1]}, "not different whole numbers"),
        ({"seeds": [1.5]}, "not different whole numbers"),
        ({"runs": {}}, "runs: there are none"),
        ({"runs": {"a": None}}, "a is None; it must be a mapping"),
        ({"runs": {"a": {"seed": 3}}}, "seed is set by the sweep itself"),
        ({"runs": {"a": {"x": "1=2"}}}, "allow no equals sign in a value"),
        ({"results": "a=b"}, "a=b has an equals sign"),
        ({"runs": {"a=b": {}}}, "'a=b' cannot name a folder"),
        ({"runs": {"a/b": {}}}, "cannot name a folder"),
        ({"grid": {"lr": 0.1}}, "lr is 0.1; it must be a list"),
        ({"best_of": "lr"}, "best_of: the grid has no lr"),
        (
            {"runs": {"a": {"init_from": "b"}, "b": {"init_from": "a"}}},
            "a starts from b, which waits for a; let it start anew",
        ),
        ({"runs": {"a": {"init_from": "a"}}}, "a starts from itself; let it"),
        ({"large": "huge"}, "there is no run 'huge'; name one of small, large"),
        ({"recipe": "test.py"}, "it must be a train.py"),
    ],
)
def test_what_a_file_may_not_say(changes, message, tmp_path):
    with pytest.raises(GrowthError) as error:
        read_sweep(write(tmp_path, **changes))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "value, message",
    [
        ("!apply:os.getpid []", "runs: b: error is !apply:os.getpid; use a"),
        ([{"a": "b"}, "'!new:os.x'"], None),  # texts, for YAML has no tags
        ("!include:/etc/passwd", "runs: b: error is !include:/etc/passwd; an"),
        ("[1, !module:os ]", "runs: b: error[1] is !module:os; use a plain"),
        ("[1", "runs: b: error is '[1': line 1: expected ',' or ']'"),
        ("!new:torch.nn.Tanh", "error is !new:torch.nn.Tanh; use a plain"),
    ],
)
def test_a_file_may_not_run_code(value, message, tmp_path):
    (tmp_path / "toy.yaml").write_text("error: 1\nmodules: {}\n")
    file = write(tmp_path, runs={"b": {"error": value}}, large=None)
    if message is None:
        assert "'!new" in read_sweep(file).runs["b"]["error"]
        return
    with pytest.raises(GrowthError) as error:
        read_sweep(file)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--jobs", "0"], "--jobs is 0; it must be 1 or more"),
        (["--", "--error=3"], "--error=3: the sweep sets this key, too"),
        (["--", "--seed", "3"], "--seed: the sweep sets this key, too"),
    ],
)
def test_what_a_command_line_may_not_say(arguments, message, tmp_path):
    with pytest.raises(SystemExit) as error:
        main(["sweep", write(tmp_path), *arguments])
    assert message in str(error.value) and starts(tmp_path) == {}


def macs_of(sweep, name):
    """MACs of a run for each example, and of its last epoch."""
    folder = os.path.dirname(sweep.script)
    overrides = "\n".join(f"{k}: {v}" for k, v in sweep.runs[name].items())
    blueprint = open_blueprint(os.path.join(folder, sweep.hparams), overrides)
    rows, last = plan_run(blueprint), blueprint.value("number_of_epochs")
    growths = blueprint.value("growth")
    dates = [0, *(growth["after_epoch"] for growth in growths), last]
    spans = [late - early for early, late in zip(dates, dates[1:])]
    total = sum(span * row["macs"] for span, row in zip(spans, rows))
    return total, rows[-1]["macs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("hparams/sweeps/controls/*.yaml")),
    ids=lambda p: p.stem,
)
def test_controls_have_the_budget_that_they_say(path):
    sweep = read_sweep(str(path))
    assert {"grow", "large", "large_budget", "small", "small_budget"} <= {
        *sweep.runs
    }
    grown, _ = macs_of(sweep, "grow")
    for name in ("large_budget", "small_budget"):
        total, epoch = macs_of(sweep, name)
        assert grown <= total < grown + epoch, name
    assert len(sweep.seeds) >= 3 and sweep.large == "large"


def test_a_run_may_name_another_yaml(tmp_path):
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    for name in ("train.py", "one.yaml", "other.yaml"):
        (recipe / name).write_text("lr: 0.1\n" if "yaml" in name else "")
    path = tmp_path / "sweep.yaml"
    keys = {
        "recipe": "recipe/train.py",
        "hparams": "one.yaml",
        "results": "results",
        "seeds": [1],
        "runs": {"a": {"lr": 0.2}, "b": {"hparams": "other.yaml"}},
    }
    path.write_text(yaml.safe_dump(keys))
    grid = read_sweep(str(path))
    commands = {n: job_of(grid, n, 1, []).command for n in grid.runs}
    assert commands["a"][2:4] == ["one.yaml", "--lr=0.2"]
    assert commands["b"][2] == "other.yaml"
    assert not [one for one in commands["b"] if "hparams" in one]
    keys["runs"]["b"]["hparams"] = "missing.yaml"
    path.write_text(yaml.safe_dump(keys))
    with pytest.raises(GrowthError, match="b: hparams: there is no .*missing"):
        read_sweep(str(path))
