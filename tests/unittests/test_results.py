"""The tables of the READMEs are what the committed result files say.

After new runs, `python tests/unittests/test_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
RUNS = RECIPE / "runs"
README = RECIPE / "README.md"
KINDS = {
    "small": "small",
    "grow": "**grow**",
    "large": "large",
    "budget": "large, at about the budget of grow",
}
# Student's t, two-sided 95 %, by degrees of freedom
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def interval(values):
    """Mean and half of the 95 % interval over seeds."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.2f}"
    squares = sum((value - mean) ** 2 for value in values)
    error = math.sqrt(squares / (len(values) - 1) / len(values))
    return f"{mean:.2f} ± {T95[len(values) - 1] * error:.2f}"


def run(name):
    """What one run's files say."""
    log = (RUNS / name / "train_log.txt").read_text(encoding="utf-8")
    valid = [float(per) for per in re.findall(r"valid PER: (\S+)", log)]
    growths = RUNS / name / "growth_log.jsonl"
    lines = growths.read_text("utf-8").splitlines() if growths.exists() else []
    return {
        "valid": min(valid),
        "test": float(re.search(r"test PER: (\S+)", log)[1]),
        "epochs": len(valid),
        "growths": [json.loads(line) for line in lines],
    }


def seeds_of(kind):
    """Runs of a kind, by seed."""
    names = sorted(folder.name for folder in RUNS.glob(f"{kind}-*"))
    return {name.rsplit("-", 1)[1]: run(name) for name in names}


def comparison():
    """Small, grown and large on mini-TIMIT."""
    grown = seeds_of("grow")
    growth = next(iter(grown.values()))["growths"][0]
    small_macs, large_macs = growth["macs_before"], growth["macs_after"]
    lines = [
        "| run | seeds | epochs | training MACs | valid PER | test PER |",
        "|---|---|---|---|---|---|",
    ]
    whole = next(iter(seeds_of("large").values()))["epochs"] * large_macs
    for kind, words in KINDS.items():
        runs = list(seeds_of(kind).values())
        epochs = runs[0]["epochs"]
        before = {"small": epochs, "grow": growth["epoch"]}.get(kind, 0)
        macs = before * small_macs + (epochs - before) * large_macs
        lines.append(
            f"| {words} | {len(runs)} | {epochs} | {100 * macs / whole:.0f} % "
            f"| {interval([one['valid'] for one in runs])} | "
            f"{interval([one['test'] for one in runs])} |"
        )
    return "\n".join(lines)


def pairs():
    """Differences of test PER to the grown run, paired over seeds."""
    grown, lines = seeds_of("grow"), []
    for kind, words in KINDS.items():
        runs = seeds_of(kind)
        gaps = [grown[s]["test"] - runs[s]["test"] for s in runs if s in grown]
        if kind != "grow":
            lines.append(f"* grow less {words}: {interval(gaps)}")
    return "\n".join(lines)


def growths():
    """What each growth did at its moment."""
    lines = [
        "| run | after epoch | parameters | probe drift | valid loss "
        "| valid PER | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for folder in sorted(RUNS.iterdir()):
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


def test_every_growth_kept_its_metrics_to_the_printed_digit():
    for folder in RUNS.iterdir():
        for one in run(folder.name)["growths"]:
            before, after = one["valid_before"], one["valid_after"]
            assert f"{before['PER']:.2f}" == f"{after['PER']:.2f}"
            assert one["drift"] < 1e-5


if __name__ == "__main__":
    content = README.read_text(encoding="utf-8")
    for key, table in TABLES.items():
        content = block(key).sub(rf"\g<1>{table()}\g<2>", content)
    README.write_text(content, encoding="utf-8")
