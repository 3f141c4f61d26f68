"""The tables of the READMEs for several tasks show what their reports hold.

The files are the ``report.json`` of the sweeps. After new ones, `python
tests/unittests/recipes/test_continual_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import pytest
from readme_tables import printed, write

from speechbrain_growth.experiments.tasks.markdown import tasks_as_markdown

ROOT = Path(__file__).resolve().parents[3]
RECIPES = {
    "images": ROOT / "recipes/MNIST/continual/growing_MLP",
    "speech": ROOT / "recipes/TIMIT/ASR/continual_CTC",
}


def report(recipe):
    """The committed report of a recipe's sweep."""
    text = (RECIPES[recipe] / "runs/tasks.json").read_text(encoding="utf-8")
    return json.loads(text)


def table_of(recipe):
    """The table of a report, as `compare` prints it."""
    summary = {**report(recipe), "plots": {}}
    return tasks_as_markdown(summary).split("\n\n")[2]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_table_is_that_of_the_report(recipe):
    readme = RECIPES[recipe] / "README.md"
    assert printed(readme, "tasks") == table_of(recipe)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_keeps_has_forgotten_nothing(recipe):
    groups = {group["name"]: group for group in report(recipe)["groups"]}
    for name in ("independent", "progressive", "expert_gate", "cpg"):
        if name in groups:
            assert groups[name]["bwt"]["mean"] == 0, name
            assert groups[name]["bwt"]["half"] == 0, name
    if recipe == "images":
        assert groups["fine_tuning"]["bwt"]["mean"] < -20


if __name__ == "__main__":
    for one, folder in RECIPES.items():
        if (folder / "runs/tasks.json").exists():
            make = {"tasks": lambda one=one: table_of(one)}
            write(folder / "README.md", make)
