"""Runs that a budget ended within an epoch, whose law is known.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
from lawful_runs import (
    EXPONENT,
    FLOORS,
    B,
    law,
    write,
    write_grown,
    write_static,
)

from speechbrain_growth import GrowthError
from speechbrain_growth.experiments.compare import report
from speechbrain_growth.experiments.forecast.command import forecast

BUDGETS = (750, 2330, 6410)  # in MACs: 1.875 to 64.1 epochs


def check(found):
    """The law is that of the runs."""
    assert found.pair.exponent == pytest.approx(EXPONENT, rel=1e-5)
    assert found.pair.scale == pytest.approx(B, rel=1e-5)
    assert found.pair.small_floor == pytest.approx(FLOORS[100], rel=1e-5)
    assert found.pair.large_floor == pytest.approx(FLOORS[400], rel=1e-5)
    assert found.pair.large_cost == pytest.approx(400)


def test_the_last_epoch_may_be_a_part_of_one(tmp_path):
    place = tmp_path / "runs"
    write_static(place, BUDGETS)
    check(forecast([f"{place}/small*", f"{place}/large*"]))
    # A report of the runs says the same
    report([str(place)], str(tmp_path))
    file = tmp_path / "report.json"
    check(forecast([f"{file}/small*", f"{file}/large*"]))


def test_seconds_that_differ_between_seeds_are_one_budget(tmp_path):
    for size, name in ((100, "small"), (400, "large")):
        for seconds in (3.7, 9.3, 41.9):
            for seed in (1, 2, 3):
                spent = seconds * (1 + 0.05 * (seed - 2))
                epochs = spent / (1 if size == 100 else 2)
                folder = tmp_path / f"{name},cpu_seconds@{seconds}" / str(seed)
                end = law(size, epochs / (1 + 0.05 * (seed - 2)))
                write(
                    folder, [(size, epochs)], end, budget={"cpu_seconds": spent}
                )
    places = [f"{tmp_path}/small*", f"{tmp_path}/large*"]
    found = forecast(places, unit="cpu_seconds")
    assert found.pair.large_cost == pytest.approx(2.0)
    assert found.pair.delta == pytest.approx(3.0, rel=1e-3)
    budgets = {point.epochs for point in found.networks[0].points}
    assert sorted(budgets) == pytest.approx([3.7, 9.3, 41.9])


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("rho", [0.6, 1.0])
def test_rho_is_measured_at_budgets(rho, alike, tmp_path):
    place, options = tmp_path / "runs", {"offsets": {"1": 0.0}, "alike": alike}
    write_static(place, BUDGETS, **options)
    write_grown(place, 2330, 7, rho, **options)
    (kind,) = report([str(place)], str(tmp_path))["carry_over"]
    assert kind["rho"]["mean"] == pytest.approx(rho, abs=1e-4)


def test_networks_whose_epochs_cost_something_else_are_not_one(tmp_path):
    write_static(tmp_path, BUDGETS, alike=True)
    check(forecast([f"{tmp_path}/small*", f"{tmp_path}/large*"]))
    with pytest.raises(
        GrowthError,
        match=r"[*]: an epoch of its runs costs 200 and 400 MACs; na",
    ):
        forecast([f"{tmp_path}/small*", f"{tmp_path}/*[dg]*"])


def test_a_network_without_a_whole_epoch_is_named(tmp_path):
    write_static(tmp_path, (60,), sizes=(100,))
    write_static(tmp_path, BUDGETS, sizes=(400,))
    with pytest.raises(
        GrowthError, match=r"small\*: .*one of them a whole epo"
    ):
        forecast([f"{tmp_path}/small*", f"{tmp_path}/large*"])


@pytest.mark.parametrize("more, alike", [(0, True), (7, False)])
def test_new_macs_are_one_budget_whatever_was_spent_before(
    more, alike, tmp_path
):
    for seed in (1, 2):
        before, new = 100 * seed, 400 + more * seed
        spent = {"macs": before + new}
        overrides = {"budget": {"new_macs": None, **spent}}
        facts = {"budget": spent, "before": {"macs": before}}
        folder = tmp_path / "runs" / "grow" / str(seed)
        parts = [(400, spent["macs"] / 400)]
        write(folder, parts, 15.0, overrides=overrides, **facts)
    warnings = report([str(tmp_path / "runs")], str(tmp_path))["warnings"]
    differ = "grow: its seeds were run with different budget" in warnings
    assert differ is not alike
