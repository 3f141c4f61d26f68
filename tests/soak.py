#!/usr/bin/env python3
"""Kills the TIMIT recipe at random moments for as long as one likes.

> python tests/soak.py --minutes=60 --seed=1

First `--faults` operations on files go wrong: a kill before or inside them, a
full or a failing disk. Then it kills at each place of the table `KILLS`, as
often as it says, then at moments that are drawn until the time is over.

Every run that survives to its end is compared, bit by bit, with one that nobody
killed. A difference stops the script and leaves both folders.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "integration"))

from comparing import differences, results  # noqa: E402
from faulting import count, draw, fault_all  # noqa: E402
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


def by_way_and_kind(faults):
    """Counts faults without their phases; tells which runs went on."""
    found = Counter()
    for (way, kind, _, status), number in faults.items():
        found[f"{way} {kind}" + " (goes on)" * (status == 0)] += number
    return dict(found)


def main():
    """Kills until the time is over; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1986)
    chosen = parser.parse_args()
    chance, ends = random.Random(chosen.seed), 0
    kills, faults = Counter(), Counter()
    end = time.monotonic() + 60 * chosen.minutes
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    with Starter(folder) as starter:
        whole, short = folder / "whole", folder / "short"
        lasted = durations(starter, whole)
        expected = results(whole / "run", whole / "corpus")
        runs = survivors(starter, folder, lasted, chance, kills, end)
        shorter, counted = count(starter, short)
        drawn = draw(counted, chosen.faults, chance)
        corpus, place = short / "corpus", folder / "faults"
        faulted = fault_all(starter, place, corpus, drawn, faults)
        for run, whole in itertools.chain(
            zip(faulted, itertools.repeat(shorter)),
            zip(runs, itertools.repeat(expected)),
        ):
            ends += 1
            wrong = differences(results(run / "run", run / "corpus"), whole)
            if wrong:
                done = {**kills, **faults}
                print(f"differs after {done}: {wrong}; see {folder}")
                return 1
            shutil.rmtree(run)
    shutil.rmtree(folder)
    total = sum(number for *_, number in counted)
    print(
        f"{sum(kills.values())} kills, {sum(faults.values())} faults at one of "
        f"{total} operations on files, {ends} runs ended alike, "
        f"seed {chosen.seed}: {dict(kills)}, {by_way_and_kind(faults)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
