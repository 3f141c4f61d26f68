"""Our recurrence of a Li-GRU against SpeechBrain's: forward and backward.

> OMP_NUM_THREADS=1 python tests/benchmarks/ligru.py

Four ways take turns on the same numbers: the stock loop as it is and scripted
(``--jit``), ours in torch's operations, and ours in C. Printed are medians, and
the median of the ratios to the stock loop right before; then the whole layer,
whose input weights and batch norm all ways share.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import logging
import statistics
import time

import torch

from speechbrain.nnet import RNN
from speechbrain_growth.nnet import ligru, walk_in_c

BATCH, FRAMES = 16, 150
UNITS = (64, 128, 256, 512)
STOCK = {
    ligru.LiGRU: RNN.LiGRU,
    ligru.SLiGRU: RNN.SLiGRU,
}


def ours(layer, compiled):
    """Our recurrence, in C or in torch's operations."""

    def run(fed, start):
        found = walk_in_c.kernel
        if not compiled:
            walk_in_c.kernel = lambda *_: None
        try:
            return layer._recur(fed, start)
        finally:
            walk_in_c.kernel = found

    return run


def ways_of(kind, units):
    """The recurrence in four ways, from the same weights."""
    shape = (BATCH, FRAMES, units)
    layers = []
    for one in (STOCK[kind], kind):
        torch.manual_seed(0)
        layers.append(one(hidden_size=units, input_shape=shape))
    stock, own = (layer.rnn[0] for layer in layers)
    scripted = torch.jit.script(stock)
    cell = "_ligru_cell" if kind is ligru.LiGRU else "_sligru_cell"
    return {
        "stock": (getattr(stock, cell), stock),
        "--jit": (getattr(scripted, cell), scripted),
        "torch": (ours(own, compiled=False), own),
        "C": (ours(own, compiled=True), own),
    }


def seconds(run, *inputs):
    """One forward and backward pass."""
    begin = time.perf_counter()
    run(*inputs).sum().backward()
    return time.perf_counter() - begin


def table(title, kind, repetitions, whole=False):
    """Prints a line for each number of units."""
    print(f"\n{title}: units | ms, and how many times the stock loop's speed")
    for units in UNITS:
        ways = ways_of(kind, units)
        fed = torch.randn(BATCH, FRAMES, 2 * units, requires_grad=True)
        inputs = (fed, torch.zeros(BATCH, units))
        if whole:
            fed = torch.randn(BATCH, FRAMES, units, requires_grad=True)
            inputs = (fed,)
            del ways["torch"]
            ways = {name: (layer, None) for name, (_, layer) in ways.items()}
        spent = {name: [] for name in ways}
        for repetition in range(repetitions + 2):
            for name, (run, _) in ways.items():
                taken = seconds(run, *inputs)
                if repetition > 1:  # scripts are specialised at the second
                    spent[name].append(taken)
        cells = []
        for name, own in spent.items():
            ratio = statistics.median(
                before / after for before, after in zip(spent["stock"], own)
            )
            cells.append(
                f"{name} {1000 * statistics.median(own):.1f} ({ratio:.1f}x)"
            )
        print(f"{units} | " + " | ".join(cells))


def main():
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=9)
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    print(f"{BATCH} x {FRAMES} frames, {torch.get_num_threads()} thread(s)")
    for kind in STOCK:
        table(f"{kind.__name__}, recurrence", kind, chosen.repetitions)
        table(f"{kind.__name__}, whole layer", kind, chosen.repetitions, True)


if __name__ == "__main__":
    main()
