"""Tests for the conditions of a growth: numbers in, yes or no out

Authors
 * The speechbrain_growth authors 2026
"""

import pathlib
import subprocess
import sys

import pytest

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule import conditions
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.conditions.dates import after_epoch, by_hand
from speechbrain_growth.schedule.conditions.kinds import Metric, Number
from speechbrain_growth.schedule.conditions.plateaus import on_plateau
from speechbrain_growth.schedule.conditions.reading import read
from speechbrain_growth.schedule.conditions.registry import (
    CONDITIONS,
    condition,
)

NAN = float("nan")
INF = float("inf")

# metrics of the epochs 1, 2, ...; options; the first epoch after which due
PLATEAUS = [
    ([50, 50, 50, 50], {}, 3),
    ([50, 50, 50, 50], {"patience": 1}, 2),
    ([50, 50, 50, 50], {"patience": 3}, 4),
    ([50, 50, 50, 50], {"patience": 4}, None),
    ([50, 49, 48, 47, 46], {"patience": 1}, None),
    # half a point is not enough, more than that is
    ([50, 49.5, 49.5], {"patience": 2}, None),
    ([50, 49.4, 49.4], {"patience": 2}, None),
    ([50, 49.9, 49.8], {"patience": 2, "min_delta": 0}, None),
    ([50, 49.9, 49.8], {"patience": 2, "min_delta": 0.05}, None),
    ([50, 50, 50], {"patience": 2, "min_delta": 0}, 3),
    # small steps are compared with the best, not with the epoch before
    ([50, 49.7, 49.4, 49.3, 49.2], {"patience": 2}, 5),
    ([50, 49.7, 49.4, 49.1, 48.8], {"patience": 2}, None),
    # an improvement starts the count anew
    ([50, 51, 40, 41, 42], {"patience": 2}, 5),
    # worse than the best is no improvement, though better than the last
    ([50, 60, 55], {"patience": 2}, 3),
    # epochs without a finite number do not count
    ([NAN, NAN, NAN], {"patience": 2}, None),
    ([50, NAN, 50, 50], {"patience": 2}, 4),
    ([NAN, 50, 40], {"patience": 2}, None),
    ([INF, INF], {"patience": 2}, None),
    ([INF, 50, 50], {"patience": 2}, None),
    # dates
    ([50] * 9, {"not_before": 7}, 7),
    ([50] * 9, {"not_before": 2}, 3),
    ([50, 40, 30, 20, 10], {"not_after": 4}, 4),
    ([50] * 9, {"not_after": 5}, 3),
    ([50, 40, 30, 20], {"not_before": 2, "not_after": 3}, 3),
]


def epochs(metrics, first=1):
    """What a condition sees"""
    return [
        {"epoch": number, "PER": float(metric)}
        for number, metric in enumerate(metrics, first)
    ]


def is_due(name, values, seen, better=None):
    """Whether a condition is due, as a YAML has it"""
    return read(name, values).is_due(seen, Run(better or {}))


@pytest.fixture
def alone():
    """Forgets, after the test, what the test registers"""
    known = dict(CONDITIONS)
    CONDITIONS.clear()
    yield
    CONDITIONS.clear()
    CONDITIONS.update(known)


def first_due(metrics, options):
    """The first epoch after which a growth is due"""
    for last in range(1, len(metrics) + 1):
        options = {"metric": "PER", **options}
        if is_due("on_plateau", options, epochs(metrics[:last])):
            return last
    return None


@pytest.mark.parametrize("metrics, options, due", PLATEAUS)
def test_a_plateau_is_due_when_it_should(metrics, options, due):
    assert first_due(metrics, options) == due


def test_a_plateau_sees_only_what_it_is_given():
    assert not on_plateau(epochs([50, 50], first=8), "PER", patience=2)
    assert on_plateau(epochs([50, 50, 50], first=8), "PER", patience=2)


