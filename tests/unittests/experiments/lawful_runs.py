"""Runs of networks that follow one power law to the digit, for tests.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math

FLOORS = {100: 17.0, 200: 16.0, 400: 14.0}  # by parameters
B, EXPONENT = 100.0, 0.8
NAMES = {100: "small", 200: "mid", 400: "large"}
SECONDS = {100: 1.0, 200: 1.5, 300: 1.8, 400: 2.0}  # CPU seconds of an epoch
OFFSETS = {"1": 0.3, "2": -0.4, "3": 0.1}  # of seeds; their sum is 0


def law(parameters, epochs):
    """Where a network ends that never grows."""
    return FLOORS[parameters] + B * epochs**-EXPONENT


def needed(parameters, loss):
    """The epochs that a network needs for a loss."""
    return ((loss - FLOORS[parameters]) / B) ** (-1 / EXPONENT)


def grown_law(sizes, epochs, rho):
    """Where a network ends that grows."""
    done = epochs[0]
    for old, new, count in zip(sizes, sizes[1:], epochs[1:]):
        done = rho * needed(new, law(old, done)) + count
    return law(sizes[-1], done)


def write(folder, parts, end, higher=False, alike=False, **start):
    """A run that has some parameters for some epochs each.

    An epoch of a network costs as many MACs as it has parameters; if they are
    all alike, it is called by its MACs and has 9. Epochs that are no whole
    number are those of a run that its budget ended.
    """
    sign = -1 if higher else 1
    facts = {"event": "start", "metric": "error", "seed": folder.name}
    facts["better"] = "higher" if higher else "lower"
    events, cost, done = [{**facts, **start}], [0.0, 0.0], 0
    for number, (parameters, count) in enumerate(parts):
        if number:
            growth = {"growth": number - 1, "epoch": done, "grown": True}
            events.append({"event": "growth", **growth})
        for epoch in range(1, math.ceil(count) + 1):
            share = min(1.0, count - epoch + 1)
            done += 1
            cost[0] += share * parameters
            cost[1] += share * SECONDS[parameters]
            event = {"event": "epoch", "epoch": done}
            event["parameters"] = 9 if alike else parameters
            event.update(macs=cost[0], cpu_seconds=cost[1])
            # Validations say something else: only the test counts
            events.append({**event, "valid": {"error": sign * 50.0}})
    events.append({"event": "test", "test": {"error": sign * end}})
    folder.mkdir(parents=True)
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "run_log.jsonl").write_text(text)


def write_static(
    place, budgets, sizes=(100, 200, 400), offsets=OFFSETS, **options
):
    """Networks that do not grow, each at some budgets in MACs."""
    for size in sizes:
        for budget in budgets:
            end = law(size, budget / size)
            for seed, offset in offsets.items():
                folder = place / f"{NAMES[size]},macs@{budget}" / seed
                spent = {"macs": budget}
                part = [(size, budget / size)]
                write(folder, part, end + offset, budget=spent, **options)


def write_grown(
    place, budget, first, rho, sizes=(100, 400), offsets=OFFSETS, **options
):
    """A network that grows after its first epochs, at a budget in MACs."""
    last = (budget - first * sizes[0]) / sizes[-1]
    end = grown_law(sizes, (first, last), rho)
    for seed, offset in offsets.items():
        folder = place / f"grow,macs@{budget}" / seed
        parts = [(sizes[0], first), (sizes[-1], last)]
        spent = {"macs": budget}
        # Another deviation than that of the others, so that there is a p
        write(folder, parts, end + 0.8 * offset, budget=spent, **options)
    return end
