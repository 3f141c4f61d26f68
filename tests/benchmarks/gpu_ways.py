"""The ways of a Li-GRU that gpu.py times, and how it times them.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import functools
import importlib
import statistics
import time

import growth as growths
import torch

from speechbrain.nnet import RNN
from speechbrain_growth import carry
from speechbrain_growth.nnet import ligru

BATCH, FRAMES, WARM_UP = 16, 150, 3
FAST = "fast_sligru.fast_ligru"  # github.com/Adel-Moumen/fast_sligru


def pair(device, units, batch, frames):
    """The stock layer and ours, with the same weights."""
    made = []
    for kind in (RNN.LiGRU, ligru.LiGRU):
        torch.manual_seed(0)
        layer = kind(hidden_size=units, input_shape=(batch, frames, units))
        made.append(layer.to(device))
    return made


def recurrences(device, units, batch, frames):
    """One forward and backward pass of the recurrence, in several ways."""
    stock, own = (one.rnn[0] for one in pair(device, units, batch, frames))
    scripted = torch.jit.script(stock)
    fed = torch.randn(batch, frames, 2 * units).to(device).requires_grad_()
    start = torch.zeros(batch, units, device=device)
    if torch.is_autocast_enabled(device):  # as what is fed then is
        fed = fed.detach().to(torch.get_autocast_dtype(device)).requires_grad_()

    def pass_of(recur):
        """Forward, and back as a recipe does: outside of autocast."""

        def run():
            total = recur(fed, start).sum()
            with torch.autocast(device, enabled=False):
                total.backward()

        return run

    return {
        "stock": pass_of(stock._ligru_cell),
        "--jit": pass_of(scripted._ligru_cell),
        "ours, launched": launched(pass_of(own._recur)),
        "ours": pass_of(own._recur),
    }


def launcher():
    """The module that launches the kernels; imports Triton."""
    return importlib.import_module("speechbrain_growth.nnet.on_gpu.chunks")


@contextlib.contextmanager
def instead(**values):
    """Inside, the launcher has these values, and makes its chunks anew."""
    chunks = launcher()
    before = {name: getattr(chunks, name) for name in values}
    vars(chunks).update(values)
    _forget(chunks)
    try:
        yield
    finally:
        vars(chunks).update(before)
        _forget(chunks)


def _forget(chunks):
    """Drops all chunks."""
    chunks.forward_chunk.cache_clear()
    chunks.backward_chunk.cache_clear()


def launched(run):
    """The same with each kernel launched by itself, not as a graph."""
    chunks = launcher()
    own = {  # which are kept from run to run, apart from the others
        name: functools.lru_cache(maxsize=2)(getattr(chunks, name).__wrapped__)
        for name in ("forward_chunk", "backward_chunk")
    }

    def alone():
        """Runs so."""
        before = {name: getattr(chunks, name) for name in (*own, "recorded")}
        vars(chunks).update(own, recorded=lambda launch, device: launch)
        try:
            run()
        finally:
            vars(chunks).update(before)

    return alone


def tile(own, depth, warps):
    """Inside this context, kernels have such tiles."""
    return instead(OWN=own, DEPTH=depth, WARPS=warps)


def precisions(device):
    """By the dtype of products: what to surround a run with."""
    halves = {"float16": torch.float16, "bfloat16": torch.bfloat16}
    return {
        "float32": tf32(False),
        "TF32": tf32(True),
        **{n: torch.autocast(device, dtype=one) for n, one in halves.items()},
    }


@contextlib.contextmanager
def tf32(allowed):
    """Inside, torch may round products of float32, or must not."""
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, allowed
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def layers(device, units, batch, frames):
    """One forward and backward pass of whole layers."""
    shape = batch, frames, units
    stock, own = pair(device, units, batch, frames)
    made = {"stock": stock, "--jit": torch.jit.script(stock), "ours": own}
    made["cuDNN's GRU"] = RNN.GRU(units, input_shape=shape).to(device)
    with contextlib.suppress(ImportError):
        fast = importlib.import_module(FAST).LiGRU
        made["fast_sligru"] = fast(units, shape).to(device)
    inputs = torch.randn(shape).to(device).requires_grad_()
    return {
        name: lambda layer=layer: layer(inputs)[0].sum().backward()
        for name, layer in made.items()
    }


def times_of(ways, device, repetitions):
    """Median seconds of each way, after a warm-up."""
    return {
        name: statistics.median(
            [seconds(way, device) for _ in range(WARM_UP + repetitions)][
                WARM_UP:
            ]
        )
        for name, way in ways.items()
    }


def seconds(run, device):
    """Seconds until the device has done it."""
    wait(device)
    begin = time.perf_counter()
    run()
    wait(device)
    return time.perf_counter() - begin


def wait(device):
    """Waits until a GPU has done all that it was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def peak_of(run, device):
    """Most megabytes that a run takes beyond what is taken; 0 on a CPU."""
    if device != "cuda":
        run()
        return 0.0
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    wait(device)
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def growth(device, build=growths.crdnn, shape=(8, 300, growths.FEATURES)):
    """Time and memory of a growth of a large CRDNN with Adadelta's state."""
    old = build(1).to(device)
    optimizer = growths.trained(old)
    new = build(2).to(device)
    held = growths.megabytes(
        [*old.state_dict().values(), *growths._state(optimizer)]
    )
    inputs = torch.randn(shape).to(device)
    spent = []

    def carrying():
        """The growth, once."""
        spent.append(seconds(lambda: carry(old, new, optimizer), device))

    peak = peak_of(carrying, device)
    model = growths.megabytes(new.state_dict().values())
    larger = model + growths.megabytes(growths._state(optimizer))
    step = min(
        seconds(lambda: growths.step(new, optimizer, inputs), device)
        for _ in range(3)
    )
    return {
        "carrying s": f"{spent[0]:.3f}",
        "a step s": f"{step:.3f}",
        "old MB": f"{held:.0f}",
        "new MB": f"{larger:.0f}",
        "peak MB": f"{held + model + peak:.0f}",
    }
