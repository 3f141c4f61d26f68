"""Rendering mini-TIMIT: seconds of audio in a second, on one core.

> OMP_NUM_THREADS=1 python tests/benchmarks/render.py

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

TIMIT = Path(__file__).resolve().parents[2] / "recipes" / "TIMIT"
sys.path.insert(0, str(TIMIT))

from mini_timit import render_mini_timit  # noqa: E402


def render(scale):
    """Renders once; seconds that it took, seconds of audio, and a checksum."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        corpus = render_mini_timit(Path(folder) / "mini", scale=scale)
        spent = time.perf_counter() - begin
        manifest = json.loads((corpus / "MINI_TIMIT.json").read_text())
    return spent, sum(manifest["seconds"].values()), manifest["sha256"]


def main():
    """Prints the median."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    chosen = parser.parse_args()
    _, audio, checksum = render(chosen.scale)  # warms up
    spent = [render(chosen.scale)[0] for _ in range(chosen.repetitions)]
    median = statistics.median(spent)
    print("| seconds of audio | seconds | times real time | checksum |")
    print("|---|---|---|---|")
    print(
        f"| {audio:.0f} | {median:.2f} | {audio / median:.0f} | "
        f"{checksum[:12]} |"
    )


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main()
