"""Our Li-GRU against SpeechBrain's: seconds of forward and backward.

> OMP_NUM_THREADS=1 python tests/benchmarks/ligru.py

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import statistics
import time

import torch

from speechbrain.nnet import RNN
from speechbrain_growth.nnet.ligru import LiGRU

BATCH, FRAMES, REPETITIONS = 16, 150, 5
UNITS = (64, 128, 256, 512)


def seconds(layer, inputs):
    """One forward and backward pass."""
    start = time.perf_counter()
    layer(inputs)[0].sum().backward()
    return time.perf_counter() - start


def compare(units):
    """Medians of both layers, measured in turn after a warm-up."""
    inputs = torch.randn(BATCH, FRAMES, units)
    pair = [
        kind(hidden_size=units, input_shape=inputs.shape, num_layers=1)
        for kind in (RNN.LiGRU, LiGRU)
    ]
    rounds = [
        [seconds(layer, inputs) for layer in pair]
        for _ in range(REPETITIONS + 1)
    ][1:]
    return [statistics.median(column) for column in zip(*rounds)]


if __name__ == "__main__":
    logging.disable(logging.INFO)
    print(f"{BATCH} x {FRAMES} frames, {torch.get_num_threads()} thread(s)")
    print("units | stock ms | ours ms | ratio")
    for number in UNITS:
        stock, ours = compare(number)
        print(
            f"{number:5} | {1000 * stock:8.1f} | {1000 * ours:7.1f} | "
            f"{stock / ours:4.1f}x"
        )
