"""How Triton computes a recurrence: what a pass needs beside its tensors.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

from speechbrain_growth.nnet.walk import kind_of

NAMES = {
    torch.nn.ReLU: "relu",
    torch.nn.LeakyReLU: "leaky_relu",
    torch.nn.Tanh: "tanh",
}


class How(NamedTuple):
    """How products are computed; sums have the dtype of the states."""

    product: torch.dtype
    """Of their factors."""
    precision: str
    """Of those of float32: ``ieee`` or ``tf32``."""


def name_of(act):
    """Names an activation as the kernels do.

    Arguments
    ---------
    act : callable
        A layer, or ``torch.sin``.

    Returns
    -------
    str
        None if the kernels do not have it.

    Example
    -------
    >>> name_of(torch.nn.Tanh())
    'tanh'
    """
    return NAMES.get(kind_of(act))
