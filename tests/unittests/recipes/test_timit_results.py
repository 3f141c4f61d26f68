"""The tables of the TIMIT recipe's README are what its result files say.

``runs/controls.json`` is the ``report.json`` of its sweep; beside it stand the
growth logs of the sweep, and the logs of runs apart. After new runs, `python
tests/unittests/test_results.py` writes the tables anew.

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
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
RUNS = RECIPE / "runs"
README = RECIPE / "README.md"
KINDS = {
    "small": "small",
    "small_budget": "small, at the MACs of grow",
    "grow": "**grow**, after epoch 6",
    "grow_late": "**grow late**, after epoch 20",
    "large_budget": "large, at the MACs of grow",
    "large": "large",
}

GROWN = ("grow", "grow_late")


def interval(values):
    """Mean and half of the 95 % interval over seeds."""
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return f"{np.mean(values):.2f} ± {half:.2f}"


def groups():
    """The sweep's groups by name."""
    text = (RUNS / "controls.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert not found["missing"] and not found["warnings"]
    return {group["name"]: group for group in found["groups"]}


def run(name):
    """What one run's files say."""
    path = RUNS / name / "train_log.txt"
    log = path.read_text(encoding="utf-8")
    valid = [float(per) for per in re.findall(r"valid PER: (\S+)", log)]
    growths = RUNS / name / "growth_log.jsonl"
    lines = growths.read_text("utf-8").splitlines() if growths.exists() else []
    return {
        "valid": min(valid),
        "test": float(re.search(r"test PER: (\S+)", log)[1]),
        "epochs": len(valid),
        "growths": [json.loads(line) for line in lines],
    }


def comparison():
    """Grown, and the four controls, on mini-TIMIT."""
    found = groups()
    whole = found["large"]["macs"]["mean"]
    lines = [
        "| run | seeds | epochs | training MACs | CPU seconds | valid PER "
        "| test PER |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, words in KINDS.items():
        group = found[kind]
        share = group["macs"]["mean"] / whole
        pers = [list(group["values"][k].values()) for k in ("best", "test")]
        lines.append(
            f"| {words} | {len(group['seeds'])} | {group['epochs'][0]} | "
            f"{100 * share:.0f} % | {group['cpu_seconds']['mean']:.0f} | "
            f"{interval(pers[0])} | {interval(pers[1])} |"
        )
    return "\n".join(lines)


def pairs():
    """Differences of test PER to the grown runs, paired over seeds."""
    values = {kind: group["values"]["test"] for kind, group in groups().items()}
    lines = ["| | grow | grow late |", "|---|---|---|"]
    for kind, words in KINDS.items():
        if kind not in GROWN:
            cells = []
            for grown in GROWN:
                gaps = [
                    per - values[kind][s] for s, per in values[grown].items()
                ]
                p = stats.ttest_1samp(gaps, 0).pvalue
                cells.append(f"{interval(gaps)} (p = {p:.2f})")
            lines.append(f"| less {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def growths():
    """What each growth did at its moment."""
    lines = [
        "| run | after epoch | parameters | probe drift | valid loss "
        "| valid PER | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for folder in sorted(filter(Path.is_dir, RUNS.iterdir())):
        for one in run(folder.name)["growths"]:
            before, after = one["valid_before"], one["valid_after"]
            lines.append(
                f"| {folder.name} | {one['epoch']} | "
                f"{one['parameters_before']:,} -> "
                f"{one['parameters_after']:,} | {one['drift']:.1e} | "
                f"{before['loss']:.4f} -> {after['loss']:.4f} | "
                f"{before['PER']:.2f} -> {after['PER']:.2f} | "
                f"{one['seconds']:.1f} |"
            )
    return "\n".join(lines)


def sample():
    """The NLTK sample of TIMIT, from scratch and from mini-TIMIT."""
    lines = [
        "| start | epochs | valid PER | test PER |",
        "|---|---|---|---|",
    ]
    for name, words in (
        ("sample_scratch-1986", "from scratch"),
        ("sample_init-1986", "from the small run on mini-TIMIT"),
    ):
        one = run(name)
        lines.append(
            f"| {words} | {one['epochs']} | {one['valid']:.2f} | "
            f"{one['test']:.2f} |"
        )
    return "\n".join(lines)


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


def block(name):
    """The pattern of a table in the README."""
    marks = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
    return re.compile(marks, re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_says_what_the_runs_say(name):
    text = README.read_text(encoding="utf-8")
    found = block(name).search(text)
    assert found and found[0].split("\n", 1)[1].rsplit("\n", 1)[0] == (
        TABLES[name]()
    )


def test_seeds_stand_behind_every_number():
    found = groups()
    assert set(found) == set(KINDS)
    assert {len(group["seeds"]) for group in found.values()} == {3}


def test_every_growth_kept_its_metrics_to_the_printed_digit():
    for folder in filter(Path.is_dir, RUNS.iterdir()):
        for one in run(folder.name)["growths"]:
            before, after = one["valid_before"], one["valid_after"]
            assert f"{before['PER']:.2f}" == f"{after['PER']:.2f}"
            assert one["drift"] < 1e-5


if __name__ == "__main__":
    content = README.read_text(encoding="utf-8")
    for key, table in TABLES.items():
        content = block(key).sub(rf"\g<1>{table()}\g<2>", content)
    README.write_text(content, encoding="utf-8")
