"""The tables of the MNIST recipe's README are what its result files say.

The files in the recipe's folder ``runs`` are the ``report.json`` of its sweeps,
and the growth log of one run of each. After new sweeps, `python
tests/unittests/test_mnist_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
RUNS, README = RECIPE / "runs", RECIPE / "README.md"
DATA = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
# Test accuracy of the published code's small, grown and large network after 24
# epochs of 60 000 images, one seed, and the widths of the large one
PUBLISHED = {
    "mnist_1": (95.23, 97.15, 97.80),
    "mnist_2": (96.99, 96.76, 97.48),
    "mnist_3": (92.26, 96.20, 97.05),
    "fashion_1": (85.45, 86.96, 87.44),
    "fashion_2": (86.81, 87.70, 87.60),
    "fashion_3": (84.06, 86.66, 87.09),
}
LARGE = {"1": (784, 64, 10), "2": (784, 32, 64, 10), "3": (784, 32, 10)}
KINDS = ("grow", "large", "large_budget", "small", "small_budget")


def report(name):
    """One sweep's report: its groups by name, and its pairs."""
    text = (RUNS / f"{name}.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert not found["missing"] and not found["warnings"]
    found["groups"] = {group["name"]: group for group in found["groups"]}
    return found


def published_macs(cell):
    """Training MACs of the published large network, three a weight."""
    widths = LARGE[cell[-1]]
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return 3 * weights * 24 * 60000


def accuracies(group):
    """Test accuracy of each seed, in the order of the seeds."""
    values = group["values"]["test"]
    return [values[seed] for seed in sorted(values)]


def interval(values, digits=2):
    """Mean and half of the 95 % interval over seeds."""
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"


def comparison():
    """All six strategies: published and ours, with the controls."""
    lines = [
        "| data | strategy | published large | **grown** | its MACs | large "
        "| large, grown's MACs | small | small, grown's MACs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell, published in PUBLISHED.items():
        groups = report(f"controls_{cell}")["groups"]
        share = groups["grow"]["macs"]["mean"] / published_macs(cell)
        cells = [interval(accuracies(groups[kind])) for kind in KINDS]
        data, number = cell.split("_")
        lines.append(
            f"| {DATA[data]} | ({number}) | {published[2]:.2f} | "
            f"**{cells[0]}** | {100 * share:.1f} % | {' | '.join(cells[1:])} |"
        )
    return "\n".join(lines)


def pairs():
    """Grown less each control, paired over seeds."""
    lines = [
        "| data | strategy | less large | less large, its MACs | p |",
        "|---|---|---|---|---|",
    ]
    for cell in PUBLISHED:
        groups = report(f"controls_{cell}")["groups"]
        grown = np.array(accuracies(groups["grow"]))
        large, budget = (
            grown - accuracies(groups[kind]) for kind in KINDS[1:3]
        )
        p = stats.ttest_1samp(budget, 0).pvalue
        data, number = cell.split("_")
        lines.append(
            f"| {DATA[data]} | ({number}) | {interval(large)} | "
            f"{interval(budget)} | {p:.2f} |"
        )
    return "\n".join(lines)


def growths():
    """What each growth of one run did at its moment."""
    lines = [
        "| run | after epoch | parameters | probe drift | valid loss "
        "| valid accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for cell in PUBLISHED:
        for one in growth_log(cell):
            before, after = one["valid_before"], one["valid_after"]
            lines.append(
                f"| {cell}, seed 1986 | {one['epoch']} | "
                f"{one['parameters_before']:,} -> "
                f"{one['parameters_after']:,} | {one['drift']:.1e} | "
                f"{before['loss']:.4f} -> {after['loss']:.4f} | "
                f"{before['accuracy']:.2f} -> {after['accuracy']:.2f} |"
            )
    return "\n".join(lines)


def growth_log(cell):
    """The growths of the run with the first seed."""
    path = RUNS / f"grow_{cell}_1986.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def symmetry():
    """The ways to tell new units from old ones."""
    lines = ["| `symmetry` | test accuracy |", "|---|---|"]
    groups = report("symmetry_digits")["groups"]
    lines += [
        f"| {name} | {interval(accuracies(group))} |"
        for name, group in groups.items()
    ]
    return "\n".join(lines)


TABLES = {
    "comparison": comparison,
    "pairs": pairs,
    "growths": growths,
    "symmetry": symmetry,
}


def block(name):
    """The pattern of a table in the README."""
    marks = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
    return re.compile(marks, re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_says_what_the_sweeps_say(name):
    found = block(name).search(README.read_text(encoding="utf-8"))
    assert found and found[0].split("\n", 1)[1].rsplit("\n", 1)[0] == (
        TABLES[name]()
    )


@pytest.mark.parametrize("cell", PUBLISHED)
def test_five_seeds_stand_behind_every_number(cell):
    groups = report(f"controls_{cell}")["groups"]
    assert set(groups) == set(KINDS)
    assert {len(accuracies(group)) for group in groups.values()} == {5}


@pytest.mark.parametrize("cell", PUBLISHED)
def test_accuracy_and_loss_stay_to_the_printed_digit(cell):
    for one in growth_log(cell):
        before, after = one["valid_before"], one["valid_after"]
        assert f"{before['accuracy']:.2f}" == f"{after['accuracy']:.2f}"
        assert f"{before['loss']:.4f}" == f"{after['loss']:.4f}"


if __name__ == "__main__":
    content = README.read_text(encoding="utf-8")
    for key, table in TABLES.items():
        content = block(key).sub(rf"\g<1>{table()}\g<2>", content)
    README.write_text(content, encoding="utf-8")
