"""The objective of AdaNet: a loss, and a price for each subnetwork.

Cortes et al. 2017, https://arxiv.org/abs/1607.01097: F(w) is the loss of
sum_j w_j h_j plus sum_j (lambda r_j + beta) |w_j|, where r_j bounds how complex
the functions of subnetwork j can be.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Callable, NamedTuple, Sequence

import numpy as np
import torch
from scipy.optimize import minimize

LEAST = 1e-3  # the share of F by which it must fall: less may be round-off
CLOSE = 1e-7  # of a gradient, to where the best weights are
MOST_STEPS = 5000


class Solved(NamedTuple):
    """The best weights of an output.

    Arguments
    ---------
    weights : torch.Tensor
        Shape (outputs, units).
    objective : float
        The loss with them, and their price.
    steps : int
        How often the loss was computed.
    off : float
        How far a gradient is from where the best weights are; at most ``CLOSE``
        unless ``MOST_STEPS`` were taken.
    """

    weights: torch.Tensor
    objective: float
    steps: int
    off: float


def complexity(
    reads: Sequence[int], largest: float, items: int, bound: float
) -> float:
    """Bounds the Rademacher complexity of the units of a layer.

    It is r Lambda_k sqrt(N_k log(2 n_0) / (2 m)) with Lambda_k = (2 Lambda)^k
    and N_k the product of n_0 to n_(k-1), which holds if what enters a unit has
    a Euclidean norm of at most Lambda.

    Arguments
    ---------
    reads : list of int
        n_0 to n_(k-1): how many units a unit of each layer reads.
    largest : float
        r: the largest absolute value of an input.
    items : int
        m, the size of the training data.
    bound : float
        Lambda.

    Returns
    -------
    float

    Example
    -------
    >>> round(complexity([8], largest=1.0, items=50, bound=1.0), 4)
    0.9419
    """
    scale = largest * (2 * bound) ** len(reads) * math.sqrt(math.prod(reads))
    return scale * math.sqrt(math.log(2 * reads[0]) / (2 * items))


def priced(price: float, weights: torch.Tensor) -> float:
    """Returns a price times the sum of absolute values; 0 if that is 0.

    Arguments
    ---------
    price : float
        May be infinite.
    weights : torch.Tensor
        Of any shape.

    Returns
    -------
    float

    Example
    -------
    >>> priced(math.inf, torch.zeros(2)), priced(0.5, torch.tensor([-2.0, 1.0]))
    (0.0, 1.5)
    """
    size = float(weights.abs().sum())
    return price * size if size else 0.0


def falls(before: float, after: float) -> bool:
    """Returns whether an objective falls by more than round-off.

    Arguments
    ---------
    before : float
        Its value, above 0.
    after : float
        Another one.

    Returns
    -------
    bool

    Example
    -------
    >>> falls(1.0, 0.9), falls(1.0, 0.9999)
    (True, False)
    """
    return before - after > LEAST * abs(before)


def solve(
    loss: Callable[[torch.Tensor], torch.Tensor],
    before: torch.Tensor,
    units: torch.Tensor,
    price: float,
) -> Solved:
    """Minimises loss(before + units weights^T) + price |weights|.

    The problem is convex. Positive and negative parts of the weights are
    solved for by L-BFGS-B (Byrd et al. 1995, https://doi.org/10.1137/0916069),
    so that weights can be 0.

    Arguments
    ---------
    loss : callable
        Takes scores, (items, outputs), and returns one number; convex.
    before : torch.Tensor
        Scores of what is not changed, shape (items, outputs); of 64 bits.
    units : torch.Tensor
        Shape (items, units); of 64 bits.
    price : float
        At least 0; may be infinite.

    Returns
    -------
    Solved

    Example
    -------
    >>> target = torch.tensor([[1.0], [3.0]]).double()
    >>> loss = lambda scores: (scores - target).square().mean()
    >>> units, zeros = torch.ones(2, 1).double(), torch.zeros(2, 1).double()
    >>> found = solve(loss, zeros, units, price=1.0)
    >>> round(found.weights.item(), 6), round(found.objective, 6)
    (1.5, 2.75)
    """

    shape = (before.shape[1], units.shape[1])

    def slope(weights):
        """The loss and its gradient."""
        with torch.enable_grad():
            weights = weights.detach().requires_grad_()
            value = loss(before + units @ weights.T)
            return value.item(), torch.autograd.grad(value, weights)[0]

    def joined(sides):
        """The objective of positive and negative parts, and its gradient."""
        value, gradient = slope(_difference(sides, before, shape))
        both = torch.stack([price + gradient, price - gradient])
        return value + price * sides.sum(), both.flatten().cpu().numpy()

    steps, weights = 1, before.new_zeros(shape)
    if _off(weights, slope(weights)[1], price) > CLOSE:
        found = minimize(
            joined,
            np.zeros(2 * weights.numel()),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, None)] * (2 * weights.numel()),
            options={
                "maxiter": MOST_STEPS,
                "maxfun": MOST_STEPS,
                "maxcor": 30,
                "gtol": CLOSE,
                "ftol": 0.0,
            },
        )
        weights = _difference(found.x, before, shape)
        steps += found.nfev
    value, gradient = slope(weights)
    whole = value + priced(price, weights)
    return Solved(weights, whole, steps, _off(weights, gradient, price))


def _difference(sides, like, shape):
    """Weights from their positive and negative parts."""
    positive, negative = torch.from_numpy(sides).to(like).view(2, *shape)
    return positive - negative


def _off(weights, gradient, price):
    """How far 0 is from the subgradients of the objective."""
    at_zero = (gradient.abs() - price).clamp(min=0)
    far = (gradient + price * weights.sign()).abs()
    return float(torch.where(weights == 0, at_zero, far).max())
