"""How long Python takes to start what stands here, from begin to end of it.

> OMP_NUM_THREADS=1 python tests/benchmarks/startup.py

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMIT = "recipes/TIMIT/ASR/growing_CTC/hparams/grow.yaml"
MNIST = "recipes/MNIST/classification/growing_MLP/hparams/grow.yaml"
COMMANDS = {
    "import torch": ["-c", "import torch"],
    "import speechbrain": ["-c", "import speechbrain"],
    "import speechbrain_growth": ["-c", "import speechbrain_growth"],
    "from speechbrain_growth import carry": [
        "-c",
        "from speechbrain_growth import carry",
    ],
    "plan, TIMIT's grow.yaml": ["-m", "speechbrain_growth", "plan", TIMIT],
    "plan, MNIST's grow.yaml": ["-m", "speechbrain_growth", "plan", MNIST],
    "plan, a size of 1.5 (refused)": [
        *["-m", "speechbrain_growth", "plan", MNIST],
        "--growth=[{after_epoch: 2, hidden: 1.5}]",
    ],
    "plan --help": ["-m", "speechbrain_growth", "plan", "--help"],
    "compare --help": ["-m", "speechbrain_growth", "compare", "--help"],
    "sweep --help": ["-m", "speechbrain_growth", "sweep", "--help"],
}


def seconds(arguments):
    """From the start of a process to its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    elapsed = time.perf_counter() - begin
    if done.returncode and not done.stderr.startswith("error: growth["):
        raise RuntimeError(done.stderr)
    return elapsed


def main():
    """Prints the median of each command; they take turns."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=7)
    chosen = parser.parse_args()
    rounds = [
        [seconds(arguments) for arguments in COMMANDS.values()]
        for _ in range(chosen.repetitions + 1)
    ][1:]  # the first one fills the disk's cache
    print("| command | seconds |")
    print("|---|---|")
    for name, column in zip(COMMANDS, zip(*rounds)):
        print(f"| {name} | {statistics.median(column):.2f} |")


if __name__ == "__main__":
    main()
