"""What measuring costs: each step, and each architecture.

> OMP_NUM_THREADS=1 python tests/benchmarks/meter.py

Authors
 * The speechbrain_growth authors 2026
"""

import time
from pathlib import Path

import torch

from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.measure.meter import Meter
from speechbrain_growth.schedule.schedule import GrowthSchedule

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
STEPS = 100_000
CASES = {
    "CRDNN": ("TIMIT/ASR/growing_CTC", range(100, 400), 40),
    "MLP": ("MNIST/classification/growing_MLP", [None], 784),
}

if __name__ == "__main__":
    print(
        "| model | CPU microseconds each step | CPU seconds each architecture |"
    )
    print("|---|---|---|")
    for name, (folder, lengths, features) in CASES.items():
        blueprint = open_blueprint(str(RECIPES / folder / "hparams/grow.yaml"))
        schedule = GrowthSchedule()
        schedule.start(blueprint.sizes)
        meter = Meter(blueprint.modules, schedule)
        blueprint.modules()  # imports and the like, which every run has
        shapes = [(4, n, features) if n else (64, features) for n in lengths]
        batches = [torch.empty(shape) for shape in shapes]
        start = time.process_time()
        for step in range(STEPS):
            meter.count(batches[step % len(batches)])
        counted = time.process_time()
        meter.stats()
        priced = time.process_time()
        each = 1e6 * (counted - start) / STEPS
        print(f"| {name} | {each:.2f} | {priced - counted:.2f} |")
