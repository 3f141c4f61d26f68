"""Forecasts against curves whose law is known, and against what was measured.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from speechbrain_growth import GrowthError
from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.forecast.breaks import after_break
from speechbrain_growth.experiments.forecast.command import forecast
from speechbrain_growth.experiments.forecast.law import Pair
from speechbrain_growth.experiments.forecast.picture import picture
from speechbrain_growth.experiments.forecast.report import as_text, sentence
from speechbrain_growth.experiments.forecast.seeds import (
    paired_deviation,
    seeds_needed,
)
from speechbrain_growth.experiments.forecast.sources import network_of, read_all

ROOT = Path(__file__).resolve().parents[3]
TIMIT = ROOT / "recipes/TIMIT/ASR/growing_CTC/runs/controls.json"
MNIST = ROOT / "recipes/MNIST/classification/growing_MLP/runs"
COSTS = {"small": 2.0, "mid": 4.0, "large": 8.0}
FLOORS = {"small": 17.0, "mid": 15.0, "large": 14.0}
BUDGETS = {"small": (10, 40), "mid": (10, 20), "large": (5, 15)}
SEEDS = {"1": 0.0, "2": 0.5, "3": -0.5}  # how much worse both networks are
B, EXPONENT = 100.0, 0.8


def write_run(folder, losses, cost, test=None, **facts):
    """A run as the run logger writes it; ``losses`` by epoch."""
    start = {"event": "start", "metric": "PER", "better": "lower", "epochs": 9}
    events = [{**start, "seed": folder.name, **facts}]
    for epoch, loss in losses.items():
        totals = {"macs": epoch * cost, "parameters": int(1000 * cost)}
        event = {"event": "epoch", "epoch": epoch, "valid": {"PER": loss}}
        events.append({**event, **totals})
    if test is not None:
        events.append({"event": "test", "test": {"PER": test}})
    folder.mkdir(parents=True)
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "run_log.jsonl").write_text(text)


def write_all(place, floors=FLOORS, budgets=BUDGETS, higher=False, **law):
    """Runs that end where the law says; returns the arguments of forecast."""
    scale, exponent = law.get("scale", B), law.get("exponent", EXPONENT)
    for name in floors:
        for epochs in budgets[name]:
            for seed, worse in SEEDS.items():
                loss = floors[name] + scale * epochs**-exponent + worse
                end = 100 - loss if higher else loss
                better = "higher" if higher else "lower"
                folder = place / name / str(epochs) / seed
                # The validation says something else: only the test counts
                curve = {epochs: end + 7}
                write_run(folder, curve, COSTS[name], end, better=better)
    return [str(place / name) for name in ("small", "large")]


# The closed forms, against a search over numbers that knows none of them


@pytest.mark.parametrize(
    "ratio, exponent, rho",
    [(4, 0.28, 1), (4, 0.76, 0.8), (2, 1.0, 0.9), (1.5, 1.5, 0.8), (9, 0.5, 1)],
)
def test_closed_forms_are_what_a_search_finds(ratio, exponent, rho):
    small, large, scale = 6.0, 5.0, 30.0
    pair = Pair(small, large, scale, exponent, 1.0, ratio)

    def of_small(cost):
        return small + scale * cost**-exponent

    def of_large(cost):
        return large + scale * (cost / ratio) ** -exponent

    def equal(first, second, low, high):
        log = optimize.brentq(
            lambda x: first(np.exp(x)) - second(np.exp(x)), low, high
        )
        return np.exp(log)

    crossing = equal(of_small, of_large, -5, 60)
    assert pair.crossing == pytest.approx(crossing, rel=1e-6)

    def head_start(log):
        """What the large network would have paid, less what was paid."""
        loss = of_small(np.exp(log))
        paid = equal(of_large, lambda cost: loss, -20, 80)
        return rho * paid - np.exp(log)

    found = optimize.minimize_scalar(
        lambda log: -head_start(log),
        bounds=(np.log(crossing) - 6, np.log(crossing)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert pair.date(rho) == pytest.approx(np.exp(found.x), rel=1e-4)
    assert pair.saved(rho) == pytest.approx(-found.fun, rel=1e-6)
    budget = 2 * crossing
    assert pair.grown_at(budget, rho) == pytest.approx(
        of_large(budget - found.fun), rel=1e-9
    )
    before = 0.9 * pair.date(rho)
    assert pair.grown_at(before, rho) == pytest.approx(of_small(before))


@pytest.mark.parametrize(
    "rho, percent", [(1.0, (12, 20, 28, 33)), (0.8, (5, 11, 16, 21))]
)
def test_what_growing_saves_of_the_crossing_at_four_times_the_cost(
    rho, percent
):
    pairs = [Pair(3, 1, 10, b, 1, 4) for b in (0.28, 0.5, 0.76, 1.0)]
    saved = [round(100 * p.saved(rho) / p.crossing) for p in pairs]
    assert tuple(saved) == percent


def test_a_growth_that_carries_too_little_never_pays():
    pair = Pair(3, 1, 10, 0.5, 1, 4)
    assert pair.date(0.25) == np.inf and pair.saved(0.25) == 0
    assert pair.date(0.26) < np.inf and pair.saved(0.26) > 0


# Runs whose law is known


@pytest.mark.parametrize("higher", [False, True])
@pytest.mark.parametrize("exponent", [0.3, 0.8, 1.5])
def test_runs_give_back_the_law_they_were_made_with(exponent, higher, tmp_path):
    places = write_all(tmp_path, higher=higher, exponent=exponent)
    found = forecast([*places, str(tmp_path / "mid")])
    pair = Pair(17.0, 14.0, B, exponent, 2.0, 8.0)
    sign = -1 if higher else 1
    floors = sign * (np.array(found.fit.floors) + (100 if higher else 0))
    assert sign * floors == pytest.approx([17.0, 14.0, 15.0], rel=1e-2)
    assert found.pair.exponent == pytest.approx(exponent, rel=1e-2)
    assert found.pair.crossing == pytest.approx(pair.crossing, rel=1e-2)
    for rho in (1.0, 0.8):
        assert found.pair.date(rho) == pytest.approx(pair.date(rho), rel=1e-2)
        assert found.pair.saved(rho) == pytest.approx(pair.saved(rho), rel=1e-2)
    ends = {name: end for name, (end, _) in found.ends().items()}
    base = -100 if higher else 0
    budget = 8.0 * 15  # the longest run of the large network
    assert found.budget == budget
    assert ends[str(tmp_path / "mid")] - base == pytest.approx(
        15 + B * (budget / 4) ** -exponent, rel=1e-2
    )
    assert ends["small"] - base == pytest.approx(
        pair.small_at(budget), rel=1e-2
    )
    assert ends["large"] - base == pytest.approx(
        pair.large_at(budget), rel=1e-2
    )
    assert ends["grown, rho 0.8"] - base == pytest.approx(
        pair.grown_at(budget, 0.8), rel=1e-2
    )


def test_curves_give_the_law_without_what_comes_before_the_break(tmp_path):
    blank = [99.0, 98.0, 99.5, 97.0]
    for name in ("small", "large"):
        law = {n: FLOORS[name] + B * n**-EXPONENT for n in range(5, 31)}
        curve = {**dict(enumerate(blank, start=1)), **law}
        for seed in SEEDS:
            write_run(tmp_path / name / seed, curve, COSTS[name], test=50.0)
    places = [str(tmp_path / "small"), str(tmp_path / "large")]
    found = forecast(places, curves=True)
    pair = Pair(17.0, 14.0, B, EXPONENT, 2.0, 8.0)
    assert found.pair.crossing == pytest.approx(pair.crossing, rel=1e-2)
    assert found.pair.date(0.8) == pytest.approx(pair.date(0.8), rel=1e-2)
    assert {point.epochs for point in found.networks[0].points} == set(law)
    with pytest.raises(GrowthError, match="factor of 2"):
        forecast(places)  # the tests alone have one budget


def test_only_the_ends_of_curves_say_how_seeds_differ(tmp_path):
    ends = {"1": 0.0, "2": 0.2, "3": 0.7}
    for name in ("small", "large"):
        for seed, by in ends.items():
            curve = {n: FLOORS[name] + B * n**-EXPONENT for n in range(1, 20)}
            curve[19] += by if name == "small" else -by
            write_run(tmp_path / name / seed, curve, COSTS[name], test=50.0)
    places = [str(tmp_path / name) for name in ("small", "large")]
    expected = 2 * np.std(list(ends.values()), ddof=1)
    found = forecast(places, curves=True)
    assert found.deviation == pytest.approx(expected)


@pytest.mark.parametrize(
    "losses, kept",
    [
        ([100 * n**-0.5 for n in range(1, 9)], 0),
        ([99, 98, 99.5, 97, 60, 45, 40], 4),
        ([3.2, 3.1, 1.9, 1.5, 1.3], 2),  # a loss that is flat, then falls
        ([5.0], 0),
    ],
)
def test_a_break_is_where_a_curve_falls_most_steeply(losses, kept):
    assert after_break(losses) == kept


@pytest.mark.parametrize("gap", [0.0, -1.0])
def test_a_large_network_without_a_lower_floor_never_pays(
    gap, tmp_path, capsys
):
    floors = {"small": 14.0, "large": 14.0 - gap}
    places = write_all(tmp_path, floors)
    main(["forecast", *places])
    text = capsys.readouterr().out
    assert "growing never pays" in text
    assert "| growth date C*, rho 1 | never |" in text
    assert "| crossing C_x | never |" in text


@pytest.mark.parametrize(
    "share, words",
    [
        (0.1, "0.1 of the crossing: the small network is the best of the two, "
         "and it is too early to grow"),
        (0.6, "0.6 of the crossing: the small network is the best of the two, "
         "and one that grows after"),
        (2.0, "2 of the crossing: the large network is the best of the two, "
         "and one that grows after"),
        (5.1, "5.1 of the crossing, far past it: train the large network"),
    ],
)  # fmt: skip
def test_the_sentence_depends_on_the_budget(share, words, tmp_path):
    crossing = Pair(17.0, 14.0, B, EXPONENT, 2.0, 8.0).crossing
    found = forecast(write_all(tmp_path), budget=share * crossing)
    assert sentence(found).startswith(f"Your budget is {words}")


def test_a_size_between_the_two_may_be_as_good_as_growing(tmp_path):
    floors = {**FLOORS, "mid": 10.0}
    places = [*write_all(tmp_path, floors), str(tmp_path / "mid")]
    found = forecast(places, budget=300.0)
    assert "growing would gain nothing over all of them" in sentence(found)
    assert "grown, rho 1: no difference to the best" in as_text(found)


# Seeds


def test_seeds_that_shift_both_networks_leave_delta_certain(tmp_path):
    found = forecast(write_all(tmp_path))
    assert found.of(lambda _, p: p.delta)[1] == pytest.approx((3.0, 3.0))
    # all three draws of the best seed, and of the worst one: 1 of 27 each
    low, high = found.of(lambda _, p: p.large_floor)[1]
    assert (low, high) == pytest.approx((13.5, 14.5))
    assert found.deviation == pytest.approx(0, abs=1e-9)


def test_the_deviation_is_that_of_paired_differences(tmp_path):
    rng = np.random.default_rng(0)
    ends = {
        (name, epochs): 20 + rng.normal(size=4)
        for name, some in (("small", (10, 30)), ("large", (8,)))
        for epochs in some
    }
    for (name, epochs), values in ends.items():
        for seed, end in enumerate(values):
            folder = tmp_path / name / str(epochs) / str(seed)
            write_run(folder, {epochs: end}, COSTS[name], end)
    places = [str(tmp_path / name) for name in ("small", "large")]
    runs = read_all(places)
    networks = [network_of(place, runs[place], "macs") for place in places]
    first, second, third = ends.values()
    gaps = (first - second, first - third, second - third)
    expected = np.sqrt(np.mean([gap.std(ddof=1) ** 2 for gap in gaps]))
    assert paired_deviation(networks) == pytest.approx(expected)


def write_seeds(place, ends):
    """Runs of two budgets that end as a function of name, epochs, seed says."""
    for name in ("small", "large"):
        for epochs in BUDGETS[name]:
            for seed in ("1", "2", "3"):
                folder = place / name / str(epochs) / seed
                end = ends(name, epochs, seed)
                write_run(folder, {epochs: end}, COSTS[name], end)
    return [str(place / name) for name in ("small", "large")]


def test_a_gap_that_may_be_nothing_is_said(tmp_path, capsys):
    def ends(name, epochs, seed):
        """The large network is better with two seeds, worse with one."""
        by = {"1": 0.0, "2": 1.0, "3": 6.0}[seed] if name == "large" else 0.0
        return FLOORS[name] + B * epochs**-EXPONENT + by

    main(["forecast", *write_seeds(tmp_path, ends)])
    text = capsys.readouterr().out
    assert "Delta may be 0: its interval has 0 in it; add seeds" in text
    assert re.search(r"Delta, .* \| 0\.67 \| -3\.00 to 3\.00 \|", text)


def test_draws_of_seeds_without_a_law_are_counted(tmp_path, capsys):
    def ends(name, epochs, seed):
        """One seed becomes worse with time, the others better."""
        scale = -10 if seed == "3" else B
        return FLOORS[name] + scale * epochs**-EXPONENT

    places = write_seeds(tmp_path, ends)
    main(["forecast", *places])
    text = capsys.readouterr().out
    lost = [fit for fit in forecast(places).resampled if fit is None]
    assert 0 < len(lost) < 30  # about one of 27 draws has that seed only
    words = f"seeds drawn 200 times; {len(lost)} draws follow no common law"
    assert words in text


def test_a_run_that_is_not_finished_is_left_out_and_listed(tmp_path, capsys):
    places = write_all(tmp_path)
    expected = forecast(places).pair
    write_run(tmp_path / "small" / "80" / "1", {80: 99.0}, COSTS["small"])
    assert forecast(places).pair == expected
    main(["forecast", *places])
    text = capsys.readouterr().out
    assert f"* {tmp_path}/small/80/1: not finished, left out" in text


@pytest.mark.parametrize(
    "effect, number", [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)]
)
def test_seeds_are_those_of_printed_tables_of_power(effect, number):
    assert seeds_needed(3 * effect, 3.0) == number
    assert seeds_needed(1e-6, 1.0) is None


def test_one_seed_has_no_intervals(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(f"{__name__}.SEEDS", {"1": 0.0})
    main(["forecast", *write_all(tmp_path), "--budget", "400"])
    text = capsys.readouterr().out
    assert "one seed: there are no intervals" in text
    assert "two seeds in common would say" in text


# What was measured


def test_the_timit_controls_say_what_was_calculated_by_hand(capsys):
    places = [f"{TIMIT}/small*", f"{TIMIT}/large*"]
    found = forecast(places)
    pair = found.pair
    assert pair.exponent == pytest.approx(1.21, abs=0.005)
    assert pair.scale == pytest.approx(107, abs=1.5)
    assert pair.small_floor == pytest.approx(17.1, abs=0.05)
    assert pair.large_floor == pytest.approx(14.1, abs=0.05)
    assert pair.delta == pytest.approx(3.0, abs=0.05)
    assert pair.date(1.0) / pair.small_cost == pytest.approx(21, abs=0.5)
    assert pair.crossing / pair.large_cost == pytest.approx(16, abs=0.5)
    seconds = forecast(places, unit="cpu_seconds").pair
    assert seconds.ratio == pytest.approx(2.6, abs=0.2)
    assert seconds.date(1.0) / seconds.small_cost == pytest.approx(13, abs=2)


@pytest.mark.parametrize(
    "report", sorted(MNIST.glob("controls_*.json")), ids=lambda p: p.stem
)
def test_the_mnist_sweeps_were_run_far_past_their_crossing(report):
    with pytest.raises(SystemExit) as caught:
        main(["forecast", f"{report}/small*", f"{report}/large*"])
    text = str(caught.value)
    assert "these runs are far past their crossing" in text
    assert re.search(r"; add a run of small with \d+ epochs", text)


def test_the_page_shows_what_the_command_prints(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "forecast.md").read_text(encoding="utf-8")
    command, printed = re.search(
        r"<!-- example -->\s*```bash\n(.*?)```\s*```text\n(.*?)```",
        page,
        re.S,
    ).groups()
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:3] == ["python", "-m", "speechbrain_growth"]
    main(words[3:])
    assert capsys.readouterr().out.strip() == printed.strip()


# The plot


def test_the_plot_has_every_network_and_the_dates(tmp_path):
    places = write_all(tmp_path)
    found = forecast([*places, str(tmp_path / "mid")])
    (axes,) = picture(found).axes
    places = {
        line.get_label(): line.get_xdata()[0]
        for line in axes.lines
        if len(line.get_xdata()) == 2
    }
    pair = found.pair
    assert places == {
        "growth date C*": pair.date(1.0),
        "crossing C_x": pair.crossing,
        "budget": found.budget,
    }
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    cost, loss = lines["large"][100]
    assert loss == pytest.approx(pair.large_at(cost))
    cost, loss = lines["grown, rho 0.8"][100]
    assert loss == pytest.approx(pair.grown_at(cost, 0.8))
    dots = [line for line in axes.lines if line.get_marker() == "."]
    assert [len(line.get_xdata()) for line in dots] == [6, 6, 6]


def test_the_plot_is_written_twice_alike(tmp_path):
    places = write_all(tmp_path / "runs")
    for name in ("one", "two"):
        main(["forecast", *places, "--out", str(tmp_path / name)])
    for file in ("forecast.png", "forecast.svg"):
        one, two = ((tmp_path / n / file).read_bytes() for n in ("one", "two"))
        assert one == two and len(one) > 1000


# What is refused


def grew(place):
    """A run of the small network that grew."""
    log = next((place / "small").rglob("run_log.jsonl"))
    growth = {"event": "growth", "growth": 0, "epoch": 1, "grown": True}
    log.write_text(log.read_text() + json.dumps(growth) + "\n")


def edit(old, new, name="small"):
    """Replaces a text in all logs of a network."""

    def change(place):
        """In a folder of runs."""
        for log in (place / name).rglob("run_log.jsonl"):
            log.write_text(log.read_text().replace(old, new))

    return change


def test_a_pattern_names_the_folders_that_a_sweep_writes(tmp_path):
    expected = forecast(write_all(tmp_path / "one"))
    for name, budgets in BUDGETS.items():
        for end, epochs in zip(("", "_budget"), budgets):
            old = tmp_path / "one" / name / str(epochs)
            new = tmp_path / "sweep" / f"{name}{end}"
            new.parent.mkdir(exist_ok=True)
            old.rename(new)
    sweep = tmp_path / "sweep"
    found = forecast([f"{sweep}/small*", f"{sweep}/large*"])
    assert found.pair == pytest.approx(expected.pair)


@pytest.mark.parametrize(
    "change, options, message",
    [
        (grew, [], r"small/\S+: it grew; name runs that keep their sizes"),
        (
            edit('"seed"', '"before": {"macs": 1}, "seed"'),
            [],
            r"6 problems:\n.*starts from another run; name runs from scratch",
        ),
        (edit("macs", "MACS"), [], "it has no macs; give another --unit"),
        (
            edit('"test": {"PER"', '"test": {"WER"'),
            [],
            "has no PER; give --cur",
        ),
        (
            edit('"valid": {"PER"', '"valid": {"WER"'),
            ["--curves"],
            "its validation has no PER; give --metric",
        ),
        (edit('"event": "test"', '"event": "start"'), [], "no run is finished"),
        (
            edit('"epoch": 10, ', '"epoch": 0, '),
            [],
            "it has no epoch; name runs of at least one",
        ),
        (
            edit("2000", "3000", "mid"),
            ["{}/*"],
            r"its runs have 2000 and 4000 and 8000 parameters; name runs of one",
        ),
        (edit("lower", "higher"), [], "give --metric and --better, or compare"),
        (lambda _: None, ["{}/none"], "none: there is no run; name a folder"),
        (lambda _: None, ["--budget", "0"], "found 0; use a number above 0"),
        (lambda _: None, ["--budget", "1.9"], "costs 2 macs; give more"),
        (lambda _: None, ["{0}/small"], "small: it is named more than once"),
        (lambda _: None, ["--budget", "nan"], "found nan; use a number above"),
        (
            lambda _: None,
            ["--unit", "wall_seconds"],
            "it has no wall_seconds; give another --unit",
        ),
    ],
)
def test_runs_that_say_nothing_are_refused(change, options, message, tmp_path):
    places = write_all(tmp_path)
    change(tmp_path)
    options = [option.format(tmp_path) for option in options]
    with pytest.raises(SystemExit, match=message):
        main(["forecast", *places, *options, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "budgets, add",
    [
        ({"small": (20, 30), "large": (10, 15)}, "small with 10 epochs"),
        ({"small": (6, 8), "large": (6, 8)}, "small with 16 epochs"),
        ({"small": (10, 40), "large": (10,)}, "large with 5 epochs"),
        # Two networks with the same two budgets fit every b
        ({"small": (10, 40), "large": (10, 40)}, "small with 5 epochs"),
        ({"small": (10, 20), "large": (20,)}, "large with 40 epochs"),
        ({"small": (1, 3), "large": (1, 3)}, "small with 6 epochs"),
    ],
)
def test_the_run_to_add_is_one_with_which_it_works(budgets, add, tmp_path):
    floors = {name: FLOORS[name] for name in budgets}
    places = write_all(tmp_path / "few", floors, budgets)
    with pytest.raises(GrowthError, match=f"; add a run of {add}$"):
        forecast(places)
    name, epochs = re.match(r"(\w+) with (\d+)", add).groups()
    more = {**budgets, name: (*budgets[name], int(epochs))}
    found = forecast(write_all(tmp_path / "more", floors, more))
    assert found.pair.delta == pytest.approx(3.0, rel=1e-2)


@pytest.mark.parametrize("budgets", [(20,), (20, 21), (1,)])
def test_runs_that_are_alike_do_not_say_how_far_they_are(budgets, tmp_path):
    both = {"small": budgets, "large": budgets}
    floors = {name: FLOORS[name] for name in both}
    places = write_all(tmp_path, floors, both, scale=0.0)
    with pytest.raises(GrowthError, match="a factor of 2") as caught:
        forecast(places)
    assert "crossing" not in str(caught.value)
    assert re.search(r"add a run of small with [1-9]\d* ep", str(caught.value))
    more = dict.fromkeys(both, (20, 30))
    places = write_all(tmp_path / "more", floors, more, scale=0.0)
    with pytest.raises(GrowthError, match="very many times the crossing"):
        forecast(places)


def test_the_small_network_comes_first(tmp_path):
    small, large = write_all(tmp_path)
    with pytest.raises(GrowthError, match="costs 2, one of .* 8; name the sma"):
        forecast([large, small])


def test_networks_without_a_common_law_are_refused(tmp_path):
    def write(place, off):
        """Runs of six budgets, of which some are off the law."""
        for name in ("small", "large"):
            epochs = 5 * 2 ** np.arange(6)
            for n, by in zip(epochs, (0, off, -off, -off, off, 0)):
                end = FLOORS[name] + B * float(n) ** -EXPONENT + by
                folder = place / name / str(n) / "1"
                write_run(folder, {int(n): end}, COSTS[name], end)
        return [str(place / name) for name in ("small", "large")]

    message = "no common b exists, the best b leaves a gap of 2"
    with pytest.raises(GrowthError, match=message) as caught:
        forecast(write(tmp_path / "far", 3.0))
    assert str(caught.value).endswith(
        "add a run of small with 320 epochs and a run of large with 320 epochs"
    )
    near = forecast(write(tmp_path / "near", 0.3))
    assert near.pair.delta == pytest.approx(3.0, rel=1e-2)


def test_losses_that_rise_have_no_law(tmp_path):
    places = write_all(tmp_path, scale=-10.0)
    with pytest.raises(GrowthError, match="no b fits them better than others"):
        forecast(places)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[", "it is no report of compare"),
        ('{"groups": [{"name": "a"}]}', r"no report of compare \(KeyError"),
        ("3", r"no report of compare \(TypeError"),
        ('{"groups": [], "better": "up"}', "no report of compare .*better is"),
    ],
)
def test_a_report_that_is_none_is_named(text, message, tmp_path):
    (tmp_path / "report.json").write_text(text)
    place = f"{tmp_path / 'report.json'}/small*"
    with pytest.raises(GrowthError, match=message):
        forecast([place, place])


def test_a_kind_of_run_that_a_report_does_not_have_is_named():
    with pytest.raises(GrowthError, match="no kind of run is called tiny; use"):
        forecast([f"{TIMIT}/tiny", f"{TIMIT}/large*"])
    with pytest.raises(GrowthError, match="grow, seed 1986: it grew; name"):
        forecast([f"{TIMIT}/grow", f"{TIMIT}/large*"])