@pytest.mark.parametrize("epoch, due", [(0, False), (3, False), (4, True)])
def test_a_date_is_due_from_its_epoch_on(epoch, due):
    assert after_epoch([{"epoch": 9}, {"epoch": epoch}], epoch=4) is due


def test_a_date_before_the_first_epoch():
    assert after_epoch([{"epoch": 0}], epoch=0)


def test_by_hand_is_never_due_by_itself():
    assert not any(by_hand(epochs([50] * n), True) for n in range(1, 20))


@pytest.mark.parametrize(
    "seen, known",
    [
        ([{"epoch": 1, "loss": 1.0, "PER": 2.0}], "loss, PER"),
        ([{"epoch": 1}], "none"),
    ],
)
def test_a_missing_metric_is_named(seen, known):
    message = f"no metric 'WER'; use one that it gave: {known}$"
    with pytest.raises(GrowthError, match=message):
        is_due("on_plateau", {"metric": "WER"}, seen)


def test_a_missing_metric_is_named_at_once():
    values = {"metric": "WER", "not_before": 10}
    with pytest.raises(GrowthError, match="no metric 'WER'"):
        is_due("on_plateau", values, [{"epoch": 1, "loss": 1.0}])


# For each curve and which values are better: the first epoch after which due
DIRECTIONS = [
    ([10, 20, 30, 40, 50], "higher", None),
    ([10, 20, 30, 40, 50], "lower", 3),
    ([50, 40, 30, 20, 10], "higher", 3),
    ([50, 40, 30, 20, 10], "lower", None),
    ([50, 60, 60.4, 60.4], "higher", 4),
    ([50, 50, 50], "higher", 3),
    ([NAN, 50, 60], "higher", None),
    ([-INF, 50, 60], "higher", None),
    ([50, NAN, NAN], "higher", None),
]


@pytest.mark.parametrize("metrics, better, due", DIRECTIONS)
@pytest.mark.parametrize("told_by", ["YAML", "logger"])
def test_a_plateau_knows_which_way_is_better(metrics, better, due, told_by):
    values = {"metric": "PER", "patience": 2}
    if told_by == "YAML":
        values["better"] = better
    found = [
        is_due("on_plateau", values, epochs(metrics[:n]), {"PER": better})
        for n in range(1, len(metrics) + 1)
    ]
    assert found.index(True) + 1 == due if due else not any(found)


def test_the_yaml_goes_before_the_logger():
    values = {"metric": "PER", "patience": 2, "better": "higher"}
    seen = epochs([50, 60, 70])
    assert not is_due("on_plateau", values, seen, {"PER": "lower"})


@pytest.mark.parametrize("metric, better", [("accuracy", 1), ("error", -1)])
def test_usual_metrics_need_no_telling(metric, better):
    rises = [{"epoch": n, metric: 10.0 * n} for n in range(1, 5)]
    assert on_plateau(rises, metric) is (better < 0)


def test_an_unknown_direction_is_refused():
    seen = [{"epoch": 1, "BLEU": 1.0}]
    with pytest.raises(GrowthError, match="give better: lower or better: h"):
        is_due("on_plateau", {"metric": "BLEU"}, seen)
    assert not is_due(
        "on_plateau", {"metric": "BLEU"}, seen, {"BLEU": "higher"}
    )


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("after_epoch", 3, {"epoch": 3}),
        ("after_epoch", 0, {"epoch": 0}),
        ("after_epoch", {"epoch": 3}, {"epoch": 3}),
        ("by_hand", True, {"wait": True}),
        ("on_plateau", "PER", {"metric": "PER"}),
        (
            "on_plateau",
            {"metric": "PER", "min_delta": 0.5, "not_after": 9},
            {"metric": "PER", "min_delta": 0.5, "not_after": 9},
        ),
    ],
)
def test_arguments_are_read(name, value, expected):
    found = read(name, value)
    assert {**found.values, **found.window} == expected


