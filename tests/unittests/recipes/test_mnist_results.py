"""The tables of the MNIST recipe's README show what its result files hold.

The files in the recipe's folder ``runs`` are the ``report.json`` of its sweeps,
and the growth log of one run of each. After new sweeps, `python
tests/unittests/recipes/test_mnist_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

from pathlib import Path

import numpy as np
import pytest
from readme_tables import (
    groups,
    growth_cells,
    growth_log,
    interval,
    printed,
    table,
    write,
)
from scipy import stats

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
RUNS, README = RECIPE / "runs", RECIPE / "README.md"
DATA = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
# Test accuracy of the published code's small, grown and large network after 24
# epochs of 60 000 images, one seed, and the widths of the large one
PUBLISHED = {
    "mnist_widen_twice": (95.23, 97.15, 97.80),
    "mnist_deepen_then_widen": (96.99, 96.76, 97.48),
    "mnist_widen_with_batchnorm": (92.26, 96.20, 97.05),
    "fashion_widen_twice": (85.45, 86.96, 87.44),
    "fashion_deepen_then_widen": (86.81, 87.70, 87.60),
    "fashion_widen_with_batchnorm": (84.06, 86.66, 87.09),
}
LARGE = {
    "widen_twice": (784, 64, 10),
    "deepen_then_widen": (784, 32, 64, 10),
    "widen_with_batchnorm": (784, 32, 10),
}
KINDS = ("grow", "large", "large_budget", "small", "small_budget")


def named(cell):
    """The data and the strategy of a cell, as the README names them."""
    data, strategy = cell.split("_", 1)
    return DATA[data], strategy.replace("_", " ")


def controls(cell):
    """The groups of a cell's sweep."""
    return groups(RUNS / f"controls_{cell}.json")


def published_macs(cell):
    """Training MACs of the published large network, three a weight."""
    widths = LARGE[cell.split("_", 1)[1]]
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return 3 * weights * 24 * 60000


def accuracies(group):
    """Test accuracy of each seed, in the order of the seeds."""
    values = group["values"]["test"]
    return [values[seed] for seed in sorted(values)]


def comparison():
    """All six strategies: published and ours, with the controls."""
    rows = []
    for cell, published in PUBLISHED.items():
        found = controls(cell)
        share = found["grow"]["macs"]["mean"] / published_macs(cell)
        grown, *rest = [interval(accuracies(found[kind])) for kind in KINDS]
        macs = f"{100 * share:.1f} %"
        large = f"{published[2]:.2f}"
        rows.append([*named(cell), large, f"**{grown}**", macs, *rest])
    header = (
        "| data | strategy | published large | **grown** | its MACs | large "
        "| large, grown's MACs | small | small, grown's MACs |"
    )
    return table(header, rows)


def pairs():
    """Grown less each control, paired over seeds."""
    rows = []
    for cell in PUBLISHED:
        found = controls(cell)
        grown = np.array(accuracies(found["grow"]))
        large, budget = (grown - accuracies(found[k]) for k in KINDS[1:3])
        p = stats.ttest_1samp(budget, 0).pvalue
        gaps = interval(large), interval(budget)
        rows.append([*named(cell), *gaps, f"{p:.2f}"])
    header = "| data | strategy | less large | less large, its MACs | p |"
    return table(header, rows)


def growths():
    """What each growth of one run did at its moment."""
    rows = [
        [*named(cell), *growth_cells(growth, "accuracy")]
        for cell in PUBLISHED
        for growth in growths_of(cell)
    ]
    header = (
        "| data | strategy | after epoch | parameters | probe drift "
        "| valid loss | valid accuracy |"
    )
    return table(header, rows)


def growths_of(cell):
    """The growths of the run with the first seed."""
    return growth_log(RUNS / f"grow_{cell}_1986.jsonl")


def symmetry():
    """The ways to tell new units from old ones."""
    found = groups(RUNS / "symmetry_digits.json").items()
    rows = [[name, interval(accuracies(group))] for name, group in found]
    return table("| `symmetry` | test accuracy |", rows)


TABLES = {
    "comparison": comparison,
    "pairs": pairs,
    "growths": growths,
    "symmetry": symmetry,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_shows_what_the_sweeps_hold(name):
    assert printed(README, name) == TABLES[name]()


@pytest.mark.parametrize("cell", PUBLISHED)
def test_five_seeds_stand_behind_every_number(cell):
    found = controls(cell)
    assert set(found) == set(KINDS)
    assert {len(accuracies(group)) for group in found.values()} == {5}


@pytest.mark.parametrize("cell", PUBLISHED)
def test_accuracy_and_loss_stay_to_the_printed_digit(cell):
    for one in growths_of(cell):
        before, after = one["valid_before"], one["valid_after"]
        assert f"{before['accuracy']:.2f}" == f"{after['accuracy']:.2f}"
        assert f"{before['loss']:.4f}" == f"{after['loss']:.4f}"


if __name__ == "__main__":
    write(README, TABLES)
