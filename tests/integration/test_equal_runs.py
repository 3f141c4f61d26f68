"""A sweep with controls at equal cost, trained by the MNIST recipe on digits.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import pytest
import yaml
from bad_inputs import run_recipe

from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.grid import read_sweep
from speechbrain_growth.experiments.launchers.commands import (
    in_order,
    job_of,
    note_settings,
)
from speechbrain_growth.experiments.runs import read_run

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
RUNS = {
    "grow": {
        "growth": [{"after_epoch": 1, "hidden": [32]}],
        "number_of_epochs": 2,
        "predicted": [70, 95],
    },
    "small": {"growth": [], "equal": {"macs": "grow"}},
    "large": {"growth": [], "hidden": [32], "equal": {"macs": "grow"}},
    "large_seconds": {
        "growth": [],
        "hidden": [32],
        "equal": {"cpu_seconds": "grow"},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The results of the sweep, and what it prints."""
    place = tmp_path_factory.mktemp("equal")
    published = ROOT / "hparams" / "sweeps" / "equal_digits.yaml"
    file = place / "sweep.yaml"
    keys = {"base": str(published), "recipe": str(RECIPE / "train.py")}
    keys.update(results=str(place), seeds=[1], runs=RUNS)
    file.write_text(yaml.safe_dump(keys, sort_keys=False))
    grid = read_sweep(str(file))
    for wave in in_order([job_of(grid, name, 1, []) for name in grid.runs]):
        for job in wave:
            note_settings(grid, job.name.split("/")[0], 1, [])
            # As the sweep does, without its seconds of imports for each run
            code, words = run_recipe(RECIPE, job.command[2:], job.log)
            assert not code, words
    main(["sweep", str(file)])  # has nothing left to run, and compares
    return place


def test_macs_are_those_of_the_named_run_up_to_a_step(folder):
    grown = read_run(str(folder / "grow" / "1"))
    spent = grown.cost("macs")[-1]
    images = grown.epochs[0]["macs"] / (3 * (784 * 16 + 16 * 10))
    # an epoch of 16 units, and one of 32
    assert spent == 3 * images * 3 * (784 * 16 + 16 * 10)
    for name, units in (("small", 16), ("large", 32)):
        run = read_run(str(folder / name / "1"))
        step = 3 * 64 * (784 * units + units * 10)
        assert run.budget == ("macs", spent)
        assert spent <= run.cost("macs")[-1] < spent + step
        # a network of 16 units needs three epochs for it, one of 32 one and a half
        assert len(run.epochs) == {"small": 3, "large": 2}[name]


def test_the_rate_has_decayed_when_the_budget_is_spent(folder):
    for name in ("small", "large"):
        run = read_run(str(folder / name / "1"))
        assert run.epochs[-1]["lr"] < 0.002 * 0.15


def test_seconds_are_those_of_the_named_run(folder):
    grown = read_run(str(folder / "grow" / "1"))
    run = read_run(str(folder / "large_seconds" / "1"))
    assert run.budget == ("cpu_seconds", grown.cost("cpu_seconds")[-1])
    log = (folder / "large_seconds" / "1" / "sweep_log.txt").read_text()
    assert f"The budget of {run.budget} is spent" in log


def test_the_report_has_a_table_for_each_unit(folder):
    report = json.loads((folder / "report" / "report.json").read_text())
    tables = report["frontier"]["tables"]
    assert [(t["unit"], [r["name"] for r in t["rows"]]) for t in tables] == [
        ("macs", ["small", "large", "grow"]),
        ("cpu_seconds", ["large_seconds", "grow"]),
    ]
    assert tables[0]["rows"][-1]["predicted"] == [-95, -70]
    assert (folder / "report" / "accuracy_frontier.png").exists()
