"""Losses of two classes, as AdaNet has them.

Cortes et al. 2017, https://arxiv.org/abs/1607.01097. The function f of the paper
is the second score less the first. As long as a penalty is the sum of absolute
values, weights of both scores cost as much as those of f alone.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.errors import GrowthError


def binary_logistic(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Returns the mean of log(1 + exp(1 - y f)).

    Arguments
    ---------
    scores : torch.Tensor
        Shape (items, 2).
    labels : torch.Tensor
        0, where y is -1, or 1; shape (items,).

    Returns
    -------
    torch.Tensor
        One number.

    Raises
    ------
    GrowthError
        If there are other than two scores or labels.

    Example
    -------
    >>> binary_logistic(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    tensor(0.6931)
    """
    return torch.nn.functional.softplus(1 - _margins(scores, labels)).mean()


def binary_exponential(
    scores: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Returns the mean of exp(1 - y f).

    Arguments
    ---------
    scores : torch.Tensor
        Shape (items, 2).
    labels : torch.Tensor
        0, where y is -1, or 1; shape (items,).

    Returns
    -------
    torch.Tensor
        One number.

    Raises
    ------
    GrowthError
        If there are other than two scores or labels.

    Example
    -------
    >>> binary_exponential(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    tensor(1.)
    """
    return (1 - _margins(scores, labels)).exp().mean()


def _margins(scores, labels):
    """y f of each item."""
    if scores.shape[-1] != 2 or not bool((labels <= 1).all()):
        raise GrowthError(
            f"compute_cost: this loss is for two classes, but there are "
            f"{scores.shape[-1]} scores, and labels up to {int(labels.max())}; "
            "use outputs: 2 and a stream of two classes, such as "
            "speechbrain_growth.Pair, or torch.nn.functional.cross_entropy"
        )
    return (2 * labels - 1) * (scores[..., 1] - scores[..., 0])
