"""The tables of the MNIST recipe's lab book show what its result files hold.

The files in the recipe's folder ``runs`` are the ``report.json`` of its sweeps. After new
sweeps, `python tests/unittests/recipes/test_mnist_lab_book.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import numpy as np
import pytest
from readme_tables import (
    gap,
    gaps_to,
    groups,
    interval,
    needed,
    new_costs,
    printed,
    share_saved,
    table,
    write,
)

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
RUNS, BOOK = RECIPE / "runs", RECIPE / "RESULTS.md"
FROM_EARLIER = ["Started from an earlier run"]
OWNED = {  # channels
    "owned": "4, owned",
    "stable": "4, owned, its rate not decayed",
    "grow_0.08": "**grown to 8**",
    "grow_0.24": "**grown to 8**",
    "zero_sum_0.24": "grown to 8, `zero_sum`",
    "grow_stable_0.24": "grown to 8, from that whose rate has not decayed",
    "large_0.24": "8, from scratch",
    "large_0.36": "8, from scratch",
    "large_0.48": "8, from scratch",
    "mid_0.24": "6, from scratch",
    "mid_0.36": "6, from scratch",
    "small_0.24": "4, goes on",
}
SCRATCH = {"large": (0.21, 0.24, 0.36, 0.48), "mid": (0.21, 0.24, 0.36)}
FEWER = {
    "large_0.21": "8 channels, from scratch",
    "mid_0.21": "6 channels, from scratch",
    "small_0.21": "4 channels, goes on",
}
CROSSING = {
    "grow": "grow, 4 to 16 channels",
    "two_steps": "two_steps, 4 to 8 to 16",
    "small": "4 channels",
    "mid": "8 channels",
    "large": "16 channels",
    "large_full": "16 channels, 1.67 times the MACs",
}


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


def owned():
    """What new MACs gave to a small CNN that was there already."""
    found = groups(RUNS / "owned_fashion.json", meant=FROM_EARLIER)
    grown = found["grow_0.24"]["values"]["test"]
    rows = []
    for name, words in OWNED.items():
        tests = found[name]["values"]["test"]
        new = name.partition("_0.")[2]
        less = "-" if tests == grown else gap(grown, tests, digits=5)
        rows.append(
            [words, new and f"0.{new}", interval(list(tests.values())), less]
        )
    header = "| run | new TMAC | test accuracy | grown, 0.24 TMAC, less this |"
    return table(header, rows)


def fewer():
    """Growing with 25 % fewer new MACs than each of three controls."""
    found = groups(RUNS / "owned_fashion.json", meant=FROM_EARLIER)
    less = gaps_to(found, FEWER, "grow_0.16")
    rows = [
        [
            words,
            name.rpartition("_")[2],
            interval(list(found[name]["values"]["test"].values())),
            less[name],
        ]
        for name, words in {"grow_0.16": "grown to 8", **FEWER}.items()
    ]
    header = "| run | new TMAC | test accuracy | less grown |"
    return table(header, rows)


def crossing():
    """Growing around the crossing, beside networks that do not grow."""
    found = groups(RUNS / "crossing_fashion.json")
    less, rows = gaps_to(found, CROSSING, "grow"), []
    for name, words in CROSSING.items():
        group = found[name]
        rows.append(
            [
                words,
                *new_costs(group),
                interval(list(group["values"]["test"].values())),
                less[name],
            ]
        )
    header = "| run | TMAC | CPU s | test accuracy | less grow |"
    return table(header, rows)


def saved():
    """New MACs that growing saves to the same accuracy, over 4000 draws of seeds."""
    found = groups(RUNS / "owned_fashion.json", meant=FROM_EARLIER)
    tests = {
        name: np.array(list(group["values"]["test"].values()))
        for name, group in found.items()
    }
    draws, rows = np.random.default_rng(0).integers(8, size=(4000, 8)), []
    for budget in (0.08, 0.16, 0.24):
        goals, needs = tests[f"grow_{budget:.2f}"], []
        for draw in (np.arange(8), *draws):
            needs.append(
                min(
                    needed(
                        goals[draw].mean(),
                        [0.2133 if at == 0.21 else at for at in budgets],
                        [tests[f"{kind}_{at}"][draw].mean() for at in budgets],
                    )
                    for kind, budgets in SCRATCH.items()
                )
            )
        rows.append(
            [
                f"{budget:.2f}",
                f"{goals.mean():.2f}",
                f"{needs[0]:.2f}",
                share_saved(budget, needs),
            ]
        )
    header = "| new TMAC | test accuracy | from scratch, 8 or 6 channels need | saved |"
    return table(header, rows)


TABLES = {
    "saved": saved,
    "owned": owned,
    "fewer": fewer,
    "beginnings": lambda: costs("beginnings_fashion.json"),
    "plain": lambda: costs("floors_fashion_plain.json"),
    "carry_over": carry_over,
    "crossing": crossing,
    "floors": lambda: costs("floors_fashion.json"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_lab_book_shows_what_its_sweeps_hold(name):
    assert printed(BOOK, name) == TABLES[name]()


if __name__ == "__main__":
    write(BOOK, TABLES)
