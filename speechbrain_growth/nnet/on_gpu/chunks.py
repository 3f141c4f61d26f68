"""Some steps of the recurrence at once, recorded as one CUDA graph.

Started from Python, a step's kernel takes longer to launch than to run. A CUDA
graph launches those of ``STEPS`` steps at once. It reads and writes tensors of
its own, so a pass copies each part of a sequence in, replays, and copies out.
The length of a sequence is not part of a graph, and batches are filled up to
whole tiles, so few graphs serve all batches of a corpus.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
from typing import Callable, NamedTuple

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.nnet.on_gpu.steps import ahead, back

logger = get_logger(__name__)
STEPS = 25  # of a chunk
KEPT = 8  # chunks of each way; the one that was not used for longest goes
ROWS, OWN, DEPTH, WARPS = 16, 16, 64, 4  # rows, units, units summed over


class Size(NamedTuple):
    """What a chunk is made for; chunks are found again by it."""

    batch: int
    """Rows, in whole tiles."""
    units: int
    """As the layer has them: a padded unit must have weights of zero."""
    act: str
    """Name of the activation; empty in the backward pass."""
    dtype: torch.dtype
    """Of the states."""
    product: torch.dtype
    """Of the factors of products."""
    precision: str
    """Of products of float32: ``ieee`` or ``tf32``."""
    device: torch.device
    """Where it is computed."""
    stream: int
    """Two streams must not share tensors."""

    @property
    def padded(self):
        """Units in whole tiles."""
        return -(-self.units // DEPTH) * DEPTH

    def zeros(self, *shape, dtype=None):
        """A tensor on the device."""
        dtype = dtype or self.dtype
        # One made in inference mode could not be written to in training
        with torch.inference_mode(False):
            return torch.zeros(shape, dtype=dtype, device=self.device)

    def options(self):
        """How a kernel is launched."""
        tile = {"ROWS": ROWS, "OWN": OWN, "DEPTH": DEPTH, "num_warps": WARPS}
        return {"units": self.padded, "precision": self.precision, **tile}

    def grid(self):
        """Programs of a launch."""
        return self.padded // OWN, self.batch // ROWS


class Ahead(NamedTuple):
    """Tensors of a forward chunk; see ``steps.ahead`` for their shapes."""

    fed: torch.Tensor
    """One for each step."""
    u: torch.Tensor
    """Recurrent weight."""
    drop: torch.Tensor
    """Dropout mask."""
    states: torch.Tensor
    """Before the first step, then after each."""
    gates: torch.Tensor
    """One for each step."""
    run: Callable
    """Computes states and gates of all steps."""


class Back(NamedTuple):
    """Tensors of a backward chunk; see ``steps.back`` for their shapes."""

    slopes: torch.Tensor
    """One for each step."""
    update: torch.Tensor
    """One for each step."""
    u: torch.Tensor
    """Recurrent weight, turned."""
    upstream: torch.Tensor
    """To the states before each step."""
    totals: torch.Tensor
    """Gradients of the states before the first step, then after each."""
    run: Callable
    """Computes all totals from the last one."""


def chunk(way, size):
    """The tensors and the graph of a chunk, made at its first use.

    Arguments
    ---------
    way : callable
        ``forward_chunk`` or ``backward_chunk``.
    size : Size
        What it is for.

    Returns
    -------
    Ahead or Back
        Shared by all who ask for the same: copy results out at once.

    Example
    -------
    >>> cpu, real = torch.device("cpu"), torch.float32
    >>> size = Size(16, 3, "relu", real, real, "ieee", cpu, stream=0)
    >>> way = functools.lru_cache(lambda size: object())
    >>> chunk(way, size) is chunk(way, size)
    True
    """
    if size.device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        # Its memory belongs to the graph that somebody else records
        return way.__wrapped__(size)
    return way(size)


@functools.lru_cache(maxsize=KEPT)
def forward_chunk(size):
    """Makes a chunk of the forward pass.

    Arguments
    ---------
    size : Size
        What it is for.

    Returns
    -------
    Ahead
    """
    rows, units = size.batch, size.padded
    fed = size.zeros(STEPS, rows, 2, units)
    u = size.zeros(2, units, units, dtype=size.product)
    drop = size.zeros(rows, units)
    states = size.zeros(STEPS + 1, rows, units)
    gates = size.zeros(STEPS, rows, 2, units)

    def launch():
        """All steps, the first one first."""
        for t in range(STEPS):
            ahead[size.grid()](
                fed[t],
                u,
                drop,
                states[t],
                states[t + 1],
                gates[t],
                act=size.act,
                **size.options(),
            )

    return Ahead(fed, u, drop, states, gates, recorded(launch, size.device))


@functools.lru_cache(maxsize=KEPT)
def backward_chunk(size):
    """Makes a chunk of the backward pass.

    Arguments
    ---------
    size : Size
        What it is for.

    Returns
    -------
    Back
    """
    rows, units = size.batch, size.padded
    slopes = size.zeros(STEPS, rows, 2, units)
    update = size.zeros(STEPS, rows, units)
    u = size.zeros(units, 2, units, dtype=size.product)
    upstream = size.zeros(STEPS, rows, units)
    totals = size.zeros(STEPS + 1, rows, units)

    def launch():
        """All steps, the last one first."""
        for t in reversed(range(STEPS)):
            back[size.grid()](
                totals[t + 1],
                slopes[t],
                update[t],
                u,
                upstream[t],
                totals[t],
                **size.options(),
            )

    run = recorded(launch, size.device)
    return Back(slopes, update, u, upstream, totals, run)


def recorded(launch, device):
    """Launches once, and records the launches as a graph on a GPU.

    Arguments
    ---------
    launch : callable
        Launches kernels, and allocates nothing.
    device : torch.device
        Where they run.

    Returns
    -------
    callable
        Does the same. If no graph can be recorded, it launches one kernel
        after the other, and the log says why.

    Example
    -------
    >>> recorded(lambda: print("launched"), torch.device("cpu"))()
    launched
    launched
    """
    launch()  # compiles, which cannot be recorded
    if device.type != "cuda" or torch.cuda.is_current_stream_capturing():
        return launch
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads, such as NCCL's, may use the GPU meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            launch()
    except RuntimeError as error:
        logger.warning(
            "the steps of a Li-GRU could not be recorded as a CUDA graph, so "
            f"each is launched by itself, which is slower: {error}"
        )
        return launch
    return graph.replay
