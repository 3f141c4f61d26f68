"""Tables of a README that are written from result files, and compared with them.

A table stands between two comments, ``<!-- NAME -->`` and ``<!-- /NAME -->``.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re

import numpy as np
from scipy import stats

from speechbrain_growth.experiments.statistics import holm


def groups(path, meant=()):
    """The groups of a ``report.json`` by name; no run may be missing.

    Of its warnings, only those may be there that begin with what was meant.
    """
    report = json.loads(path.read_text(encoding="utf-8"))
    assert not report["missing"]
    assert all(words.startswith(tuple(meant)) for words in report["warnings"])
    return {group["name"]: group for group in report["groups"]}


def growth_log(path):
    """The growths of one run."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def interval(values):
    """Mean and half of the 95 % interval over seeds."""
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return f"{np.mean(values):.2f} ± {half:.2f}"


def gap(one, other, digits=2):
    """How far values by seed are above others, paired, and p of a t-test."""
    gaps = [value - other[seed] for seed, value in one.items()]
    p = stats.ttest_1samp(gaps, 0).pvalue
    return f"{interval(gaps)} (p = {p:.{digits}f})"


def new_costs(group, first=None):
    """TMAC and CPU seconds of a kind, without those of the one it starts from."""
    macs, seconds = (
        group[key]["mean"] - (first[key]["mean"] if first else 0.0)
        for key in ("macs", "cpu_seconds")
    )
    return f"{macs / 1e12:.2f}", f"{seconds:.0f}"


def gaps_to(found, names, ours):
    """How far kinds are above one of them, paired, and p by Holm's method."""
    gaps, mine = {}, found[ours]["values"]["test"]
    for name in names:
        if name != ours:
            test = found[name]["values"]["test"]
            gaps[name] = [test[seed] - mine[seed] for seed in test]
    ps = holm([stats.ttest_1samp(gap, 0).pvalue for gap in gaps.values()])
    return {ours: "-"} | {
        name: f"{interval(gap)} (p = {p:.2g})"
        for (name, gap), p in zip(gaps.items(), ps)
    }


def needed(goal, budgets, ends):
    """TMAC to a metric, on the line through ends over the logarithm of TMAC."""
    slope, start = np.polyfit(np.log(budgets), ends, 1)
    return float(np.exp((goal - start) / slope))


def share_saved(spent, needs):
    """The share of TMAC that is saved, and its 95 % interval over drawn seeds.

    The first of what is needed is that of all seeds.
    """
    share, *drawn = 1 - spent / np.array(needs)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{share:.0%} ({low:.0%} to {high:.0%})"


def growth_cells(growth, metric):
    """One growth: its epoch, parameters and drift, loss and metric around it."""
    before, after = growth["valid_before"], growth["valid_after"]
    return [
        growth["epoch"],
        f"{growth['parameters_before']:,} -> {growth['parameters_after']:,}",
        f"{growth['drift']:.1e}",
        f"{before['loss']:.4f} -> {after['loss']:.4f}",
        f"{before[metric]:.2f} -> {after[metric]:.2f}",
    ]


def table(header, rows):
    """A table in Markdown."""
    rule = "|" + "---|" * (header.count("|") - 1)
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([header, rule, *lines])


def _block(name):
    """The pattern of a table in a README."""
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(\n<!-- /{name} -->)", re.S)


def printed(readme, name):
    """A table as the README has it."""
    found = _block(name).search(readme.read_text(encoding="utf-8"))
    assert found, f"{readme} has no table {name}"
    return found[2]


def write(readme, tables):
    """Writes all tables of a README anew."""
    text = readme.read_text(encoding="utf-8")
    for name, make in tables.items():
        text = _block(name).sub(rf"\g<1>{make()}\g<3>", text)
    readme.write_text(text, encoding="utf-8")
