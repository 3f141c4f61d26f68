"""The tables of the MNIST recipe's lab book show what its result files hold.

The files in the recipe's folder ``runs`` are the ``report.json`` of its sweeps. After new
sweeps, `python tests/unittests/recipes/test_mnist_lab_book.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import pytest
from readme_tables import groups, interval, printed, table, write

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
RUNS, BOOK = RECIPE / "runs", RECIPE / "RESULTS.md"


def costs(file):
    """Each run of a sweep: what it cost, and what it came to."""
    rows = [
        [
            name,
            f"{group['macs']['mean']:.2e}",
            f"{group['cpu_seconds']['mean']:.0f}",
            interval(list(group["values"]["test"].values())),
        ]
        for name, group in groups(RUNS / file).items()
    ]
    return table("| run | training MACs | CPU s | test accuracy |", rows)


def carry_over():
    """Each way to grow, and the rho that `compare` has found, best first."""
    path = RUNS / "carry_over_fashion.json"
    found = groups(path)
    report = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for one in report["carry_over"]:
        group, rho = found[one["name"]], one["rho"]
        tests = list(group["values"]["test"].values())
        cost = f"{group['cpu_seconds']['mean']:.0f}"
        printed_rho = f"{rho['mean']:.2f} ± {rho['half']:.2f}"
        rows.append([one["name"], cost, interval(tests), printed_rho])
    rows.sort(key=lambda row: row[2], reverse=True)
    return table("| run | CPU s | test accuracy | rho |", rows)


TABLES = {
    "beginnings": lambda: costs("beginnings_fashion.json"),
    "plain": lambda: costs("floors_fashion_plain.json"),
    "carry_over": carry_over,
    "floors": lambda: costs("floors_fashion.json"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_lab_book_shows_what_its_sweeps_hold(name):
    assert printed(BOOK, name) == TABLES[name]()


if __name__ == "__main__":
    write(BOOK, TABLES)
