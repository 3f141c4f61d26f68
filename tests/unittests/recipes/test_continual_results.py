"""The tables of several tasks, in READMEs and lab books, are their reports'.

The files are the ``report.json`` of the sweeps. After new ones, `python
tests/unittests/recipes/test_continual_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import pytest
from readme_tables import printed, table, write

from speechbrain_growth.experiments.tasks.markdown import tasks_as_markdown

ROOT = Path(__file__).resolve().parents[3]
RECIPES = {
    "images": ROOT / "recipes/MNIST/continual/growing_MLP",
    "speech": ROOT / "recipes/TIMIT/ASR/continual_CTC",
}


# Sweeps whose tables are in the lab book; what the README calls their streams
STREAMS = {
    "images": {
        "tasks": "pixels in another order",
        "rotated": "turned images",
        "split": "two classes a task",
        "sequence": "MNIST, Fashion-MNIST, MNIST",
    },
    "speech": {
        "tasks": "accents",
        "phones": "phone sets",
        "channels": "channels",
    },
}
# What keeps old weights, and must have forgotten nothing
KEEPING = (
    *("independent", "progressive", "expert_gate", "cpg", "firefly"),
    "bns_keeping",
)


def report(recipe, sweep="tasks"):
    """The committed report of a sweep."""
    path = RECIPES[recipe] / f"runs/{sweep}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def table_of(recipe, sweep="tasks"):
    """The table of a report, as `compare` prints it."""
    summary = {**report(recipe, sweep), "plots": {}}
    return tasks_as_markdown(summary).split("\n\n")[2]


def streams_of(recipe):
    """The mean of all tasks, and BWT, for each strategy and stream."""
    found = {
        stream: {g["name"]: g for g in report(recipe, sweep)["groups"]}
        for sweep, stream in STREAMS[recipe].items()
    }
    names = dict.fromkeys(name for groups in found.values() for name in groups)
    rows = [
        [name, *(_cell(groups.get(name)) for groups in found.values())]
        for name in names
    ]
    return table(f"| strategy | {' | '.join(found)} |", rows)


def _cell(group):
    """Mean and half of its interval, and BWT; a dash if it was not run."""
    if group is None:
        return "-"
    acc, bwt = group["acc"], group["bwt"]["mean"]
    return f"{acc['mean']:.1f} ± {acc['half']:.1f} ({bwt:.1f})"


def tables(recipe):
    """All tables of a recipe: file, name and function."""
    folder = RECIPES[recipe]
    found = [("README.md", "tasks", lambda: table_of(recipe))]
    if len(STREAMS[recipe]) > 1:
        found.append(("README.md", "streams", lambda: streams_of(recipe)))
    found += [
        ("RESULTS.md", sweep, lambda sweep=sweep: table_of(recipe, sweep))
        for sweep in STREAMS[recipe]
        if sweep != "tasks"
    ]
    return [(folder / file, name, make) for file, name, make in found]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_tables_are_those_of_the_reports(recipe):
    for file, name, make in tables(recipe):
        assert printed(file, name) == make(), name


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_keeps_has_forgotten_nothing(recipe):
    for sweep in STREAMS[recipe]:
        groups = {g["name"]: g for g in report(recipe, sweep)["groups"]}
        for name in KEEPING:
            if name in groups:
                assert groups[name]["bwt"]["mean"] == 0, (sweep, name)
                assert groups[name]["bwt"]["half"] == 0, (sweep, name)
    if recipe == "images":
        groups = {g["name"]: g for g in report(recipe)["groups"]}
        assert groups["fine_tuning"]["bwt"]["mean"] < -20


if __name__ == "__main__":
    for one in RECIPES:
        for path, block, new in tables(one):
            write(path, {block: new})
