"""The tables of the TIMIT recipe's lab book show what its result files hold.

One of them stands in the README, too. Those of coarse frames are in
`test_coarse_frames.py`.

The JSON files of ``runs`` are the ``report.json`` of sweeps, and ``runs/subwords`` has the
logs of single runs. After new runs, `python
tests/unittests/recipes/test_timit_lab_book.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import re
from pathlib import Path

import numpy as np
import pytest
from readme_tables import (
    gap,
    gaps_to,
    groups,
    growth_cells,
    growth_log,
    interval,
    new_costs,
    printed,
    table,
    write,
)

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
BOOK, README, RUNS = (
    RECIPE / "RESULTS.md",
    RECIPE / "README.md",
    RECIPE / "runs",
)
CONDITIONS = RUNS / "conditions.json"
FROM_EARLIER = ["Started from an earlier run"]
ANEW = ("owned", "large", "mid", "rnn_large")  # the others start from owned
PARTS = {
    "owned": "owned, before all",
    "cnn": "CNN alone",
    "rnn": "RNN and DNN alone",
    "all": "all",
    "rnn_large": "wide RNN and DNN from scratch",
}
SIZES = ("tiny", "small", "large")
CROSSING = {  # tiny and small, on 92 minutes
    "grow_3": "**tiny, then small**, by `shares`",
    "fresh_3": "tiny, then small, by `fresh`",
    "small_3": "small",
    "tiny_3": "tiny",
}
SEEDS = (1986, 1987, 1988)
KINDS = {
    "grow": "60 pieces, grown after epoch 6 of 14",
    "same": "then 6 epochs with the same 60",
    "larger": "then 6 epochs with 120",
}


def conditions():
    """What each condition gave, the best first, and its distance to small."""
    found, rows = groups(CONDITIONS), []
    small = found["small"]["values"]["test"]
    for name, group in found.items():
        tests = group["values"]["test"]
        less = "-" if name == "small" else "the same runs"
        if tests != small:
            less = gap(tests, small, digits=3)
        rows.append(
            [
                name,
                ", ".join(map(str, group["growths"])) or "-",
                f"{group['macs']['mean'] / 1e12:.2f}",
                f"{group['cpu_seconds']['mean']:.0f}",
                interval(list(group["values"]["best"].values())),
                interval(list(tests.values())),
                less,
            ]
        )
    rows.sort(key=lambda row: float(row[5].split()[0]))
    header = (
        "| run | grew after epoch | TMAC | CPU seconds | valid PER | test PER "
        "| test PER less small |"
    )
    return table(header, rows)


def owned():
    """What new MACs gave to a small network that was there already."""
    found = groups(RUNS / "owned.json", meant=FROM_EARLIER)
    found.update(groups(RUNS / "owned_mid.json"))
    first = found["owned"]
    grown = found["grow"]["values"]["test"]
    rows = []
    for name, group in found.items():
        macs, seconds = new_costs(group, None if name in ANEW else first)
        tests = group["values"]["test"]
        rows.append(
            [
                name,
                macs,
                "" if name == "mid" else seconds,  # it was run on other cores
                interval(list(group["values"]["best"].values())),
                interval(list(tests.values())),
                "-" if name == "grow" else gap(tests, grown, digits=5),
            ]
        )
    header = (
        "| run | new TMAC | new CPU s | valid PER | test PER "
        "| test PER less grow |"
    )
    return table(header, rows)


def what_grows():
    """What each part of an owned network gave, when it was made wider."""
    found, rows = groups(RUNS / "what_grows.json", meant=FROM_EARLIER), []
    for name, words in PARTS.items():
        group = found[name]
        first = None if name in ANEW else found["owned"]
        rows.append(
            [
                words,
                f"{group['parameters'][-1]:,}",
                new_costs(group, first)[1],
                interval(list(group["values"]["best"].values())),
                interval(list(group["values"]["test"].values())),
            ]
        )
    header = "| what grows | parameters | new CPU s | valid PER | test PER |"
    return table(header, rows)


def floors():
    """Three sizes at two budgets, on four times as much speech."""
    found, rows = groups(RUNS / "floors.json"), []
    for size in SIZES:
        for budget in (3, 9):
            group = found[f"{size}_{budget}"]
            rows.append(
                [
                    size,
                    f"{group['parameters'][-1]:,}",
                    ", ".join(map(str, group["epochs"])),
                    *new_costs(group),
                    interval(list(group["values"]["test"].values())),
                ]
            )
    header = "| network | parameters | epochs | TMAC | CPU s | test PER |"
    return table(header, rows)


def at_the_crossing():
    """Tiny that becomes small, beside both, at their crossing."""
    found, rows = groups(RUNS / "crossing.json"), []
    less = gaps_to(found, CROSSING, "grow_3")
    for name, words in CROSSING.items():
        group = found[name]
        rows.append(
            [
                words,
                *new_costs(group),
                interval(list(group["values"]["best"].values())),
                interval(list(group["values"]["test"].values())),
                less[name],
            ]
        )
    header = "| network | TMAC | CPU s | valid PER | test PER | less that of the first |"
    return table(header, rows)


def logged(kind, seed):
    """What the text log of one run with subwords holds."""
    path = RUNS / "subwords" / f"{kind}-{seed}" / "train_log.txt"
    text = path.read_text(encoding="utf-8")
    macs, seconds, valid, test = (
        [float(number) for number in re.findall(rf"{name}: ([^\s,]+)", text)]
        for name in ("macs", " cpu_seconds", "valid WER", "test WER")
    )
    return {
        "macs": macs[-1] / 1e12,
        "seconds": seconds[-1],
        "wers": valid,
        "valid": min(valid),
        "test": test[-1],
    }


def subwords():
    """Word error rates with 60 pieces, and with more."""
    rows = []
    for kind, words in KINDS.items():
        runs = [logged(kind, seed) for seed in SEEDS]
        means = [
            np.mean([run[key] for run in runs]) for key in ("macs", "seconds")
        ]
        rates = [
            interval([run[key] for run in runs]) for key in ("valid", "test")
        ]
        rows.append([words, f"{means[0]:.2f}", f"{means[1]:.0f}", *rates])
    return table("| run | TMAC | CPU seconds | valid WER | test WER |", rows)


def epochs():
    """The validation after each of the six epochs."""
    rows = []
    for kind in ("same", "larger"):
        wers = np.array([logged(kind, seed)["wers"] for seed in SEEDS])
        assert wers.shape == (3, 6)
        rows.append([KINDS[kind], *[f"{wer:.1f}" for wer in wers.mean(0)]])
    return table("| valid WER after epoch | 1 | 2 | 3 | 4 | 5 | 6 |", rows)


def growths(kind):
    """The last growth of each run of a kind."""
    path = RUNS / "subwords"
    return [
        growth_log(path / f"{kind}-{seed}" / "growth_log.jsonl")[-1]
        for seed in SEEDS
    ]


def exact():
    """What the growths of the network did at their moment."""
    rows = [
        [seed, *growth_cells(growth, "WER")]
        for seed, growth in zip(SEEDS, growths("grow"))
    ]
    header = "| seed | after epoch | parameters | probe drift | valid loss "
    return table(header + "| valid WER |", rows)


def pieces():
    """What the growths of the vocabulary did."""
    rows = []
    for seed, growth in zip(SEEDS, growths("larger")):
        ((_, parents),) = growth["outputs"].items()
        sizes = [growth[f"sizes_{when}"] for when in ("before", "after")]
        rows.append(
            [
                seed,
                " -> ".join(str(one["output_neurons"]) for one in sizes),
                len({parent for parent in parents if parent is not None}),
                parents.count(None),
                f"{growth['drift']:.1e}",
            ]
        )
    header = "| seed | outputs | that split | without a parent | drift |"
    return table(header, rows)


TABLES = {
    "conditions": conditions,
    "floors": floors,
    "owned": owned,
    "what_grows": what_grows,
    "crossing": at_the_crossing,
    "subwords": subwords,
    "epochs": epochs,
    "exact": exact,
    "pieces": pieces,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_lab_book_shows_what_the_runs_hold(name):
    assert printed(BOOK, name) == TABLES[name]()


def test_the_readme_shows_what_runs_with_subwords_gave():
    assert printed(README, "subwords") == subwords()


def test_all_conditions_had_the_same_compute_and_three_seeds():
    found = groups(CONDITIONS).values()
    spent = [group["macs"]["mean"] for group in found]
    assert max(spent) < 1.01 * min(spent)
    assert {len(group["seeds"]) for group in found} == {3}


def test_subwords_had_three_seeds_and_growths_that_changed_nothing():
    assert len(SEEDS) == 3
    for growth in growths("grow"):
        before, after = growth["valid_before"], growth["valid_after"]
        assert f"{before['WER']:.2f}" == f"{after['WER']:.2f}"
    for growth in growths("grow") + growths("larger"):
        assert growth["grown"] and growth["drift"] < 1e-5


if __name__ == "__main__":
    write(BOOK, TABLES)
    write(README, {"subwords": subwords})
