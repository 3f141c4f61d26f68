"""A memory of items, and what experts say of them; functions of tensors.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable

import torch
from torch.nn.functional import cross_entropy


def remembered(
    memory: torch.Tensor,
    items: torch.Tensor,
    size: int,
    known: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Adds items to a memory; what is known best makes room for them.

    Arguments
    ---------
    memory : torch.Tensor
        Indices of the items that it holds, oldest first.
    items : torch.Tensor
        Indices of those that came.
    size : int
        How many it holds at most.
    known : callable
        Takes the memory, and returns a number for each of its items; the
        lowest is dropped first, of equal ones the oldest. It is called if there
        is no room.

    Returns
    -------
    torch.Tensor
        Indices, oldest first.

    Example
    -------
    >>> came = torch.tensor([7, 8])
    >>> remembered(torch.tensor([4, 5, 6]), came, 4, lambda m: (m - 5).abs())
    tensor([4, 6, 7, 8])
    """
    items = items[-size:]
    excess = len(memory) + len(items) - size
    if excess > 0:
        dropped = known(memory).argsort(stable=True)[:excess]
        kept = torch.ones(len(memory), dtype=torch.bool)
        kept[dropped.to(kept.device)] = False
        memory = memory[kept]
    return torch.cat([memory, items])


def agreement(scores: torch.Tensor) -> float:
    """Returns on how many items an old expert predicts as the newest does.

    Arguments
    ---------
    scores : torch.Tensor
        Of each expert, the newest last, shape (experts, items, classes).

    Returns
    -------
    float
        A share, that of the old expert which agrees most; NaN if there is none.

    Example
    -------
    >>> first, second = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> agreement(torch.stack([first, second]))
    0.5
    """
    *old, newest = scores.argmax(2)
    shares = [float((one == newest).double().mean()) for one in old]
    return max(shares, default=float("nan"))


def novelty(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns how little experts know of each item.

    Arguments
    ---------
    scores : torch.Tensor
        Of each expert, shape (experts, items, classes).
    labels : torch.Tensor
        Shape (items,).

    Returns
    -------
    torch.Tensor
        The mean cross-entropy of all experts, shape (items,).

    Example
    -------
    >>> novelty(torch.zeros(3, 1, 2), torch.tensor([1]))
    tensor([0.6931])
    """
    losses = [cross_entropy(one, labels, reduction="none") for one in scores]
    return torch.stack(losses).mean(0)
