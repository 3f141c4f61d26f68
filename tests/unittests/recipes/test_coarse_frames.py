"""The tables of coarse frames, in the TIMIT recipe's lab book, show what sweeps gave.

One of them stands on the first page, too. After new runs, `python
tests/unittests/recipes/test_coarse_frames.py` writes the tables anew.

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
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
BOOK, FIRST = RECIPE / "RESULTS.md", ROOT / "README.md"
HEARS = {  # all the time, or before and after a growth
    "grow": "**20 ms, then 10 ms**",
    "coarse": "20 ms",
    "between": "14 ms",
    "large": "10 ms",
    "small": "10 ms",
    "mid": "10 ms",
    "large_full": "10 ms, 1.67 times the MACs",
    "both": "20 ms, then 10 ms and twice the width",
}
NEW = {
    "refined": "**refined**: goes on with 10 ms",
    "goes_on": "goes on with 20 ms",
    "large": "10 ms from scratch",
    "between": "14 ms from scratch",
    "small": "10 ms, small, from scratch",
    "mid": "10 ms, of a width in between, from scratch",
}
BEST = {  # of a wide RNN and DNN; those from `frames` were run on other cores
    "rnn/grow": ("wide RNN", "**20 ms, then 10 ms**"),
    "rnn/rnn_full": ("wide RNN", "10 ms, 1.67 times the MACs"),
    "rnn/rnn_large": ("wide RNN", "10 ms"),
    "rnn/between": ("wide RNN", "14 ms"),
    "small": ("small", "10 ms"),
    "grow": ("all wide", "20 ms, then 10 ms"),
    "large_full": ("all wide", "10 ms, 1.67 times the MACs"),
    "large": ("all wide", "10 ms"),
}
AGAIN = ("grow", "large_full")
BUDGETS = [  # what grows, and 20 ms, 10 ms and the small network beside it
    ("grow_4", "coarse_4", "fine_4", "owned"),
    ("grow", "coarse", "large", "small"),
    ("grow_14", None, "large_full", None),
]


def runs(*names):
    """The groups of some sweeps, by name."""
    found = {}
    for name in names:
        path = RECIPE / "runs" / f"{name}.json"
        found.update(groups(path, meant=["Started from an earlier run"]))
    return found


def ends(group):
    """The test PER of each seed."""
    return list(group["values"]["test"].values())


def cells(group, timed=True):
    """Parameters, TMAC, CPU seconds if they can be compared, and test PER."""
    macs, seconds = new_costs(group)
    return [
        f"{group['parameters'][-1]:,}",
        macs,
        seconds if timed else "",
        interval(ends(group)),
    ]


def frames():
    """Coarse frames first, beside networks that hear the same all the time."""
    found = runs("frames", "owned_mid")
    less, rows = gaps_to(found, HEARS, "grow"), []
    for name, words in HEARS.items():
        timed = name != "mid"  # it was run on other cores
        rows.append([words, *cells(found[name], timed), less[name]])
    rows.sort(key=lambda row: float(row[4].split()[0]))
    header = (
        "| frames | parameters | TMAC | CPU s | test PER | test PER less that of "
        "20 ms, then 10 ms |"
    )
    return table(header, rows)


def on_the_best_network():
    """Coarse frames first on a wide RNN, beside all that hears the same."""
    rnn = runs("frames_rnn")
    found = {**runs("frames"), **{f"rnn/{name}": rnn[name] for name in rnn}}
    less, rows = gaps_to(found, BEST, "rnn/grow"), []
    for name, words in BEST.items():
        timed = name.startswith("rnn/")
        rows.append([*words, *cells(found[name], timed), less[name]])
    rows.sort(key=lambda row: float(row[5].split()[0]))
    header = (
        "| network | frames | parameters | TMAC | CPU s | test PER "
        "| less that of the first |"
    )
    return table(header, rows)


def saved():
    """MACs that coarse frames first save a wide RNN, over 4000 draws of seeds."""
    found = runs("frames_rnn")
    kinds = [found[name] for name in ("grow", "rnn_large", "rnn_full")]
    grow, *fine = (np.array(ends(group)) for group in kinds)
    spent, *budgets = (group["macs"]["mean"] / 1e12 for group in kinds)
    draws = np.random.default_rng(0).integers(8, size=(4000, 8))
    needs = [
        needed(grow[draw].mean(), budgets, [one[draw].mean() for one in fine])
        for draw in (np.arange(8), *draws)
    ]
    row = [
        f"{spent:.2f}",
        f"{grow.mean():.2f}",
        f"{needs[0]:.1f}",
        share_saved(spent, needs),
    ]
    header = "| TMAC | test PER | fine frames need | saved |"
    return table(header, [row])


def augmented():
    """Fine and coarse frames, as they are and augmented, with the same seeds."""
    plain, found = runs("frames_rnn"), runs("augment")
    seeds, rows = found["grow"]["values"]["test"], []
    for words, one, other in (
        ("**20 ms, then 10 ms**", found["grow"], plain["grow"]),
        ("10 ms", found["fine"], plain["rnn_large"]),
    ):
        with_it, without = (
            {seed: group["values"]["test"][seed] for seed in seeds}
            for group in (one, other)
        )
        rows.append(
            [
                words,
                f"{other['cpu_seconds']['mean']:.0f}",
                interval(list(without.values())),
                f"{one['cpu_seconds']['mean']:.0f}",
                interval(list(with_it.values())),
                gap(with_it, without, digits=3),
            ]
        )
    header = (
        "| frames | CPU s | test PER | CPU s, augmented | test PER, augmented "
    )
    return table(header + "| difference |", rows)


def refined():
    """What new MACs gave to a coarse network that was there already."""
    found = runs("frames", "owned_mid")
    less, first, rows = gaps_to(found, NEW, "refined"), found["coarse"], []
    for name, words in NEW.items():
        group = found[name]
        goes_on = name in ("refined", "goes_on")
        macs, seconds = new_costs(group, first if goes_on else None)
        new = macs, "" if name == "mid" else seconds
        rows.append([words, *new, interval(ends(group)), less[name]])
    header = "| run | new TMAC | new CPU s | test PER | test PER less refined |"
    return table(header, rows)


def again():
    """Coarse frames first at 60 % of the MACs: eight seeds, eight more, and all."""
    old, new = (
        {name: runs(one)[name]["values"]["test"] for name in AGAIN}
        for one in ("frames", "frames_again")
    )
    rows = []
    for one in (old, new, {name: {**old[name], **new[name]} for name in old}):
        grow, full = one["grow"], one["large_full"]
        seeds = sorted(grow)
        rows.append(
            [
                f"{seeds[0]} to {seeds[-1]}",
                interval(list(grow.values())),
                interval(list(full.values())),
                interval([grow[seed] - full[seed] for seed in seeds]),
            ]
        )
    header = "| seeds | 20 ms, then 10 ms | 10 ms, 1.67 times the MACs | difference |"
    return table(header, rows)


def any_time():
    """One date of growth at three budgets, beside what never grows."""
    found = runs("coarse_frames")
    rows = []
    for grown, *others in BUDGETS:
        tests = {name: found[name]["values"]["test"] for name in others if name}
        best = min(tests, key=lambda name: sum(tests[name].values()))
        rows.append(
            [
                f"{found[grown]['macs']['mean'] / 1e12:.2f}",
                f"{found[grown]['cpu_seconds']['mean']:.0f}",
                interval(ends(found[grown])),
                *[interval(ends(found[o])) if o else "-" for o in others],
                gap(found[grown]["values"]["test"], tests[best], digits=5),
            ]
        )
    header = (
        "| TMAC | CPU s | 20 ms, then 10 ms | 20 ms | 10 ms | 10 ms, small "
        "| less the best of these |"
    )
    return table(header, rows)


def multiples():
    """What the law says of each budget, and what a fixed network would cost."""
    path = RECIPE / "runs" / "coarse_frames.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    rhos = {kind["name"]: kind.get("rho") for kind in report["carry_over"]}
    rows = []
    for at in report["frontier"]["tables"]:
        if at["unit"] != "macs":
            continue
        (grown,) = [row for row in at["rows"] if row["grew"]]
        macs, rho = grown["costs"]["macs"]["mean"], rhos[grown["name"]]
        rows.append(
            [
                f"{at['budget'] / 1e12:.2f}",
                f"{at['share']:.2f}",
                *[
                    f"{low:.1f} to {high:.1f}"
                    for low, high in (grown["predicted"], sorted(grown["law"]))
                ],
                f"{grown['loss']['mean']:.2f} ± {grown['loss']['half']:.2f}",
                f"{rho['mean']:.1f} ± {rho['half']:.1f}" if rho else "above 10",
                f"{grown['needs'] / 1e12:.1f}",
                f"{1 - macs / grown['needs']:.0%}",
            ]
        )
    header = (
        "| TMAC | of C_x | predicted | law, rho 0.8 to 1 | test PER | rho "
        "| TMAC of the best that never grows | saved |"
    )
    return table(header, rows)


TABLES = {
    "multiples": multiples,
    "frames": frames,
    "refined": refined,
    "best": on_the_best_network,
    "saved": saved,
    "again": again,
    "augmented": augmented,
    "any_time": any_time,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_lab_book_shows_what_the_runs_hold(name):
    assert printed(BOOK, name) == TABLES[name]()


def test_the_first_page_shows_what_coarse_frames_gave():
    assert printed(FIRST, "best") == on_the_best_network()


def test_the_first_page_says_what_sixteen_seeds_show():
    difference = again().splitlines()[-1].split("|")[-2].strip()
    assert f"(sixteen seeds: {difference})" in FIRST.read_text("utf-8")


def test_the_gain_is_as_large_where_both_are_augmented():
    found = runs("augment")
    fine, grow = (found[name]["values"]["test"] for name in ("fine", "grow"))
    difference, _, p = gap(fine, grow).partition(" (p = ")
    text = BOOK.read_text("utf-8")
    assert (
        f"they are {difference} better where both are augmented (p = {p}"
        in text
    )
    mean, half = (f"{float(word):.1f}" for word in difference.split(" ± "))
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert f"{mean} ± {half} points (five seeds, T10)" in page


def test_coarse_frames_had_eight_seeds_and_the_budgets_that_are_said():
    found = runs("frames", "owned_mid")
    rnn = runs("frames_rnn")
    counted = [found[name] for name in {*HEARS, *NEW}] + list(rnn.values())
    assert {len(group["seeds"]) for group in counted} == {8}
    spent = {name: group["macs"]["mean"] for name, group in found.items()}
    for name in ("coarse", "between", "large", "small", "mid", "both"):
        assert spent[name] == pytest.approx(spent["grow"], rel=0.005), name
    assert spent["grow"] / spent["large_full"] == pytest.approx(0.6, rel=0.005)
    macs = {name: group["macs"]["mean"] for name, group in rnn.items()}
    assert macs["grow"] == pytest.approx(spent["grow"], rel=0.005)
    assert macs["rnn_full"] == pytest.approx(spent["large_full"], rel=0.005)


if __name__ == "__main__":
    write(BOOK, TABLES)
    write(FIRST, {"best": on_the_best_network})
