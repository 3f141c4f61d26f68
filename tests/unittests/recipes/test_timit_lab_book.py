"""The tables of the TIMIT recipe's lab book show what its result files hold.

One of them stands in the README, too.

``runs/conditions.json``, ``owned.json`` and ``frames.json`` are the ``report.json`` of
sweeps, and ``runs/subwords`` has the logs of single runs. After new runs, `python
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
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
BOOK, CONDITIONS = RECIPE / "RESULTS.md", RECIPE / "runs" / "conditions.json"
OWNED = RECIPE / "runs" / "owned.json"
FRAMES = RECIPE / "runs" / "frames.json"
README, FIRST = RECIPE / "README.md", ROOT / "README.md"
ANEW = ("owned", "large", "mid")  # the others start from owned
SEEDS = (1986, 1987, 1988)
HEARS = {  # all the time, or before and after a growth
    "grow": "**20 ms, then 10 ms**",
    "coarse": "20 ms",
    "between": "14 ms",
    "large": "10 ms",
    "small": "10 ms",
    "large_full": "10 ms, 1.67 times the MACs",
    "both": "20 ms, then 10 ms and twice the width",
}
NEW = {
    "refined": "**refined**: goes on with 10 ms",
    "goes_on": "goes on with 20 ms",
    "large": "10 ms from scratch",
    "between": "14 ms from scratch",
    "small": "10 ms, small, from scratch",
}
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


def new_costs(group, first=None):
    """TMAC and CPU seconds of a kind, without those of the one it starts from."""
    macs, seconds = (
        group[key]["mean"] - (first[key]["mean"] if first else 0.0)
        for key in ("macs", "cpu_seconds")
    )
    return f"{macs / 1e12:.2f}", f"{seconds:.0f}"


def owned():
    """What new MACs gave to a small network that was there already."""
    found = groups(OWNED, meant=["Started from an earlier run"])
    first = found["owned"]
    grown = found["grow"]["values"]["test"]
    rows = []
    for name, group in found.items():
        new = new_costs(group, None if name in ANEW else first)
        tests = group["values"]["test"]
        rows.append(
            [
                name,
                *new,
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


def versus(found, name, other, family):
    """How far one kind is above another, and p corrected for a family."""
    values = [found[one]["values"]["test"] for one in (name, other)]
    gaps = [value - values[1][seed] for seed, value in values[0].items()]
    return f"{interval(gaps)} (p = {family[name]:.2g})"


def corrected(found, names, other):
    """p of paired t-tests against one kind, by Holm's method."""
    ps = {}
    for name in names:
        one, two = (found[key]["values"]["test"] for key in (name, other))
        gaps = [value - two[seed] for seed, value in one.items()]
        ps[name] = stats.ttest_1samp(gaps, 0).pvalue
    high, result = 0.0, {}
    for rank, name in enumerate(sorted(ps, key=ps.get)):
        high = max(high, min(1.0, ps[name] * (len(ps) - rank)))
        result[name] = high
    return result


def frames():
    """Coarse frames first, beside networks that hear the same all the time."""
    found = groups(FRAMES, meant=["Started from an earlier run"])
    family = corrected(
        found, [name for name in HEARS if name != "grow"], "grow"
    )
    rows = []
    for name, words in HEARS.items():
        group = found[name]
        tests = list(group["values"]["test"].values())
        less = "-" if name == "grow" else versus(found, name, "grow", family)
        rows.append(
            [
                words,
                f"{group['parameters'][-1]:,}",
                f"{group['macs']['mean'] / 1e12:.2f}",
                f"{group['cpu_seconds']['mean']:.0f}",
                interval(tests),
                less,
            ]
        )
    rows.sort(key=lambda row: float(row[4].split()[0]))
    header = (
        "| frames | parameters | TMAC | CPU s | test PER | test PER less that of "
        "20 ms, then 10 ms |"
    )
    return table(header, rows)


def refined():
    """What new MACs gave to a coarse network that was there already."""
    found = groups(FRAMES, meant=["Started from an earlier run"])
    names = [name for name in NEW if name not in ("coarse", "refined")]
    family, first, rows = (
        corrected(found, names, "refined"),
        found["coarse"],
        [],
    )
    for name, words in NEW.items():
        group = found[name]
        goes_on = name in ("refined", "goes_on")
        new = new_costs(group, first if goes_on else None)
        less = versus(found, name, "refined", family) if name in names else "-"
        tests = list(group["values"]["test"].values())
        rows.append([words, *new, interval(tests), less])
    header = "| run | new TMAC | new CPU s | test PER | test PER less refined |"
    return table(header, rows)


def logged(kind, seed):
    """What the text log of one run with subwords holds."""
    path = RECIPE / "runs" / "subwords" / f"{kind}-{seed}" / "train_log.txt"
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
    path = RECIPE / "runs" / "subwords"
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
    "owned": owned,
    "frames": frames,
    "refined": refined,
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


def test_the_first_page_shows_what_coarse_frames_gave():
    assert printed(FIRST, "frames") == frames()


def test_coarse_frames_had_eight_seeds_and_the_budgets_that_are_said():
    found = groups(FRAMES, meant=["Started from an earlier run"])
    assert {len(found[name]["seeds"]) for name in {*HEARS, *NEW}} == {8}
    spent = {name: group["macs"]["mean"] for name, group in found.items()}
    for name in ("coarse", "between", "large", "small", "both"):
        assert spent[name] == pytest.approx(spent["grow"], rel=0.005), name
    assert spent["grow"] / spent["large_full"] == pytest.approx(0.6, rel=0.005)


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
    write(FIRST, {"frames": frames})
