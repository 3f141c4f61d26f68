"""What the conditions of a growth cost, beside the shortest epoch there is.

> OMP_NUM_THREADS=1 python tests/benchmarks/conditions.py

The epoch is that of 784-64-10 on 60,000 random images at batch 64. Measurements
that pass batches through a model are counted in the run's MACs, and left out.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import statistics
import tempfile
import time
from pathlib import Path

import torch
from mnist_epoch import BATCH, fitted, growing
from torch.utils.data import TensorDataset

from speechbrain_growth.schedule.conditions.reading import read
from speechbrain_growth.training.measures.shifts import feature_shift
from speechbrain_growth.training.measures.windows import Windows

EPOCHS, REPETITIONS = (10, 100), 5
ASKED = {
    "after_epoch": 1000,
    "after_step": 10**9,
    "after_macs": 1e30,
    "every_epochs": 1000,
    "on_task": "each",
    "on_plateau": {"metric": "PER", "patience": 1000},
    "on_floor": {"metric": "PER", "above": 0},
    "on_slope": {"metric": "PER", "reference": None, "window": 3},
    "on_gap": {"above": 9, "window": 3},
    "on_missed_goal": {"metric": "PER", "goal": 99, "after": 3},
    "on_change": {"metric": "loss", "above": 99},
    "on_gradient": {"metric": "loss", "above": 99},
}


def seen(number):
    """Epochs with some noise."""
    return [
        {
            "epoch": n,
            "step": 900 * n,
            "macs": 1e12 * n,
            "train_loss": 1 / n,
            "task": 1,
            "next_task": 1,
            "loss": 1.1 / n,
            "PER": 20 + 40 / n + math.sin(9 * n),
        }
        for n in range(1, number + 1)
    ]


def median(function, *args):
    """The median of the milliseconds that a call takes."""
    function(*args)
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        function(*args)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def decisions(folder):
    """Milliseconds of each decision, after few and after many epochs."""
    path = Path(folder) / "run_log.jsonl"
    events = [
        {"event": "epoch", "macs": 4 * e["macs"], "valid": {"PER": e["PER"]}}
        for e in seen(100)
    ]
    path.write_text("\n".join(map(json.dumps, events)))
    ASKED["on_slope"]["reference"] = str(path)
    conditions = {name: read(name, values) for name, values in ASKED.items()}
    both = [{name: values} for name, values in list(ASKED.items())[:2]]
    conditions["any_of"] = read("any_of", both)
    conditions["all_of"] = read("all_of", both)
    conditions["by_hand"] = read("by_hand", True)
    return {
        name: [median(when.is_due, seen(number)) for number in EPOCHS]
        for name, when in conditions.items()
    }


def watching(steps):
    """Milliseconds in an epoch for the windows of `feature_shift`."""
    layer, windows = torch.nn.Identity(), Windows()
    inputs = torch.randn(BATCH, 784)

    def epoch(watched):
        """All steps of an epoch of a module that does nothing."""
        windows.begin()
        if not watched:
            return [layer(inputs) for _ in range(steps)]
        with windows.watching(layer, steps=steps):
            [layer(inputs) for _ in range(steps)]

    def measured():
        """The number after it."""
        feature_shift(type("Brain", (), {"windows": windows}))

    bare = median(epoch, False)
    return median(epoch, True) - bare, median(measured)


def main():
    """Prints the table."""
    images = torch.randn(60000, 784)
    train_set = TensorDataset(images, torch.randint(10, (60000,)))
    with tempfile.TemporaryDirectory() as folder:
        table = decisions(folder)
        epoch = median(fitted(growing(folder, torch.optim.Adam), train_set))
    noted, measured = watching(60000 // BATCH)
    table["noting features"] = [noted, noted]
    table["feature_shift"] = [measured, measured]
    table["all together"] = [sum(column) for column in zip(*table.values())]
    print(f"an epoch: {epoch:.0f} ms\n")
    print("| ms of an epoch | after 10 epochs | after 100 | share |")
    print("|---|---|---|---|")
    for name, (few, many) in table.items():
        print(f"| {name} | {few:.3f} | {many:.3f} | {many / epoch:.2%} |")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
