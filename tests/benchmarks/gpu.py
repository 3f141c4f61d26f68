"""Checks what only a GPU can show, and times our Li-GRU there; ten minutes.

> python tests/benchmarks/gpu.py

First the tests of `pytest -m cuda`: growth, exactness, half precision, compiled
modules, random state and resume, optimizers, NCCL, memory. Then our Li-GRU,
forward and backward, against the stock loop, the same scripted (`--jit`), cuDNN's
GRU, and `fast_sligru` where it is installed; and what a growth costs. Without a
GPU it says so in one line. It ends with 1 if a check failed.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import gpu_ways
import torch

ROOT = Path(__file__).resolve().parents[2]
UNITS = (64, 128, 256, 512, 1024)
AIM, AT = 8, 512  # times the stock loop, at so many units
SECONDS = 420  # for the checks
TILES = [(16, 64, 4), (16, 128, 4), (16, 64, 8), (32, 64, 4), (32, 64, 8)]


def card():
    """The name of the GPU, and the versions of what computes on it."""
    about = torch.cuda.get_device_properties(0)
    return (
        f"{about.name}, {about.total_memory / 2**30:.0f} GB, capability "
        f"{about.major}.{about.minor}, {about.multi_processor_count} processors; "
        f"torch {torch.__version__}, CUDA {torch.version.cuda}, "
        f"triton {version('triton')}"
    )


def checks(*chosen, marks="cuda"):
    """Runs tests; returns a line for each function, and whether all passed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", marks),
            *(f"--junitxml={report}", *(chosen or ["tests"])),
        ]
        try:
            run = subprocess.run(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return [f"not done after {SECONDS} s"], False
        if not report.exists():
            return [run.stdout], False
        cases = list(ElementTree.parse(report).iter("testcase"))
    found = defaultdict(list)
    for case in cases:
        bad = {"failure", "error", "skipped"} & {part.tag for part in case}
        name = case.get("name").split("[")[0].removeprefix("test_")
        found[name].append((not bad, float(case.get("time"))))
    lines = [
        f"{name.replace('_', ' ')} | {sum(ok for ok, _ in all_of)} of "
        f"{len(all_of)} | {sum(spent for _, spent in all_of):.1f}"
        for name, all_of in found.items()
    ]
    failed = run.returncode or not cases
    return [*lines, run.stdout] if failed else lines, not failed


def table(title, rows):
    """Prints rows that are dicts with the same keys."""
    print(f"\n{title}\n" + " | ".join(rows[0]))
    for row in rows:
        print(" | ".join(row.values()), flush=True)


def recurrences(device, units, size, repetitions):
    """A row for each number of units: ms, and times the stock loop's speed."""
    rows = []
    for number in units:
        spent = gpu_ways.times_of(
            gpu_ways.recurrences(device, number, *size), device, repetitions
        )
        rows.append({"units": str(number), **with_ratios(spent)})
    return rows


def with_ratios(spent):
    """Times of several ways, the first of which the others are compared with."""
    first = next(iter(spent.values()))
    return {
        name: f"{1000 * one:.2f} ms ({first / one:.1f}x)"
        for name, one in spent.items()
    }


def precisions(device, units, size, repetitions):
    """A row for each way to multiply: the stock loop and ours."""
    rows = []
    for name, around in gpu_ways.precisions(device).items():
        with around:
            ways = gpu_ways.recurrences(device, units, *size)
            ways = {name: ways[name] for name in ("stock", "ours")}
            spent = gpu_ways.times_of(ways, device, repetitions)
        rows.append({"products in": name, **with_ratios(spent)})
    return rows


def tiles(device, units, size, repetitions, of=TILES):
    """A row for each size of the tiles of a kernel."""
    rows = []
    for tile in of:
        with gpu_ways.tile(*tile):
            ways = gpu_ways.recurrences(device, units, *size)
            spent = gpu_ways.times_of(
                {"ours": ways["ours"]}, device, repetitions
            )
        own, depth, warps = map(str, tile)
        found = {"ours": f"{1000 * spent['ours']:.2f} ms"}
        rows.append({"units": own, "summed": depth, "warps": warps, **found})
    return rows


def main():
    """Prints all tables, or that there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--no_checks", action="store_true")
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        print("No GPU is at hand, so nothing was checked and nothing timed.")
        return 0
    logging.disable(logging.INFO)
    print(card(), flush=True)
    passed = True
    if not chosen.no_checks:
        lines, passed = checks()
        print("\ncheck | passed | s\n" + "\n".join(lines), flush=True)
    size, often = (gpu_ways.BATCH, gpu_ways.FRAMES), chosen.repetitions
    title = (
        f"Li-GRU, recurrence, {size[0]} x {size[1]} frames, forward and back"
    )
    rows = recurrences("cuda", UNITS, size, often)
    table(title, rows)
    (reached,) = (r["ours"] for r in rows if r["units"] == str(AT))
    print(f"aimed at {AIM}x at {AT} units; reached {reached}")
    table(f"The same at {AT} units", precisions("cuda", AT, size, often))
    table("Tiles of the kernels", tiles("cuda", AT, size, often))
    layers = gpu_ways.layers("cuda", AT, *size)
    spent = with_ratios(gpu_ways.times_of(layers, "cuda", often))
    peaks = {n: gpu_ways.peak_of(way, "cuda") for n, way in layers.items()}
    table(
        f"Whole layer, {AT} inputs and units",
        [
            {"layer": n, "time": spent[n], "peak MB": f"{peaks[n]:.0f}"}
            for n in layers
        ],
    )
    table("CRDNN, every width doubled", [gpu_ways.growth("cuda")])
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
