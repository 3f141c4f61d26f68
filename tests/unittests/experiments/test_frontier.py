"""Growing against the best network that does not: runs whose law is known.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re

import numpy as np
import pytest
from lawful_runs import (
    NAMES,
    OFFSETS,
    SECONDS,
    grown_law,
    law,
    write,
    write_grown,
    write_static,
)
from scipy import optimize, stats

from speechbrain_growth.experiments.compare import report
from speechbrain_growth.experiments.frontier.findings import findings_of
from speechbrain_growth.experiments.frontier.picture import picture
from speechbrain_growth.experiments.runs import find_runs, read_run

BUDGETS = (2330, 6410, 19000, 57000)
DATES = {6410: 30, 19000: 60, 57000: 70}  # small epochs before the growth
RHO = 0.9


def write_all(place, **options):
    """Three sizes at all budgets, and growths at three of them."""
    write_static(place, BUDGETS, **options)
    for budget, first in DATES.items():
        write_grown(place, budget, first, RHO, **options)


def found_in(place):
    """What the runs in a folder say."""
    return findings_of([read_run(folder) for folder in find_runs([place])[0]])


def end_of_growth(budget):
    """Where the growing network ends, and its CPU seconds."""
    first = DATES[budget]
    last = (budget - 100 * first) / 400
    seconds = first * SECONDS[100] + last * SECONDS[400]
    return grown_law((100, 400), (first, last), RHO), seconds


def cost_of(size, loss):
    """The MACs with which a network reaches a loss, by a search."""
    return size * optimize.brentq(lambda n: law(size, n) - loss, 1, 1e7)


def crossing(costs):
    """The cost at which the small and the large network end alike."""

    def gap(log):
        """The small network's loss less the large one's."""
        cost = np.exp(log)
        return law(100, cost / costs[100]) - law(400, cost / costs[400])

    return np.exp(optimize.brentq(gap, np.log(costs[400]), 30))


@pytest.mark.parametrize("higher", [False, True])
def test_the_gain_is_that_of_the_laws(higher, tmp_path):
    write_all(tmp_path, higher=higher)
    found = found_in(str(tmp_path))
    costs = {size: float(size) for size in NAMES}
    assert found.laws["macs"].pair.crossing == pytest.approx(
        crossing(costs), rel=1e-4
    )
    assert found.laws["cpu_seconds"].pair.crossing == pytest.approx(
        crossing(SECONDS), rel=1e-4
    )
    gains = {gain["name"]: gain for gain in found.gains["macs"]}
    assert len(gains) == 3
    for budget in DATES:
        gain = gains[f"grow,macs@{budget}"]
        end, _ = end_of_growth(budget)
        best = min(law(size, budget / size) for size in NAMES)
        assert gain["mean"] == pytest.approx(best - end, abs=1e-9)
        # it lies between what rho 0.8 and 1 give
        assert gain["law"][0] < best - end < gain["law"][1]
    signs = {budget: gains[f"grow,macs@{budget}"]["mean"] for budget in DATES}
    assert signs[6410] < 0 < signs[19000]


def test_between_measured_ends_the_best_is_interpolated(tmp_path):
    write_all(tmp_path)
    found = found_in(str(tmp_path))
    for gain in found.gains["cpu_seconds"]:
        end, seconds = end_of_growth(int(gain["name"].split("@")[1]))
        assert gain["cost"] == pytest.approx(seconds)
        ends = []
        for size in NAMES:
            spent = [budget / size * SECONDS[size] for budget in BUDGETS]
            losses = [law(size, budget / size) for budget in BUDGETS]
            if spent[0] <= seconds:
                ends.append(np.interp(np.log(seconds), np.log(spent), losses))
        assert gain["mean"] == pytest.approx(min(ends) - end, abs=1e-9)
        assert gain["half"] is None


def test_a_table_has_every_opponent_and_what_it_costs(tmp_path):
    write_all(tmp_path)
    found = found_in(str(tmp_path))
    tables = {table["budget"]: table for table in found.tables}
    assert set(tables) == set(DATES)
    ps = []
    for budget in DATES:
        *static, row = tables[budget]["rows"]
        names = [f"{name},macs@{budget}" for name in NAMES.values()]
        assert [one["name"] for one in static] == names
        end, _ = end_of_growth(budget)
        wanted = ["small", "best intermediate", "large"]
        assert [less["which"] for less in row["less"]] == wanted
        for less, size in zip(row["less"], NAMES):
            gaps = [
                end + 0.8 * offset - law(size, budget / size) - offset
                for offset in OFFSETS.values()
            ]
            assert less["mean"] == pytest.approx(np.mean(gaps))
            expected = stats.ttest_1samp(gaps, 0.0).pvalue
            assert less["p"] == pytest.approx(expected)
            ps.append(less)
        # The first size that is as good, by a search
        as_good = [cost_of(size, end) for size in NAMES if law(size, 1e7) < end]
        assert row["needs"] == pytest.approx(min(as_good), rel=1e-4)
        low, high = row["law"]
        assert low < end < high
        share = budget / crossing({size: float(size) for size in NAMES})
        assert tables[budget]["share"] == pytest.approx(share, rel=1e-4)
        for one, size in zip(static, NAMES):
            assert one["law"] == pytest.approx([law(size, budget / size)] * 2)
    assert len(ps) == 9
    assert [less["holm"] for less in ps] == pytest.approx(
        [holm_by_search([less["p"] for less in ps], at) for at in range(9)]
    )


def holm_by_search(ps, at):
    """The least level at which Holm's rule rejects one of several tests."""

    def rejected(level):
        """The tests that are rejected, one after the other."""
        left, found = sorted(range(len(ps)), key=ps.__getitem__), set()
        while left and ps[left[0]] <= level / len(left):
            found.add(left.pop(0))
        return found

    low, high = 0.0, 1.0
    if at not in rejected(high):
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if at in rejected(middle) else (middle, high)
    return high


