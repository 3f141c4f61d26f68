"""The tables of the TIMIT recipe's lab book show what its result files hold.

``runs/conditions.json`` is the ``report.json`` of a sweep. After new runs, `python
tests/unittests/recipes/test_timit_lab_book.py` writes the tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

from pathlib import Path

import pytest
from readme_tables import groups, interval, printed, table, write
from scipy import stats

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
BOOK, CONDITIONS = RECIPE / "RESULTS.md", RECIPE / "runs" / "conditions.json"


def conditions():
    """What each condition gave, the best first, and its distance to small."""
    found, rows = groups(CONDITIONS), []
    small = found["small"]["values"]["test"]
    for name, group in found.items():
        tests = group["values"]["test"]
        gaps = [per - small[seed] for seed, per in tests.items()]
        less = "-" if name == "small" else "the same runs"
        if any(gaps):
            p = stats.ttest_1samp(gaps, 0).pvalue
            less = f"{interval(gaps)} (p = {p:.3f})"
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


TABLES = {"conditions": conditions}


@pytest.mark.parametrize("name", TABLES)
def test_the_lab_book_shows_what_the_runs_hold(name):
    assert printed(BOOK, name) == TABLES[name]()


def test_all_conditions_had_the_same_compute_and_three_seeds():
    found = groups(CONDITIONS).values()
    spent = [group["macs"]["mean"] for group in found]
    assert max(spent) < 1.01 * min(spent)
    assert {len(group["seeds"]) for group in found} == {3}


if __name__ == "__main__":
    write(BOOK, TABLES)
