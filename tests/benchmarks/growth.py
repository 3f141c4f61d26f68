"""What one growth costs: against a training step, and against the model's size.

The full-size CRDNN of the stock TIMIT recipe, Adadelta's state included, grows
to twice every width; then MLPs of growing size, beside the time that a system
takes to hand out new memory for as many weights and two entries of state each.
Memory is the peak of what the process holds, measured in a process of its own.

> OMP_NUM_THREADS=1 python tests/benchmarks/growth.py

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import multiprocessing
import statistics
import time

import torch

from speechbrain_growth import carry
from speechbrain_growth.nnet.quick import CRDNN

BATCH, FRAMES, FEATURES, REPETITIONS = 8, 300, 40, 5
WIDTHS = (250, 500, 1000, 2000, 3500, 5000)


def crdnn(times):
    """The stock recipe's model, or one of so many times its widths."""
    return CRDNN(
        input_size=FEATURES,
        cnn_channels=[128 * times, 256 * times],
        rnn_layers=4,
        rnn_neurons=512 * times,
        rnn_bidirectional=True,
        dnn_neurons=512 * times,
    )


def mlp(width):
    """Builds MLPs with one square layer, of so many times this width."""

    def build(times):
        units = times * width
        return torch.nn.Sequential(
            torch.nn.Linear(FEATURES, units),
            torch.nn.ReLU(),
            torch.nn.Linear(units, units),
            torch.nn.ReLU(),
            torch.nn.Linear(units, 10),
        )

    return build


def step(model, optimizer, inputs):
    """Seconds of one training step."""
    start = time.perf_counter()
    optimizer.zero_grad()
    model(inputs).square().mean().backward()
    optimizer.step()
    return time.perf_counter() - start


def trained(model):
    """An optimizer with the state of a first step."""
    optimizer = torch.optim.Adadelta(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    return optimizer


def seconds_of_growth(build, small, large):
    """Seconds of building the larger model, and of carrying into it."""
    old = build(small)
    optimizer = trained(old)
    start = time.perf_counter()
    new = build(large)
    built = time.perf_counter() - start
    carry(old, new, optimizer)
    return built, time.perf_counter() - start - built, new, optimizer


def seconds_of_memory(numbers):
    """Seconds of writing numbers into memory that is new to the process."""
    start = time.perf_counter()
    torch.empty(numbers).fill_(1.0)
    return time.perf_counter() - start


def megabytes(tensors):
    """What tensors hold."""
    return sum(t.numel() * t.element_size() for t in tensors) / 2**20


def memory(queue):
    """Peak of a growth, and what old and new hold with their optimizer."""
    old = crdnn(1)
    optimizer = trained(old)
    held = [megabytes([*old.state_dict().values(), *_state(optimizer)])]
    with open("/proc/self/clear_refs", "w", encoding="ascii") as fout:
        fout.write("5")  # the peak is what is held now
    start = _held("VmRSS")
    new = crdnn(2)
    carry(old, new, optimizer)
    peak = _held("VmHWM")
    held.append(megabytes([*new.state_dict().values(), *_state(optimizer)]))
    queue.put((held[0], held[1], held[0] + peak - start))


def _state(optimizer):
    """All tensors of an optimizer's state."""
    return [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if torch.is_tensor(value)
    ]


def _held(key):
    """Megabytes that this process holds, or at most has held; Linux only."""
    with open("/proc/self/status", encoding="ascii") as fin:
        line = next(line for line in fin if line.startswith(key))
    return int(line.split()[1]) / 1024


def main():
    """Prints the tables."""
    rows = []
    for _ in range(REPETITIONS + 1):
        built, carried, new, optimizer = seconds_of_growth(crdnn, 1, 2)
        inputs = torch.randn(BATCH, FRAMES, FEATURES)
        rows.append((built, carried, step(new, optimizer, inputs)))
    built, carried, one = (statistics.median(c) for c in zip(*rows[1:]))
    print(f"CRDNN, 128/256, 4 x 512, 2 x 512, doubled; {BATCH} x {FRAMES}")
    print("building s | carrying s | one step s | growth / step")
    print(
        f"{built:10.2f} | {carried:10.2f} | {one:10.2f} | "
        f"{(built + carried) / one:.2f}"
    )
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=memory, args=(queue,))
    process.start()
    old, new, peak = queue.get()
    process.join()
    print("\nold MB | new MB | peak MB | peak / (old + new)")
    print(f"{old:6.0f} | {new:6.0f} | {peak:7.0f} | {peak / (old + new):.2f}")
    print(
        "\nMLP parameters | carrying s | ns each parameter | "
        "as much memory s | carrying / memory"
    )
    for width in WIDTHS:
        number = sum(p.numel() for p in mlp(width)(2).parameters())
        times = [
            seconds_of_growth(mlp(width), 1, 2)[1]
            for _ in range(REPETITIONS + 1)
        ]
        spent = statistics.median(times[1:])
        new = statistics.median(
            seconds_of_memory(3 * number) for _ in range(REPETITIONS + 1)
        )
        print(
            f"{number:14,} | {spent:10.3f} | {1e9 * spent / number:18.1f} | "
            f"{new:16.3f} | {spent / new:.2f}"
        )


if __name__ == "__main__":
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    main()