def test_the_report_shows_it(tmp_path):
    place, out = tmp_path / "runs", tmp_path / "out"
    write_all(place, higher=True)
    for seed in OFFSETS:
        note = place / "grow,macs@19000" / seed / "sweep_settings.json"
        note.write_text('{"predicted": "[-19.5, -19]"}')
        for size in NAMES.values():
            note = place / f"{size},macs@19000" / seed / "sweep_settings.json"
            note.write_text('{"predicted": "-20.5"}')
    summary = report([str(place)], str(out))
    text = (out / "report.md").read_text()
    assert "![error against cost](error_frontier.png)" in text
    assert "corrected for all 9 differences" in text
    assert re.search(r"\* training MACs: an epoch of large costs 4\.00", text)
    # rho in the caption; seeds are off, so their mean is not quite that of RHO
    assert re.search(r"rho, measured: .*grow,macs@19000 0\.9\d ± ", text)
    share = 19000 / crossing({size: float(size) for size in NAMES})
    assert f"### 1.9e+04 training MACs, {share:.2g} C_x" in text
    (line,) = re.findall(
        r"^\| grow,macs@19000 \| 3 \| 1\.9.*times.*", text, re.M
    )
    end, seconds = end_of_growth(19000)
    cells = line.split(" | ")
    assert cells[3] == f"{seconds:.1f} ± 0.0"
    assert cells[4].startswith(f"{-end:.2f} ± ")
    # Higher is better: a network that is better is above
    assert cells[5].startswith(f"{law(100, 190) - end:.2f} ± ")
    assert cells[-2] == "-19.50 to -19.00"
    (gain,) = (
        gain
        for gain in summary["frontier"]["gains"]["macs"]
        if gain["name"] == "grow,macs@19000"
    )
    assert gain["predicted"] == pytest.approx(20.5 - 19.25)
    for kind in ("png", "svg"):
        size = (out / f"error_frontier.{kind}").stat().st_size
        assert 1000 < size < 200_000
    json.loads((out / "report.json").read_text(), parse_constant=pytest.fail)


def test_the_picture_has_every_end_and_growth(tmp_path):
    write_all(tmp_path)
    found = found_in(str(tmp_path))
    figure = picture(found)
    macs, seconds, gains, _ = figure.axes
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    lines = {line.get_label(): line for line in macs.lines}
    ends = {line.get_marker(): line.get_xydata() for line in macs.lines}
    small = [[budget, law(100, budget / 100)] for budget in BUDGETS]
    assert ends["o"][0] != pytest.approx(small[0])  # the last: those that grew
    assert lines["crossing C_x"].get_xdata()[0] == pytest.approx(
        crossing({size: float(size) for size in NAMES}), rel=1e-4
    )
    grown = sorted(
        line.get_xydata()[0].tolist()
        for line in macs.lines
        if line.get_marker() == "^" and len(line.get_xydata())
    )
    assert [place for place, _ in grown] == [3000, 6000, 7000]
    assert [end for _, end in grown] == pytest.approx(
        [end_of_growth(budget)[0] for budget in DATES]
    )
    marks = [
        line.get_xydata()[0, 0]
        for line in seconds.lines
        if line.get_marker() == "^" and len(line.get_xydata())
    ]
    assert sorted(marks) == [30, 60, 70]
    best = lines["the best of them"]
    for budget in BUDGETS:
        low = min(law(size, budget / size) for size in NAMES)
        cost, loss = best.get_data()
        assert np.interp(budget, cost, loss) == pytest.approx(low, rel=0.02)
    (dots,) = [line for line in gains.lines if line.get_marker() == "o"]
    places, values = zip(*sorted(zip(*dots.get_data())))
    by_law = crossing({size: float(size) for size in NAMES})
    assert places == pytest.approx([b / by_law for b in DATES], rel=1e-4)
    assert values[1] == pytest.approx(
        law(100, 190) - end_of_growth(19000)[0], abs=1e-6
    )


# Which runs are compared with which


