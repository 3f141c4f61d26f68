"""Trains the directions of candidates, and scores them along a path.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

RATE = 0.1  # of Adam, relative to the norm bound


def train(candidates, losses, step):
    """Trains gates and directions together, one step for each batch.

    The gates stay between 0 and ``step``. What changes a unit by its gate has a
    root mean square of 1 at most, relative to that of the weights around it; so
    has what is added to weights of a fresh one, and to those of a new layer.

    Arguments
    ---------
    candidates : Candidates
        Its directions are changed.
    losses : list of callable
        As for ``Candidates.loss``, one for each batch.
    step : float
        The largest gate; all begin there.

    Returns
    -------
    torch.Tensor
        The gates, shape (candidates,).
    """
    gates = torch.full_like(candidates.zeros(), step).requires_grad_(True)
    groups = [
        {"params": [gates], "lr": RATE * step},
        {"params": candidates.leaves, "lr": RATE},
    ]
    optimizer = torch.optim.Adam(groups)
    bound(candidates)
    for number, loss in enumerate(losses):
        value = candidates.loss(gates, loss, number)
        leaves = [gates, *candidates.leaves]
        for leaf, slope in zip(leaves, _slopes(value, leaves)):
            leaf.grad = slope
        optimizer.step()
        with torch.no_grad():
            gates.clamp_(0, step)
        bound(candidates)
    return gates.detach()


def bound(candidates):
    """Shortens what passes the norm bound.

    Arguments
    ---------
    candidates : Candidates
        Its directions are changed.
    """
    units, sums, counts = candidates.units, {}, {}
    for one in candidates.gated.values():
        for what, rows in one.squares().items():
            for owners, squares, count in rows:
                known = owners >= 0
                for total, part in ((sums, squares), (counts, count)):
                    none = torch.zeros(len(units.gate), dtype=torch.float64)
                    total.setdefault(what, none)
                    total[what].index_add_(0, owners[known], part[known])
    factors = {}
    for what in sums:
        root = (sums[what] / counts[what].clamp(min=1)).sqrt()
        factor = 1 / root.clamp(min=1)
        bounded = units.sign == 1 if what == "split" else units.fresh
        factors[what] = torch.where(bounded, factor, 1.0)
    for one in candidates.gated.values():
        one.shrink(factors)
    if candidates.new_layers:
        candidates.new_layers.bound()


def scores(candidates, gates, losses, points):
    """By how much each candidate changes the loss, to first order on a path.

    All gates open together, from 0 to ``gates``. The score of one is the mean of
    its gradient at the midpoints of ``points`` equal parts of the path, times
    its gate. So the scores sum to the change of the loss, up to an error that
    falls by the square of ``points``. At 0 alone the gradient of a split is 0.

    Arguments
    ---------
    candidates : Candidates
        With trained directions.
    gates : torch.Tensor
        Shape (candidates,).
    losses : list of callable
        As for ``train``.
    points : int
        How many.

    Returns
    -------
    torch.Tensor
        float64, shape (candidates,).
    """
    total = torch.zeros_like(gates, dtype=torch.float64)
    for point in range(points):
        part = (point + 0.5) / points
        here = (part * gates).requires_grad_(True)
        for number, loss in enumerate(losses):
            value = candidates.loss(here, loss, number)
            total += _slopes(value, [here])[0].double()
    return gates.double() * total / (points * len(losses))


def _slopes(value, tensors):
    """Gradients; zeros where the loss does not depend on a tensor."""
    if not value.requires_grad:
        return [torch.zeros_like(tensor) for tensor in tensors]
    found = torch.autograd.grad(value, tensors, allow_unused=True)
    return [
        torch.zeros_like(tensor) if one is None else one
        for tensor, one in zip(tensors, found)
    ]
