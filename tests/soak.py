#!/usr/bin/env python3
"""Kills the TIMIT recipe at random moments for as long as one likes.

> python tests/soak.py --minutes=60 --seed=1

First at each place of the table `KILLS`, as often as it says, then at moments
that are drawn until the time is over.

Every run that survives to its end is compared, bit by bit, with one that nobody
killed. A difference stops the script and leaves both folders.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "integration"))

from comparing import differences, results  # noqa: E402
from killing import (  # noqa: E402
    Starter,
    durations,
    finish,
    kill_at,
    kill_everywhere,
)

MOMENTS = [
    *["render", "annotate", "labels", "fit", "step", "validate", "log"],
    *["save", "delete", "grow", "after grow", "test"],
]


def survivors(starter, folder, lasted, chance, kills, end):
    """Yields the folder of each run that came to its end; counts its kills."""
    found, runs = kill_everywhere(starter, folder, lasted, chance, often=True)
    kills.update(found)
    for run in runs:
        finish(starter, run)
        yield run
    run = folder / "drawn"
    while time.monotonic() < end:
        # Up to three moments ahead, each of which may come several times
        path = [chance.choice(MOMENTS) for _ in range(chance.randint(1, 3))]
        moment, killed = kill_at(starter, run, path, lasted, chance)
        if killed:
            kills[moment] += 1
        else:
            yield run


def main():
    """Kills until the time is over; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1986)
    chosen = parser.parse_args()
    chance, kills, ends = random.Random(chosen.seed), Counter(), 0
    end = time.monotonic() + 60 * chosen.minutes
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    with Starter(folder) as starter:
        whole = folder / "whole"
        lasted = durations(starter, whole)
        expected = results(whole / "run", whole / "corpus")
        for run in survivors(starter, folder, lasted, chance, kills, end):
            ends += 1
            wrong = differences(results(run / "run", run / "corpus"), expected)
            if wrong:
                print(f"differs after {dict(kills)}: {wrong}; see {folder}")
                return 1
            shutil.rmtree(run)
    shutil.rmtree(folder)
    print(
        f"{sum(kills.values())} kills, {ends} runs ended alike, "
        f"seed {chosen.seed}: {dict(kills)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
