"""Every condition on curves whose answer is known: due then, not one before.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math

import pytest

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.conditions.metrics.fitting import fit
from speechbrain_growth.schedule.conditions.reading import read
from speechbrain_growth.schedule.conditions.registry import CONDITIONS

NAN, INF = float("nan"), float("inf")
# Static runs of mini-TIMIT, as fitted: floors of small and large, B, b, and how
# much more an epoch of the large one costs
SMALL, LARGE, SCALE, POWER, RATIO = 17.1, 14.1, 107.0, 1.21, 4.0


def epochs(number, **curves):
    """What a condition sees: each curve is a list, or a function of n"""
    return [
        {
            "epoch": n,
            "step": 10 * n,
            "macs": float(n),
            "train_loss": 0.0,
            "task": 1,
            "next_task": 1,
            **{k: c(n) if callable(c) else c[n - 1] for k, c in curves.items()},
        }
        for n in range(1, number + 1)
    ]


def first_due(name, values, seen, run=None):
    """The first epoch after which a condition is due; None if it never is"""
    when = read(name, values)
    due = (
        n
        for n in range(1, len(seen) + 1)
        if when.is_due(seen[:n], run or Run())
    )
    return next(due, None)


# F, B, b; above: due once B n^-b < above
FLOORS = [
    (20.0, 60.0, 1.0, 4.9),
    (20.0, 60.0, 1.0, 1.95),
    (17.1, 107.0, 1.21, 3.0),
    (0.2, 2.0, 0.5, 0.45),
    (0.0, 3.0, 0.3, 1.3),
    (5.0, 90.0, 2.5, 0.05),
]


@pytest.mark.parametrize("better", ["lower", "higher"])
@pytest.mark.parametrize("floor, scale, power, above", FLOORS)
def test_a_floor_is_due_when_the_curve_is_near_it(
    floor, scale, power, above, better
):
    sign = 1 if better == "lower" else -1
    seen = epochs(40, BLEU=lambda n: sign * (floor + scale * n**-power))
    near = math.floor((scale / above) ** (1 / power)) + 1
    assert 6 < near < 40
    values = {"metric": "BLEU", "above": above, "better": better}
    assert first_due("on_floor", values, seen) == near


def test_a_floor_needs_six_epochs_that_are_finite():
    flat = epochs(9, loss=[3.0, NAN, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert first_due("on_floor", {"metric": "loss", "above": 9}, flat) == 7


def test_a_curve_that_falls_evenly_has_no_floor_below_zero():
    points = [(n, 90.0 - 9 * n) for n in range(1, 10)]
    assert fit(points, -9e9).floor < 0
    assert fit(points, 0.0).floor == 0.0


def test_a_flat_curve_is_on_its_floor():
    flat = epochs(9, loss=[2.0] * 9)
    assert first_due("on_floor", {"metric": "loss", "above": 1e-9}, flat) == 6
    assert first_due("on_floor", {"metric": "loss", "above": 0}, flat) is None


def test_a_floor_does_not_move_with_one_bad_epoch():
    curve = [20 + 60 / n for n in range(1, 31)]
    curve[9] += 30.0
    points = list(enumerate(curve, start=1))
    assert fit(points, 0.0) == pytest.approx((20, 60, 1), rel=1e-6)
    values = {"metric": "PER", "above": 3.9, "blank_above": 100}
    assert first_due("on_floor", values, epochs(30, PER=curve)) == 16


def test_a_curve_that_rises_has_no_fall_left():
    points = [(n, 2.0 + n) for n in range(1, 9)]
    assert fit(points, 0.0)[1] == 0.0


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_floor_is_found_in_noise(noise):
    # The sum of squares that is left is not above that of the true curve
    points = [
        (n, 15 + 80 * n**-0.9 + noise * math.sin(12.9898 * n))
        for n in range(1, 40)
    ]
    found = fit(points, 0.0)

    def squares(floor, scale, power):
        return sum((y - floor - scale * n**-power) ** 2 for n, y in points)

    assert squares(*found) <= squares(15, 80, 0.9)
    assert found.floor == pytest.approx(15, abs=3 * noise)


def log_of(path, curve, **more):
    """Writes a run log with MACs and PER of each epoch"""
    events = [
        {"event": "epoch", "epoch": n, "macs": macs, "valid": {"PER": per}}
        for n, (macs, per) in enumerate(curve, start=1)
    ]
    lines = [{"event": "start"}, *events, *more.get("then", [])]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


@pytest.mark.parametrize("rho", [1.0, 0.8])
def test_a_slope_is_due_at_the_best_date(rho, tmp_path):
    # Where growing is best has a closed form: the small network is
    # Delta / (q - 1) above its floor
    parts = 20  # of an epoch, so that the date is between two of them
    curve = [
        (RATIO * n / parts, LARGE + SCALE * (n / parts) ** -POWER)
        for n in range(1, 60 * parts)
    ]
    reference = log_of(tmp_path / f"{rho}.jsonl", curve)
    q = (rho * RATIO) ** (POWER / (1 + POWER))
    best = (SCALE * (q - 1) / (SMALL - LARGE)) ** (1 / POWER)
    seen = [
        {"macs": n / parts, "PER": SMALL + SCALE * (n / parts) ** -POWER}
        for n in range(1, 30 * parts)
    ]
    for one in seen:
        one["epoch"] = 1
    when = read(
        "on_slope",
        {"metric": "PER", "reference": reference, "rho": rho, "window": 2},
    )
    due = [n for n in range(1, len(seen) + 1) if when.is_due(seen[:n])]
    assert due[0] / parts == pytest.approx(best, rel=0.01)
    surely = range(int(1.01 * best * parts), len(seen) + 1)
    assert due[-len(surely) :] == list(surely)


def test_a_value_that_the_reference_did_not_reach_is_no_reason(tmp_path):
    reference = log_of(tmp_path / "log", [(n, 60 - n) for n in range(1, 9)])
    values = {"metric": "PER", "reference": reference, "window": 1}
    assert first_due("on_slope", values, epochs(9, PER=[51.0] * 9)) is None
    assert first_due("on_slope", values, epochs(9, PER=[53.0] * 9)) == 2


def test_the_break_of_a_reference_is_no_slope(tmp_path):
    # 100, then from 65 on half a point for each MAC
    curve = [(1, 100.0), (2, 99.0), *((n, 66.5 - n / 2) for n in range(3, 30))]
    reference = log_of(tmp_path / "log", curve)
    values = {"metric": "PER", "reference": reference, "window": 2}
    seen = epochs(9, PER=lambda n: 69 - 0.6 * n)
    assert first_due("on_slope", values, seen) is None
    seen = epochs(9, PER=lambda n: 69 - 0.4 * n)
    assert first_due("on_slope", values, seen) == 3


# Curves of MACs; exponent; the first epoch after which due
EXPONENTS = [
    (lambda n: 4 * n**-0.3, 0.31, 3),
    (lambda n: 4 * n**-0.3, 0.29, None),
    (lambda n: 0.0, 1.0, None),
    (lambda n: 4.0, 0.0, None),
    (lambda n: 4.0, 1e-9, 3),
]


@pytest.mark.parametrize("curve, exponent, due", EXPONENTS)
def test_a_slope_without_a_reference(curve, exponent, due):
    values = {"metric": "loss", "exponent": exponent, "window": 2}
    assert first_due("on_slope", values, epochs(20, loss=curve)) == due


def test_a_slope_flattens_with_the_distance_from_the_floor():
    # The local exponent of F + B/n is B / (F n + B): below a third from n = 2 B
    # / F = 40 on
    seen = epochs(60, loss=lambda n: 1 + 20 / n)
    values = {"metric": "loss", "exponent": 1 / 3, "window": 1}
    assert first_due("on_slope", values, seen) == 41  # between 40 and 41


def test_a_gap_is_that_of_both_losses():
    seen = epochs(
        5, loss=[2.0, 1.5, 1.4, 1.5, 1.6], train_loss=[2.1, 1.5, 1.2, 1.0, 0.9]
    )
    for values, due in (
        ({"above": 0.15}, 3),
        ({"above": 0.25}, 4),
        ({"above": 0.35, "window": 2}, 5),
        ({"above": 0.15, "window": 3}, 4),
        ({"above": 0.8}, None),
        ({"below": 0.05}, 1),
        ({"below": -0.1, "window": 2}, None),
        ({"below": 0.05, "not_before": 2}, 2),
        ({"metric": "error", "above": 0.45}, 5),
    ):
        for one in seen:
            one["error"] = 0.275 * one["epoch"]
        assert first_due("on_gap", values, seen) == due, values


@pytest.mark.parametrize(
    "errors, values, due",
    [
        ([9, 8, 7, 6, 5], {"goal": 6.5, "after": 3}, 3),
        ([9, 8, 7, 6, 5], {"goal": 7.0, "after": 3}, None),
        ([9, 8, 7, 6, 5], {"goal": 7.5, "after": 2}, 2),
        ([9, 5, 7, 8, 9], {"goal": 6.0, "after": 2}, None),
        ([9, 8, NAN, 6, 5], {"goal": 5.5, "after": 3}, 3),
        ([1, 2, 3, 4, 5], {"goal": 4, "after": 3, "better": "higher"}, 3),
        ([1, 2, 3, 4, 5], {"goal": 3, "after": 3, "better": "higher"}, None),
    ],
)
def test_a_goal_is_missed_when_no_epoch_reached_it(errors, values, due):
    values = {"metric": "error", **values}
    assert first_due("on_missed_goal", values, epochs(5, error=errors)) == due


def test_each_task_has_its_own_chance_to_reach_a_goal():
    seen = epochs(6, error=[5, 4, 9, 9, 9, 9], task=[1, 1, 2, 2, 2, 2])
    values = {"metric": "error", "goal": 5.0, "after": 3}
    assert first_due("on_missed_goal", values, seen) == 5


@pytest.mark.parametrize(
    "values, due",
    [
        ({"below": 0.14}, 3),
        ({"below": 0.14, "wait": 4}, 5),
        ({"above": 0.9}, 4),
        ({"below": 0.05, "above": 0.96}, None),
        ({"below": 0.14, "above": 0.7}, 1),
    ],
)
def test_a_change_is_a_number_outside_its_range(values, due):
    seen = epochs(6, agreement=[0.8, NAN, 0.1, 0.95, 0.13, 0.5])
    values = {"metric": "agreement", **values}
    assert first_due("on_change", values, seen) == due


@pytest.mark.parametrize(
    "above, due", [(0.2, 2), (0.3, 3), (5.0, 4), (INF, None), (-1, 2)]
)
def test_a_gradient_must_promise_enough(above, due):
    seen = epochs(4, natural_gradient=[NAN, 0.3, 4.0, INF])
    assert first_due("on_gradient", above, seen) == due


@pytest.mark.parametrize(
    "task, due", [("each", [2, 3, 5]), (2, [2]), (3, [3]), (4, [5]), (5, [])]
)
def test_a_task_begins_after_the_last_epoch_of_the_one_before(task, due):
    tasks = [1, 1, 2, 3, 3, 4, 4]
    seen = epochs(6, task=tasks[:6], next_task=tasks[1:])
    when = read("on_task", task)
    assert [n for n in range(1, 7) if when.is_due(seen[:n])] == due


# For each condition: arguments with which it is due at once, and never
FLAT = {"metric": "PER", "min_delta": 0.5}
BOTH = {
    "after_epoch": ({"epoch": 0}, {"epoch": 10**9}),
    "after_step": ({"step": 1}, {"step": 10**9}),
    "after_macs": ({"macs": 1e-9}, {"macs": 1e99}),
    "every_epochs": ({"epochs": 1}, {"epochs": 10**9}),
    "on_task": ({"task": "each"}, {"task": 10**9}),
    "by_hand": (None, {"wait": True}),
    "on_plateau": (
        {"metric": "PER", "patience": 1, "min_delta": INF},
        {"metric": "PER", "patience": 10**9},
    ),
    "on_floor": (
        {"metric": "PER", "above": INF},
        {"metric": "PER", "above": 0},
    ),
    "on_slope": (
        {"metric": "PER", "exponent": INF, "window": 1},
        {"metric": "PER", "exponent": 0},
    ),
    "on_gap": ({"above": -INF}, {"above": INF}),
    "on_missed_goal": (
        {"metric": "PER", "goal": -INF, "after": 1},
        {"metric": "PER", "goal": INF, "after": 1},
    ),
    "on_change": (
        {"metric": "feature_shift", "above": -INF},
        {"metric": "feature_shift", "above": INF},
    ),
    "on_gradient": ({"above": -INF}, {"above": INF}),
    "any_of": (
        {"conditions": [{"after_epoch": 0}]},
        {"conditions": [{"by_hand": True}]},
    ),
    "all_of": (
        {"conditions": [{"after_epoch": 0}]},
        {"conditions": [{"after_epoch": 0}, {"by_hand": True}]},
    ),
}
# Epochs that a condition needs before it can be due at all
LEAST = {"on_floor": 6, "on_slope": 2, "on_plateau": 2}


def usual(number=9, **more):
    """Epochs of a run that learns, with a new task each"""
    curves = {
        "PER": lambda n: 20 + 40 / n,
        "loss": lambda n: 1 + 1 / n,
        "feature_shift": lambda n: 0.02,
        "natural_gradient": lambda n: 0.4,
        "task": lambda n: n,
        "next_task": lambda n: n + 1,
    }
    return epochs(number, **{**curves, **more})


def test_the_table_has_every_condition():
    assert set(BOTH) == set(CONDITIONS)


@pytest.mark.parametrize("name", [name for name in BOTH if BOTH[name][0]])
def test_a_condition_can_always_be_due(name):
    due, seen, least = read(name, BOTH[name][0]), usual(), LEAST.get(name, 1)
    # `on_plateau` needs an epoch to compare with, `on_slope` two
    assert [due.is_due(seen[:n]) for n in range(1, 10)] == [
        n >= least for n in range(1, 10)
    ]


@pytest.mark.parametrize("name", BOTH)
def test_a_condition_can_be_kept_from_being_due(name):
    assert first_due(name, BOTH[name][1], usual()) is None


# The first twelve epochs of recipes/TIMIT/ASR/growing_CTC on the 96 utterances
# of the sample (runs/sample_scratch-1986): the network says blank, and then the
# commonest phone. Its loss stands still, and so does its error rate
BLANK_PER = (
    93.51,
    92.19,
    83.72,
    84.49,
    84.60,
    80.64,
    81.08,
    78.66,
    80.64,
    80.31,
    81.08,
    78.66,
)
BLANK_LOSS = (6.04, 4.64, 3.29, 3.16, 3.06, 3.05, 2.99, 2.89, 2.86, 2.83, 2.78)
BLANK_LOSS += (2.70,)
DATES = ("after_epoch", "after_step", "after_macs", "every_epochs", "on_task")
ON_METRICS = [
    n for n in BOTH if n not in (*DATES, "by_hand", "any_of", "all_of")
]


@pytest.mark.parametrize("name", ON_METRICS)
def test_no_condition_is_due_while_a_network_says_blank(name):
    values = BOTH[name][0]
    seen = usual(12, PER=BLANK_PER, loss=BLANK_LOSS)
    assert first_due(name, values, seen) is None
    nested = {"conditions": [{name: values}]}
    assert first_due("any_of", nested, seen) is None
    # but for those who say that these error rates are what there is
    values = {**values, "blank_above": 100}
    assert first_due(name, values, seen) == LEAST.get(name, 1)


@pytest.mark.parametrize("name", ON_METRICS)
def test_epochs_that_say_blank_do_not_count(name):
    blank = usual(12, PER=BLANK_PER, loss=BLANK_LOSS)
    after = [{**past, "epoch": past["epoch"] + 12} for past in usual(9)]
    due = first_due(name, BOTH[name][0], blank + after)
    assert due == 12 + LEAST.get(name, 1)


TWENTY = Run(totals={"epoch": 20}, reports=("loss", "PER"), tasks=3)
WRONG = [
    ("on_floor", {"metric": "PER", "above": 2}, Run(totals={"epoch": 6}),
     "needs 6 epochs, but the run has 6"),
    ("on_floor", {"metric": "PER", "above": 2, "not_after": 5}, TWENTY,
     "needs 6 epochs, but not_after is 5, so that it is never asked"),
    ("every_epochs", 20, TWENTY, "needs 20 epochs, but the run has 20"),
    ("on_plateau", {"metric": "PER", "patience": 19}, TWENTY,
     "needs 20 epochs, but the run has 20, .* a smaller number, or a longer"),
    ("on_gap", {"above": 1, "window": 20}, TWENTY, "needs 20 epochs"),
    ("on_missed_goal", {"metric": "PER", "goal": 5, "after": 20}, TWENTY,
     "needs 20 epochs"),
    ("on_change", {"metric": "PER", "above": 5, "wait": 20}, TWENTY,
     "needs 20 epochs"),
    ("on_slope", {"metric": "PER", "exponent": 1, "window": 19}, TWENTY,
     "needs 20 epochs"),
    ("on_slope", {"metric": "PER"}, TWENTY, "give reference or exponent"),
    ("on_slope", {"metric": "PER", "exponent": 1, "reference": "a"}, TWENTY,
     "give reference or exponent, and not both"),
    ("on_slope", {"metric": "PER", "reference": "none.jsonl"}, TWENTY,
     "none.jsonl: No such file or directory; name the run_log.jsonl"),
    ("on_gap", {}, TWENTY, "give above or below"),
    ("on_change", {"metric": "PER"}, TWENTY, "give above or below"),
    ("on_change", {"metric": "PER", "above": 1, "below": 2}, TWENTY,
     "every number is above 1 or below 2; give a larger above"),
    ("on_change", {"metric": "feature_shif", "above": 1}, TWENTY,
     "there is no metric 'feature_shif'; did you mean feature_shift"),
    ("on_plateau", "lss", TWENTY, "no metric 'lss'; did you mean loss"),
    ("on_plateau", "WER", TWENTY, "there is no metric 'WER'; .*reports loss, P"),
    ("on_task", 4, TWENTY, "task is 4, but the run has 3; drop the growth"),
    ("on_task", "each", Run(tasks=1), "task is each, but the run has 1"),
    ("all_of", [{"by_hand": True}, {"after_epoch": 3}], TWENTY,
     "by_hand is never due by itself, so all of them never are"),
    ("all_of", [{"on_task": 2}, {"on_task": 3}], TWENTY,
     "two tasks never begin at once; use any_of"),
    ("all_of", {"conditions": [{"after_epoch": 9}, {"on_plateau": "PER"}],
                "not_after": 5}, TWENTY,
     "not_after is 5, but inside epoch is 9; give a later not_after"),
    ("any_of", [{"after_epoch": 3}, {"every_epochs": 30}], TWENTY,
     "needs 30 epochs, but the run has 20"),
]  # fmt: skip


@pytest.mark.parametrize("name, values, run, message", WRONG)
def test_what_can_never_be_due_is_refused(name, values, run, message):
    if isinstance(values, dict) and not values:
        values = {"window": 1}
    with pytest.raises(GrowthError, match=message):
        read(name, values).check(run)


RIGHT = [
    ("on_floor", {"metric": "PER", "above": 2}, Run(totals={"epoch": 7})),
    ("on_floor", {"metric": "PER", "above": 2, "not_after": 6}, TWENTY),
    ("every_epochs", 19, TWENTY),
    ("on_plateau", {"metric": "PER", "patience": 18}, TWENTY),
    ("on_change", {"metric": "PER", "above": 2, "below": 2}, TWENTY),
    ("on_change", {"metric": "feature_shift", "above": 1}, TWENTY),
    ("on_plateau", "error", TWENTY._replace(reports=())),
    ("on_task", 3, TWENTY),
    ("on_task", 9, Run()),
    ("any_of", [{"by_hand": True}, {"on_task": 2}, {"on_task": 3}], TWENTY),
    ("all_of", [{"on_task": "each"}, {"on_task": 3}], TWENTY),
]


@pytest.mark.parametrize("name, values, run", RIGHT)
def test_what_can_be_due_is_not_refused(name, values, run):
    read(name, values).check(run)


REFERENCES = [
    ([(1, 40.0)], {}, "PER goes from 40 to 40 in 1 epochs, which reaches no"),
    ([(n, 40.0 - n) for n in range(3)], {}, "from 40 to 38 in 3 epochs"),
    ([(n, 40.0) for n in range(9)], {}, "from 40 to 40 in 9 epochs"),
    ([(n, 99.0 - n) for n in range(9)], {}, "from 99 to 91 in 9 epochs"),
    ([(n, 40.0 - n) for n in range(9)], {"then": [{"event": "growth"}]},
     "is of a run that grew; name one that had the larger sizes"),
    ([(n, 40.0 - n) for n in range(9)], {"then": ["oops"]}, "is no run log"),
    ([(None, 40.0)], {}, "has no epoch with macs and the metric 'PER'; its me"),
    ([], {}, "its metrics are none"),
    ([(n % 4, 40.0 - n) for n in range(9)], {}, "its macs do not rise from ep"),
    ([(n, 100.0 - 5.5 * n) for n in range(9)], {}, "from 100 to 56 in 9 epochs"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFERENCES)))
def test_a_reference_that_serves_for_nothing_is_refused(number, tmp_path):
    curve, more, message = REFERENCES[number]
    path = log_of(tmp_path / f"{number}.jsonl", curve, **more)
    with pytest.raises(GrowthError, match=message):
        read("on_slope", {"metric": "PER", "reference": path}).check(TWENTY)


def test_a_reference_that_serves_is_read_once(tmp_path):
    path = tmp_path / "log"
    log_of(path, [(n, 60 - n) for n in range(1, 9)])
    values = {"metric": "PER", "reference": str(path), "window": 1}
    when = read("on_slope", values)
    when.check(TWENTY)
    path.unlink()
    assert when.is_due(epochs(3, PER=[53.0] * 3))