BAD = [
    ("after_epoch", -1, "epoch is -1; it must be a whole number, at least 0"),
    ("after_epoch", 1.5, "epoch is 1.5; it must be a whole number"),
    ("after_epoch", "ten", "epoch is 'ten'; it must be a whole number"),
    ("after_epoch", True, "epoch is True; it must be a whole number"),
    ("after_epoch", None, "epoch is None; it must be a whole number"),
    ("after_epoch", [3], r"epoch is \[3\]; it must be a whole number"),
    ("after_epoch", {}, "found nothing; it takes epoch, of which epoch must"),
    ("by_hand", False, "wait is False; it must be True"),
    ("by_hand", 1, "wait is 1; it must be True"),
    ("on_plateau", 3, "metric is 3; it must be the name of a metric"),
    ("on_plateau", {"patience": 2}, "found patience; .*metric must be given"),
    (
        "on_plateau",
        {"metric": "PER", "patiens": 2},
        r"found metric, patiens; did you mean patience\? it takes metric, "
        "patience, min_delta, better, not_before, not_after, blank_above, of "
        "which metric "
        "must be given",
    ),
    (
        "on_plateau",
        {"metric": "PER", "patience": 1.5},
        "patience is 1.5; it must be a whole number",
    ),
    (
        "on_plateau",
        {"metric": "PER", "min_delta": -1},
        "min_delta is -1; it must be a number, at least 0",
    ),
    (
        "on_plateau",
        {"metric": "PER", "min_delta": True},
        "min_delta is True; it must be a number",
    ),
    (
        "on_plateau",
        {"metric": "PER", "min_delta": NAN},
        "min_delta is nan; it must be a number",
    ),
    (
        "on_plateau",
        {"metric": "PER", "not_before": "5"},
        "not_before is '5'; it must be a whole number",
    ),
    (
        "on_plateau",
        {"metric": "PER", "not_before": 9, "not_after": 3},
        "not_before is 9 and not_after 3; give a later not_after, or an",
    ),
]


@pytest.mark.parametrize("name, value, message", BAD)
def test_bad_arguments_are_refused(name, value, message):
    with pytest.raises(GrowthError, match=f"^{name}: {message}"):
        read(name, value)


def test_reading_arguments_leaves_them_alone():
    given = {"metric": "PER"}
    read("on_plateau", given).values["patience"] = 3
    assert given == {"metric": "PER"}


def test_a_condition_of_ones_own(alone):
    @condition
    def when_below(seen, metric: Metric, value: Number):
        return seen[-1][metric] < value

    when = read("when_below", {"metric": "PER", "value": 0.5})
    assert when.is_due(epochs([40, 0.4]))
    assert not when.is_due(epochs([0.4, 0.5]))
    with pytest.raises(GrowthError, match="value is 'low'; it must be a numb"):
        read("when_below", {"metric": "PER", "value": "low"})


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (str, "PER", 3),
        (int, 3, 0.5),
        (float, -0.5, True),
        (bool, False, 1),
        (None, [1, "x"], ...),
    ],
)
def test_the_arguments_of_ones_own_are_of_any_kind(kind, good, bad, alone):
    def due(seen, epoch, patience=None):
        return True

    # Names decide nothing, not even those of the conditions there are
    due.__annotations__ = {} if kind is None else {"patience": kind}
    condition(due)
    assert read("due", {"epoch": 0.5, "patience": good})
    if bad is not ...:
        with pytest.raises(GrowthError, match="^due: patience is"):
            read("due", {"epoch": 0.5, "patience": bad})


def test_every_file_of_conditions_is_registered():
    files = pathlib.Path(conditions.__file__).parent.rglob("*.py")
    files = [f for f in files if "\n@condition\n" in f.read_text("utf-8")]
    names = {file.stem for file in files}
    assert {"dates", "plateaus", "together"} <= names
    code = (
        "import sys; from speechbrain_growth import condition; "
        "print(*[name.split('.')[-1] for name in sys.modules "
        "if name.startswith('speechbrain_growth.schedule.conditions.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert names <= set(done.stdout.split())
    assert {"after_epoch", "by_hand", "on_plateau"} <= set(CONDITIONS)
