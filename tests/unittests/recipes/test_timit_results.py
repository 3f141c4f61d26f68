"""The tables of the TIMIT recipe's README show what its result files hold.

``runs/controls.json`` is the ``report.json`` of its sweep; beside it stand the
growth logs of the sweep, and the logs of single runs. After new runs, `python
tests/unittests/recipes/test_timit_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import re
from pathlib import Path

import pytest
from readme_tables import (
    gap,
    groups,
    growth_cells,
    growth_log,
    interval,
    printed,
    table,
    write,
)

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
RUNS, README = RECIPE / "runs", RECIPE / "README.md"
KINDS = {
    "small": "small",
    "small_budget": "small, at the MACs of grow",
    "grow": "**grow**, after epoch 6",
    "grow_late": "**grow late**, after epoch 20",
    "large_budget": "large, at the MACs of grow",
    "large": "large",
}
GROWN = ("grow", "grow_late")
SAMPLE = {
    "sample_scratch-1986": "from scratch",
    "sample_init-1986": "from the small run on mini-TIMIT",
}


def controls():
    """The groups of the sweep."""
    return groups(RUNS / "controls.json")


def run(name):
    """What one run's log holds."""
    log = (RUNS / name / "train_log.txt").read_text(encoding="utf-8")
    valid = [float(per) for per in re.findall(r"valid PER: (\S+)", log)]
    return {
        "valid": min(valid),
        "test": float(re.search(r"test PER: (\S+)", log)[1]),
        "epochs": len(valid),
    }


def logged():
    """Every growth of every run that grew, with the run's name."""
    return [
        (path.parent.name, growth)
        for path in sorted(RUNS.glob("*/growth_log.jsonl"))
        for growth in growth_log(path)
    ]


def comparison():
    """Grown, and the four controls, on mini-TIMIT."""
    found = controls()
    full = found["large"]["macs"]["mean"]
    rows = []
    for kind, words in KINDS.items():
        group = found[kind]
        pers = [list(group["values"][k].values()) for k in ("best", "test")]
        rows.append(
            [
                words,
                len(group["seeds"]),
                group["epochs"][0],
                f"{100 * group['macs']['mean'] / full:.0f} %",
                f"{group['cpu_seconds']['mean']:.0f}",
                *map(interval, pers),
            ]
        )
    header = (
        "| run | seeds | epochs | training MACs | CPU seconds | valid PER "
        "| test PER |"
    )
    return table(header, rows)


def pairs():
    """Differences of test PER to the grown runs, paired over seeds."""
    values = {
        kind: group["values"]["test"] for kind, group in controls().items()
    }
    rows = []
    for kind, words in KINDS.items():
        if kind not in GROWN:
            cells = [gap(values[grown], values[kind]) for grown in GROWN]
            rows.append([f"less {words}", *cells])
    return table("| | grow | grow late |", rows)


def growths():
    """What each growth did at its moment."""
    rows = [
        [name, *growth_cells(growth, "PER"), f"{growth['seconds']:.1f}"]
        for name, growth in logged()
    ]
    header = (
        "| run | after epoch | parameters | probe drift | valid loss "
        "| valid PER | seconds |"
    )
    return table(header, rows)


def sample():
    """The NLTK sample of TIMIT, from scratch and from mini-TIMIT."""
    rows = []
    for name, words in SAMPLE.items():
        one = run(name)
        pers = f"{one['valid']:.2f}", f"{one['test']:.2f}"
        rows.append([words, one["epochs"], *pers])
    return table("| start | epochs | valid PER | test PER |", rows)


def main():
    """The main job, as the repository's README has it."""
    one = run("main-1986")
    return (
        f"* {one['epochs']} epochs, best valid PER {one['valid']:.2f}, test "
        f"PER {one['test']:.2f}"
    )


TABLES = {
    "main": main,
    "comparison": comparison,
    "pairs": pairs,
    "growths": growths,
    "sample": sample,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_shows_what_the_runs_hold(name):
    assert printed(README, name) == TABLES[name]()


def test_three_seeds_stand_behind_every_number():
    found = controls()
    assert set(found) == set(KINDS)
    assert {len(group["seeds"]) for group in found.values()} == {3}


def test_every_growth_kept_its_metrics_to_the_printed_digit():
    assert len(logged()) == 8  # six of the sweep, two of the sample
    for _, one in logged():
        before, after = one["valid_before"], one["valid_after"]
        assert f"{before['PER']:.2f}" == f"{after['PER']:.2f}"
        assert one["drift"] < 1e-5


if __name__ == "__main__":
    write(README, TABLES)
