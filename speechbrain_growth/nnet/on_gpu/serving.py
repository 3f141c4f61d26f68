"""Whether and how Triton computes a recurrence.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import os

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.nnet.kernels import OFF
from speechbrain_growth.nnet.on_gpu.how import How, name_of
from speechbrain_growth.nnet.walk import back_in_torch, in_torch

logger = get_logger(__name__)
DEVICE = "cuda"
FAR = 0.05  # what bfloat16 and three steps explain, relative to the largest


def how(like, act, norm=None):
    """How Triton computes a recurrence; None if it does not.

    Products have the precision that torch is set to for its own: the dtype of
    autocast inside it, and TF32 if ``torch.backends.cuda.matmul`` allows it.

    Arguments
    ---------
    like : torch.Tensor
        Has the device and the dtype of the states.
    act : callable
        The activation.
    norm : object
        What normalises the recurrent part; None if nothing does.

    Returns
    -------
    How

    Example
    -------
    >>> how(torch.zeros(1), torch.nn.ReLU()) is None
    True
    """
    served = like.device.type == DEVICE and norm is None and name_of(act)
    if not served or like.dtype not in (torch.float32, torch.float64):
        return None
    product, precision = like.dtype, "ieee"
    if product is torch.float32:
        if torch.is_autocast_enabled(DEVICE):
            product = torch.get_autocast_dtype(DEVICE)
        elif _rounds():
            precision = "tf32"
    found = How(product, precision)
    return found if _works(found, like.dtype, like.device) else None


def _rounds():
    """Whether torch may round the factors of products of float32 to TF32."""
    matmul = torch.backends.cuda.matmul
    try:  # since torch 2.9, where the other may be read no more
        return matmul.fp32_precision == "tf32"
    except AttributeError:
        return matmul.allow_tf32


@functools.lru_cache(maxsize=None)
def _works(found, dtype, device):
    """Whether Triton gives, on three steps, what torch's operations give."""
    if os.environ.get(OFF):
        return False
    try:
        far = _distance(found, dtype, device)
    except Exception as error:  # a compiler of this machine may raise anything
        problem = f"{type(error).__name__}: {error}"
    else:
        if far <= FAR:
            return True
        problem = f"its numbers were off by {far:.1e}"
    logger.warning(
        f"Triton does not compute the Li-GRU here, so SpeechBrain's slower loop "
        f"runs on the GPU: {problem[:500]}"
    )
    return False


def _distance(found, dtype, device):
    """How far both passes are from torch's, relative to the largest number."""
    from speechbrain_growth.nnet.on_gpu.walk_in_triton import (
        back_in_triton,
        in_triton,
    )

    units, act = 3, torch.nn.ReLU()
    numbers = torch.arange(200, dtype=dtype, device=device).sin()
    w = numbers[: 2 * 3 * 2 * units].view(2, 3, 2 * units)
    u = numbers[: 2 * units * units].view(2 * units, units)
    start, drop = numbers[: 4 * units].view(2, 2, units)
    gradient = w[..., :units]
    given = (w, u, start, drop, act, None, None, None)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        walks = in_torch(*given), in_triton(found, *given)
        expected = back_in_torch(gradient, u, drop, act, None, walks[0])
        came = back_in_triton(found, gradient, u, drop, act, None, walks[1])
    pairs = [(walks[0].after, walks[1].after), *zip(expected, came)]
    far = [((x - y).abs().max() / x.abs().max()).item() for x, y in pairs]
    return max(far) if all(one == one for one in far) else float("inf")