def test_without_budgets_costs_that_are_close_are_one(tmp_path):
    for size, epochs in ((100, 38), (400, 10), (100, 60), (400, 20)):
        name = NAMES[size] + ("_budget" if epochs in (38, 10) else "")
        for seed, offset in OFFSETS.items():
            end = law(size, epochs) + offset
            write(tmp_path / name / seed, [(size, epochs)], end)
    for seed, offset in OFFSETS.items():
        end = grown_law((100, 400), (6, 8), RHO) + offset
        write(tmp_path / "grow" / seed, [(100, 6), (400, 8)], end)
    (table,) = found_in(str(tmp_path)).tables
    names = [row["name"] for row in table["rows"]]
    assert names == ["small_budget", "large_budget", "grow"]
    assert (table["unit"], table["budget"]) == ("macs", 3800)


def test_equal_seconds_are_a_table_of_their_own(tmp_path):
    for name, size, spent in (
        ("small", 100, {"macs": 3800}),
        ("small_seconds", 100, {"cpu_seconds": 22.0}),
        ("large_seconds", 400, {"cpu_seconds": 22.0}),
        ("large", 400, {"macs": 9000}),
    ):
        unit = next(iter(spent))
        each = size if unit == "macs" else SECONDS[size]
        epochs = spent[unit] / each
        for seed in OFFSETS:
            folder = tmp_path / name / seed
            end = law(size, epochs)
            write(folder, [(size, epochs)], end, budget=spent)
            if unit == "cpu_seconds":
                text = '{"equal": "cpu_seconds of grow"}'
                (folder / "sweep_settings.json").write_text(text)
    for seed in OFFSETS:
        end = grown_law((100, 400), (6, 8), RHO)
        write(tmp_path / "grow" / seed, [(100, 6), (400, 8)], end)
    found = found_in(str(tmp_path))
    names = {
        (table["unit"], row["name"])
        for table in found.tables
        for row in table["rows"]
    }
    assert names == {
        ("macs", "small"),
        ("macs", "grow"),
        ("cpu_seconds", "small_seconds"),
        ("cpu_seconds", "large_seconds"),
        ("cpu_seconds", "grow"),
    }


def test_what_is_missing_for_a_law_is_said(tmp_path):
    place, out = tmp_path / "runs", tmp_path / "out"
    write_static(place, (6410,))
    write_grown(place, 6410, 30, RHO)
    report([str(place)], str(out))
    text = (out / "report.md").read_text()
    assert "* training MACs: C_x is not known: " in text
    assert "budgets that differ by a factor of 2" in text
    (line,) = re.findall(r"^\| grow,macs@6410 \| 3 .*\(.*", text, re.M)
    assert line.endswith("| - |  |  |")
    (line,) = re.findall(r"^### .*", text, re.M)
    assert line == "### 6.41e+03 training MACs"


def test_sizes_that_grow_from_nowhere_are_in_no_law(tmp_path):
    write_static(tmp_path, BUDGETS, sizes=(200, 400))
    write_grown(tmp_path, 6410, 30, RHO)
    found = found_in(str(tmp_path))
    row = found.tables[0]["rows"][-1]
    assert row["law"] is None and row["needs"] > 0
    assert [less["which"] for less in row["less"]] == ["small", "large"]


def test_the_best_of_several_intermediate_sizes_is_the_opponent(tmp_path):
    ends = {
        "a": (100, 18.0),
        "b": (200, 17.5),
        "c": (300, 17.0),
        "d": (400, 19.0),
    }
    for name, (size, end) in {**ends, "grow": (400, 16.0)}.items():
        for seed, offset in OFFSETS.items():
            parts = [(size, 4800 / size)]
            if name == "grow":
                parts = [(100, 8), (400, 10)]
            write(tmp_path / name / seed, parts, end + offset)
    (table,) = found_in(str(tmp_path)).tables
    less = {one["which"]: one for one in table["rows"][-1]["less"]}
    others = {which: one["other"] for which, one in less.items()}
    assert others == {"small": "a", "best intermediate": "c", "large": "d"}
    assert less["best intermediate"]["mean"] == pytest.approx(-1.0)


def test_networks_of_as_many_parameters_differ_by_what_they_cost(tmp_path):
    write_all(tmp_path / "sizes")
    write_all(tmp_path / "frames", alike=True)
    one, other = (found_in(tmp_path / name) for name in ("sizes", "frames"))
    assert other.gains == one.gains and other.tables == one.tables
    assert [size.parameters for size in one.sizes] == [100, 200, 400]
    assert [tuple(size) for size in other.sizes] == [
        (9, 100.0),
        (9, 200.0),
        (9, 400.0),
    ]
    labels = picture(other).axes[0].get_legend_handles_labels()[1]
    assert "mid, 9 parameters, 200 MACs an epoch" in labels
    labels = picture(one).axes[0].get_legend_handles_labels()[1]
    assert "mid, 200 parameters" in labels


@pytest.mark.parametrize("sizes", [(100,), ()])
def test_with_one_size_or_without_growths_there_is_no_picture(sizes, tmp_path):
    write_static(tmp_path, BUDGETS, sizes=sizes or (100, 400))
    if sizes:
        write_grown(tmp_path, 6410, 30, RHO)
    assert found_in(str(tmp_path)) is None
