"""The carry-over of growths is measured as it was put into the curves.

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest

from speechbrain_growth.experiments.compare import report

FLOORS = {100: 17.0, 200: 15.0, 400: 14.0}  # by parameters
B, EXPONENT = 100.0, 0.8
NAMES = {100: "small", 200: "mid", 400: "large"}


def law(parameters, epochs):
    """Where a network ends that never grows."""
    return FLOORS[parameters] + B * epochs**-EXPONENT


def needed(parameters, loss):
    """The epochs that a network needs for a loss."""
    return ((loss - FLOORS[parameters]) / B) ** (-1 / EXPONENT)


def write(folder, epochs, end, sign=1):
    """A run that has some parameters for some epochs each."""
    start = {"event": "start", "metric": "error", "seed": folder.name}
    start["better"] = "lower" if sign == 1 else "higher"
    events, done = [start], 0
    for number, (parameters, count) in enumerate(epochs):
        if number:
            growth = {"growth": number - 1, "epoch": done, "grown": True}
            events.append({"event": "growth", **growth})
        for epoch in range(done + 1, done + count + 1):
            # Validations say something else: only the test counts
            event = {"event": "epoch", "epoch": epoch, "valid": {"error": 50.0}}
            cost = {"macs": epoch * parameters, "parameters": parameters}
            events.append({**event, **cost})
        done += count
    events.append({"event": "test", "test": {"error": sign * end}})
    folder.mkdir(parents=True)
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "run_log.jsonl").write_text(text)


def write_static(place, sizes=(100, 200, 400), sign=1):
    """Networks that do not grow, at two budgets."""
    for parameters in sizes:
        for epochs in (6, 12, 20):
            folder = place / f"{NAMES[parameters]}{epochs}" / "1"
            end = law(parameters, epochs)
            write(folder, [(parameters, epochs)], end, sign)


def write_grown(place, name, sizes, counts, rhos, sign=1):
    """A kind of run that grows; one seed for each rho."""
    for seed, rho in enumerate(rhos):
        done = counts[0]
        for old, new, count in zip(sizes, sizes[1:], counts[1:]):
            done = rho * needed(new, law(old, done)) + count
        folder = place / name / str(seed)
        write(folder, list(zip(sizes, counts)), law(sizes[-1], done), sign)


def measured(place, out):
    """What compare says of every kind of run that grew, by name."""
    found = report([str(place)], str(out))["carry_over"]
    return {kind["name"]: kind for kind in found}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("rho", [0.0, 0.7, 1.0, 1.3])
def test_rho_is_what_was_put_in(rho, sign, tmp_path):
    place = tmp_path / "runs"
    write_static(place, sign=sign)
    write_grown(place, "once", (100, 400), (8, 6), [rho], sign)
    write_grown(place, "twice", (100, 200, 400), (8, 4, 6), [rho], sign)
    found = measured(place, tmp_path / "out")
    assert found["once"]["rho"]["mean"] == pytest.approx(rho, abs=1e-6)
    assert found["twice"]["rho"]["mean"] == pytest.approx(rho, abs=1e-6)
    assert (found["once"]["after"], found["twice"]["after"]) == (
        "8",
        "8 and 12",
    )


def test_the_report_has_the_mean_over_seeds(tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write_grown(place, "grow", (100, 400), (8, 6), [0.6, 0.8, 1.0])
    measured(place, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "## Carry-over rho of growths" in text
    assert "| grow | 8 | 0.80 ± 0.50 |" in text


@pytest.mark.parametrize(
    "sizes, grown, why",
    [
        ((100, 400), (100, 200, 400), "no run has 200 parameters from start"),
        ((400,), (100, 400), "runs that did not grow have 1 size"),
        ((), (100, 400), "runs that did not grow have 0 sizes"),
    ],
)
def test_what_is_missing_is_named(sizes, grown, why, tmp_path):
    place = tmp_path / "runs"
    write_static(place, sizes)
    write_grown(place, "grow", grown, (8, 4, 6)[: len(grown)], [0.7])
    found = measured(place, tmp_path)["grow"]
    assert found["why"].startswith(f"not measured: {why}")
    text = (tmp_path / "report.md").read_text()
    assert f"| grow | {found['after']} | not measured: {why}" in text


def test_budgets_that_are_too_much_alike_are_named(tmp_path):
    place = tmp_path / "runs"
    for parameters in (100, 400):
        for epochs in (6, 7):
            folder = place / f"{NAMES[parameters]}{epochs}" / "1"
            write(folder, [(parameters, epochs)], law(parameters, epochs))
    write_grown(place, "grow", (100, 400), (8, 6), [0.7])
    assert "a factor of 2" in measured(place, tmp_path)["grow"]["why"]


def test_a_run_that_starts_from_another_one_is_no_example(tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write_grown(place, "grow", (100, 400), (8, 6), [0.7])
    write(place / "transfer" / "1", [(400, 9)], 14.5)
    log = place / "transfer" / "1" / "run_log.jsonl"
    text = log.read_text().replace('"seed"', '"before": {"macs": 9}, "seed"')
    log.write_text(text)
    rho = measured(place, tmp_path)["grow"]["rho"]["mean"]
    assert rho == pytest.approx(0.7, abs=1e-6)


def write_owned(place, name, rho, spent=12, counts=(0, 6)):
    """A run that starts from a small one of some epochs, and grows."""
    done = rho * needed(400, law(100, spent + counts[0])) + counts[1]
    folder = place / name / "1"
    write(folder, list(zip((100, 400), counts)), law(400, done))
    log, before = folder / "run_log.jsonl", spent * 100
    events = [json.loads(line) for line in log.read_text().splitlines()]
    events[0]["before"] = {"macs": before}
    for event in events:
        if event["event"] == "growth":
            event["parameters_before"] = 100
        if event["event"] == "epoch":
            event["macs"] += before
    log.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.mark.parametrize("counts", [(0, 6), (3, 6)])
def test_epochs_of_an_owned_network_count(counts, tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write_owned(place, "grow", 0.7, counts=counts)
    rho = measured(place, tmp_path)["grow"]["rho"]["mean"]
    assert rho == pytest.approx(0.7, abs=1e-6)


def test_an_owned_network_of_which_nothing_is_known_has_no_rho(tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write_owned(place, "grow", 0.7, spent=11.5)
    why = measured(place, tmp_path)["grow"]["why"]
    assert why.startswith("not measured: the run from which it starts is not")


def test_a_growth_before_all_training_has_no_rho(tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write_owned(place, "grow", 0.7, spent=12)
    log = place / "grow" / "1" / "run_log.jsonl"
    log.write_text(log.read_text().replace('"before"', '"earlier"'))
    why = measured(place, tmp_path)["grow"]["why"]
    assert why == "not measured: it grew before it was trained"


def test_an_end_below_the_floor_has_no_rho(tmp_path):
    place = tmp_path / "runs"
    write_static(place)
    write(place / "grow" / "1", [(100, 8), (400, 6)], FLOORS[400] - 0.1)
    why = measured(place, tmp_path)["grow"]["why"]
    assert why == "not measured: no rho from -1 to 10 fits"


def test_a_size_that_cannot_be_as_good_has_no_rho(tmp_path, monkeypatch):
    monkeypatch.setitem(FLOORS, 100, 10.0)
    place = tmp_path / "runs"
    write_static(place)
    assert law(100, 60) < FLOORS[400]
    write(place / "grow" / "1", [(100, 60), (400, 6)], 15.0)
    why = measured(place, tmp_path)["grow"]["why"]
    assert why == "not measured: no rho from -1 to 10 fits"


def test_without_growths_the_report_says_nothing_of_them(tmp_path):
    write_static(tmp_path / "runs")
    assert measured(tmp_path / "runs", tmp_path) == {}
    assert "rho" not in (tmp_path / "report.md").read_text()
