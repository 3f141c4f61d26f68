"""The tables of the recipe for speakers show what its result files hold.

``runs/speakers.json`` is the ``report.json`` of its sweep; beside it stand, of each
run, its growth log and which utterances of the test were errors. After new runs,
`python tests/unittests/recipes/test_speaker_results.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

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

from speechbrain_growth import SafeEncoder

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "TIMIT" / "SpeakerID" / "growing_ECAPA"
RUNS, README = RECIPE / "runs", RECIPE / "README.md"
KINDS = {
    "large": "large, all speakers from the start",
    "outputs_only": "large, half of the speakers; the others arrive",
    "grow": "**grow**: small, half of the speakers; the others arrive",
    "scratch": "large, from scratch when the others arrive",
}
GROWN = ("grow", "outputs_only")
SEEDS = ("1986", "1987", "1988")
FIRST = 32  # speakers who are there at the start
BEFORE = 7.0e10  # MACs that were spent when the others arrive


def speakers():
    """The groups of the sweep."""
    return groups(RUNS / "speakers.json")


def comparison():
    """All kinds of runs; of scratch with what was spent before."""
    found = speakers()
    full = found["large"]["macs"]["mean"]
    rows = []
    for kind, words in KINDS.items():
        group = found[kind]
        errors = [list(group["values"][k].values()) for k in ("best", "test")]
        spent = group["macs"]["mean"] + BEFORE * (kind == "scratch")
        rows.append(
            [
                words,
                len(group["seeds"]),
                f"{100 * spent / full:.0f} %",
                f"{group['cpu_seconds']['mean']:.0f}",
                *map(interval, errors),
            ]
        )
    header = "| run | seeds | training MACs | CPU seconds | valid error | test error |"
    return table(header, rows)


def pairs():
    """Differences of the test error to the grown runs, paired over seeds."""
    values = {k: group["values"]["test"] for k, group in speakers().items()}
    rows = []
    for kind, words in KINDS.items():
        cells = [
            "-" if kind == grown else gap(values[grown], values[kind])
            for grown in GROWN
        ]
        rows.append([f"less {words.replace('**', '')}", *cells])
    return table("| | grow | outputs_only |", rows)


def halves():
    """Test errors of who was there at the start, and of who arrived."""
    encoder = SafeEncoder.from_saved(str(RUNS / "label_encoder.txt"))
    rows = []
    for kind, words in KINDS.items():
        found = {False: [], True: []}
        for seed in SEEDS:
            errors = {False: [], True: []}
            path = RUNS / f"{kind}-{seed}" / "test_errors.txt"
            for line in path.read_text(encoding="utf-8").splitlines():
                name, wrong = line.split()
                arrived = encoder.lab2ind[name.split("_")[0]] >= FIRST
                errors[arrived].append(float(wrong))
            for arrived, one in errors.items():
                found[arrived].append(100 * sum(one) / len(one))
        rows.append([words, *map(interval, found.values())])
    header = "| run | first 32 speakers | 32 who arrive |"
    return table(header, rows)


def growths():
    """What each arrival did at its moment."""
    rows = [
        [f"{kind}-{seed}", *growth_cells(growth, "error")]
        for kind in GROWN
        for seed in SEEDS
        for growth in growth_log(RUNS / f"{kind}-{seed}" / "growth_log.jsonl")
    ]
    header = (
        "| run | after epoch | parameters | probe drift | valid loss "
        "| valid error |"
    )
    return table(header, rows)


TABLES = {
    "comparison": comparison,
    "pairs": pairs,
    "halves": halves,
    "growths": growths,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_shows_what_the_runs_hold(name):
    assert printed(README, name) == TABLES[name]()


def test_three_seeds_stand_behind_every_number():
    found = speakers()
    assert set(found) == set(KINDS)
    for group in found.values():
        assert tuple(map(str, group["seeds"])) == SEEDS


def test_all_have_spent_the_same_when_they_end():
    found = speakers()
    spent = {kind: group["macs"]["mean"] for kind, group in found.items()}
    spent["scratch"] += BEFORE
    for macs in spent.values():
        assert macs == pytest.approx(5.0e11, rel=0.02)


def test_the_errors_are_those_of_the_report():
    for kind, group in speakers().items():
        for seed, error in group["values"]["test"].items():
            path = RUNS / f"{kind}-{seed}" / "test_errors.txt"
            lines = path.read_text(encoding="utf-8").splitlines()
            wrong = [float(line.split()[1]) for line in lines]
            assert len(wrong) == 128
            assert 100 * sum(wrong) / 128 == pytest.approx(error, abs=0.01)


def test_every_arrival_kept_the_old_cosines():
    for kind in GROWN:
        for seed in SEEDS:
            path = RUNS / f"{kind}-{seed}" / "growth_log.jsonl"
            (growth,) = growth_log(path)
            assert growth["grown"] and growth["drift"] < 1e-6
            sizes = growth["sizes_before"], growth["sizes_after"]
            assert [one["out_n_neurons"] for one in sizes] == [FIRST, 64]


if __name__ == "__main__":
    write(README, TABLES)
