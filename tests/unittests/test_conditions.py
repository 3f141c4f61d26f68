"""Tests for the conditions of a growth: numbers in, yes or no out

Authors
 * The speechbrain_growth authors 2026
"""

import pytest

from speechbrain_growth.conditions import (
    CONDITIONS,
    after_epoch,
    arguments,
    by_hand,
    condition,
    on_plateau,
)
from speechbrain_growth.errors import GrowthError

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
    # not a number, and infinity, are no improvement
    ([NAN, NAN, NAN], {"patience": 2}, 2),
    ([50, NAN, 50], {"patience": 2}, 3),
    ([NAN, 50, 40], {"patience": 2}, None),
    ([INF, INF], {"patience": 2}, 2),
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


def first_due(metrics, options):
    """The first epoch after which a growth is due"""
    for last in range(1, len(metrics) + 1):
        if on_plateau(epochs(metrics[:last]), "PER", **options):
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
    message = f"no metric 'WER'; it gave {known}$"
    with pytest.raises(GrowthError, match=message):
        on_plateau(seen, "WER")


def test_a_missing_metric_is_named_at_once():
    with pytest.raises(GrowthError, match="no metric 'WER'"):
        on_plateau([{"epoch": 1, "loss": 1.0}], "WER", not_before=10)


@pytest.mark.parametrize(
    "name, value, read",
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
def test_arguments_are_read(name, value, read):
    assert arguments(name, value) == read


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
        "found metric, patiens; it takes metric, patience, min_delta, "
        "not_before, not_after, of which metric must be given",
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
]


@pytest.mark.parametrize("name, value, message", BAD)
def test_bad_arguments_are_refused(name, value, message):
    with pytest.raises(GrowthError, match=f"^{name}: {message}"):
        arguments(name, value)


def test_reading_arguments_leaves_them_alone():
    given = {"metric": "PER"}
    arguments("on_plateau", given)["patience"] = 3
    assert given == {"metric": "PER"}


def test_a_condition_of_ones_own(monkeypatch):
    monkeypatch.setattr("speechbrain_growth.conditions.CONDITIONS", {})

    @condition
    def when_below(seen, metric, value):
        return seen[-1][metric] < value

    given = arguments("when_below", {"metric": "PER", "value": 30})
    assert when_below(epochs([40, 20]), **given)
    assert "when_below" not in CONDITIONS
