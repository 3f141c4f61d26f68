"""What reading a forward costs, of a Transformer of 100 million parameters.

Its blocks are written by hand, so that no rule of a layer knows them; all
widths grow by a half, with one block more.

> OMP_NUM_THREADS=1 python tests/benchmarks/reading.py

Authors
 * The speechbrain_growth authors 2026
"""

import multiprocessing
import statistics
import time

import torch
from growth import _held, megabytes, step
from torch import nn
from torch.nn import functional as F

from speechbrain_growth import carry, trace

TOKENS, HEAD, REPETITIONS, BATCH, TIME = 8000, 64, 5, 4, 128


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind its norm."""

    def __init__(self, width, inner):
        super().__init__()
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.all = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        """Returns a tensor of the shape of its input."""
        batch, time, width = x.shape
        three = self.all(self.one(x)).chunk(3, dim=-1)
        heads = [
            one.view(batch, time, -1, HEAD).transpose(1, 2) for one in three
        ]
        y = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(F.gelu(self.up(self.two(x))))


class Language(nn.Module):
    """Tokens to tokens; the last layer has the weights of the first."""

    def __init__(self, width, inner, depth):
        super().__init__()
        self.words = nn.Embedding(TOKENS, width)
        self.places = nn.Embedding(TIME, width)
        self.blocks = nn.ModuleList(Block(width, inner) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, TOKENS, bias=False)
        self.out.weight = self.words.weight

    def forward(self, tokens):
        """Returns the scores of the next tokens."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.words(tokens) + self.places(places)
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x))


def small():
    """The smaller model, of 33 million parameters."""
    return Language(512, 2048, 10)


def large():
    """Twice as wide, with one block more."""
    return Language(1024, 2048, 11)


def seconds(function, *args, **kwargs):
    """Seconds that a call takes."""
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def forward(model, tokens):
    """One forward, without a trace."""
    with torch.no_grad():
        return model.eval()(tokens)


def memory(queue):
    """Peaks of a forward of each model, and of reading both."""
    old, new = small(), large()
    tokens = torch.randint(TOKENS, (BATCH, TIME))
    peaks = []
    for call in (
        lambda: forward(old, tokens),
        lambda: forward(new, tokens),
        lambda: trace(old, new, example=tokens),
    ):
        call()  # so that the process has what it will use again
        start = _held("VmRSS")
        with open("/proc/self/clear_refs", "w", encoding="ascii") as fout:
            fout.write("5")
        call()
        peaks.append(_held("VmHWM") - start)
    queue.put((megabytes(new.state_dict().values()), *peaks))


def costs(tokens):
    """Seconds of two forwards, of reading, of a growth, and of a step."""
    old, new = small(), large()
    optimizer = torch.optim.AdamW(old.parameters())
    step(old.train(), optimizer, tokens)
    both = seconds(forward, old, tokens) + seconds(forward, new, tokens)
    reading = seconds(trace, old, new, example=tokens)
    carried = seconds(carry, old, new, optimizer, example=tokens)
    step(new.train(), optimizer, tokens)
    return both, reading, carried, step(new, optimizer, tokens)


def main():
    """Prints the tables."""
    tokens = torch.randint(TOKENS, (BATCH, TIME))
    rows = [costs(tokens) for _ in range(REPETITIONS + 1)]
    number = sum(p.numel() for p in large().parameters())
    both, reading, carried, one = (statistics.median(c) for c in zip(*rows[1:]))
    print(f"{number:,} parameters, {BATCH} x {TIME} tokens")
    print(
        "two forwards s | reading s | more s | growth s | step s | growth / step"
    )
    print(
        f"{both:14.2f} | {reading:9.2f} | {reading - both:6.2f} | "
        f"{carried:8.2f} | {one:6.2f} | {carried / one:.2f}"
    )
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=memory, args=(queue,))
    process.start()
    weights, *peaks = queue.get()
    process.join()
    print("\nweights MB | forward of old MB | of new MB | reading both MB")
    print(f"{weights:10.0f} | " + " | ".join(f"{p:9.0f}" for p in peaks))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
