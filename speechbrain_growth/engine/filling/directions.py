"""The directions in which new units promise most: tensors in, tensors out.

GradMax (https://arxiv.org/abs/2201.05125) lets nothing enter new units, and sends
what leaves them where the gradient for what enters is largest. TINY
(https://arxiv.org/abs/2405.19816) gives them both sides of the function that lowers
the loss fastest for its size. With M the sum over positions of what a unit could
read times the gradient of what leaves it, both are singular vectors of M; in TINY,
and behind a norm, of M in the basis in which what units read is white.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional

import torch

from speechbrain_growth.errors import GrowthError


class Directions(NamedTuple):
    """What enters and leaves new units, the most promising first.

    Arguments
    ---------
    into : torch.Tensor
        Incoming weights, and the bias last, shape (units, features). Length 1;
        in TINY and before a norm, what they give has a mean square of 1.
    mean : torch.Tensor
        Mean of what the incoming weights give without a bias, shape (units,).
        None unless a batch norm follows.
    out : torch.Tensor
        Outgoing weights of length 1, shape (units, outputs times kernel). A
        step along ``into`` times ``out`` lowers the loss.
    singular : torch.Tensor
        By how much, to first order, shape (units,).
    rank : int
        How many directions there are, also beyond the number of units.
    """

    into: torch.Tensor
    mean: Optional[torch.Tensor]
    out: torch.Tensor
    singular: torch.Tensor
    rank: int


class Asked(NamedTuple):
    """For which units directions are searched.

    Arguments
    ---------
    kind : str
        What stands between the layers: ``batch``, ``layer`` for norms, or
        nothing.
    bias : bool
        Whether the layer that makes the units has one.
    white : bool
        Whether what units read is made white; always before a norm.
    threshold : float
        Directions count whose singular value, and eigenvalue of the matrix of
        what units read, is above this part of the largest. At 0 all do.
    """

    kind: str
    bias: bool
    white: bool
    threshold: float


def directions(moments, asked, count, largest=0.0):
    """Finds the directions of new units.

    Arguments
    ---------
    moments : Moments
        Of the group.
    asked : Asked
        For which units.
    count : int
        Number of units.
    largest : float
        A singular value that is the largest if none is larger.

    Returns
    -------
    Directions

    Raises
    ------
    GrowthError
        If that matrix is singular and the threshold is 0.

    Example
    -------
    >>> from speechbrain_growth.engine.filling.moments import Moments
    >>> cross = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]).double()
    >>> moments = Moments(cross, torch.eye(3).double(), 1)
    >>> directions(moments, Asked("", True, False, 1e-6), 1).singular
    tensor([4.], dtype=torch.float64)
    """
    kind, threshold = asked.kind, asked.threshold
    cross, square = _read(moments, kind, asked.bias)
    basis = torch.eye(len(cross), dtype=cross.dtype, device=cross.device)
    if asked.white or kind:
        basis = whitening(square, threshold)
    left, values, right = torch.linalg.svd(basis.T @ cross, full_matrices=False)
    largest = max([largest, *values[:1].tolist()])
    rank = int((values > threshold * largest).sum())
    kept = min(rank, count)
    into, mean = (basis @ left[:, :kept]).T, None
    if kind == "batch":
        mean = into @ moments.mean_square[-1, :-1]
    return Directions(
        into,
        mean,
        -right[:kept],
        values[:kept],
        rank,
    )


def _read(moments, kind, bias):
    """What a unit reads times what is asked of it, and times itself."""
    cross, square = moments.mean_cross, moments.mean_square
    if kind == "batch":  # centred: the norm takes the mean away, and the bias
        mean = square[-1, :-1]
        cross = cross[:-1] - mean[:, None] * cross[-1]
        square = square[:-1, :-1] - mean[:, None] * mean
        return cross, square
    if kind == "layer":
        # The norm takes the mean of the old units from each new one, which is
        # nothing to outgoing weights at right angles to what that would send
        size = len(cross) - 2 - (not bias)
        return _without(cross[:size], cross[-2]), square[:size, :size]
    size = len(cross) - (not bias)
    return cross[:size], None if square is None else square[:size, :size]


def promised(moments, kind, found, eps=0.0):
    """The slope of the loss along what enters times what leaves each unit.

    Arguments
    ---------
    moments : Moments
        Of any batches.
    kind : str
        As for ``directions``.
    found : Directions
        Of the units.
    eps : float
        That of a batch norm.

    Returns
    -------
    torch.Tensor
        For activations of slope 1, shape (units,).
    """
    cross, into = moments.mean_cross, found.into
    sent = (into @ cross[: into.shape[1]] * found.out).sum(1)
    if kind == "batch":
        sent = sent - found.mean * (found.out @ cross[-1])
        return sent / (1 + eps) ** 0.5
    if kind == "layer":
        return sent - found.out @ cross[-2]
    return sent


def whitening(square, threshold):
    """Returns W with W' S W = 1 on the span of all eigenvectors that count.

    Arguments
    ---------
    square : torch.Tensor
        S, symmetric, shape (features, features).
    threshold : float
        Eigenvalues count above this part of the largest.

    Returns
    -------
    torch.Tensor
        Shape (features, eigenvectors).

    Raises
    ------
    GrowthError
        If S is singular and the threshold is 0.

    Example
    -------
    >>> square = torch.diag(torch.tensor([4.0, 0.0], dtype=torch.float64))
    >>> whitening(square, 1e-6).abs().flatten()
    tensor([0.5000, 0.0000], dtype=torch.float64)
    """
    values, vectors = torch.linalg.eigh(square)
    floor = threshold * values[-1].clamp(min=0)
    if not threshold:
        if (
            values[0]
            <= len(values) * torch.finfo(values.dtype).eps * values[-1]
        ):
            raise GrowthError(
                "the matrix of what the units read is singular, as inputs are "
                "constant or depend on each other, or there are too few "
                "batches, and threshold is 0; use threshold: 1e-6"
            )
    kept = values > floor
    return vectors[:, kept] / values[kept].sqrt()


def natural_step(moments, bias, threshold):
    """The natural-gradient step of the layer behind, as TINY takes it.

    The change of its weights whose outputs are nearest to what the gradient asks
    for, in the mean of squares.

    Arguments
    ---------
    moments : Moments
        Those of the layer behind.
    bias : bool
        Whether that layer has one.
    threshold : float
        As for ``directions``.

    Returns
    -------
    torch.Tensor
        To be taken from weights and bias, shape (outputs, features); 0 for a
        bias that there is not.
    """
    size = len(moments.old_cross) - (not bias)
    white = whitening(moments.old_square[:size, :size], threshold)
    step = torch.zeros_like(moments.old_cross)
    step[:size] = white @ (white.T @ moments.old_cross[:size])
    return step.T


def _without(rows, direction):
    """Rows without their part along a direction."""
    length = direction.square().sum()
    if not length:
        return rows
    return rows - (rows @ direction)[:, None] * direction / length
