"""Finds numbers that are not finite, in a batch and in a model.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

IN_THE_DATA = "its batch holds numbers that are not finite"
MOST = 3  # names in a sentence


def _listed(names):
    """The first names, and how many more there are."""
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "")


def rows_not_finite(batch):
    """Finds the examples of a batch that hold NaN or infinity.

    Arguments
    ---------
    batch : object
        A tensor of shape (batch, ...), or a dict, tuple, list or
        ``PaddedBatch`` with such tensors in it.

    Returns
    -------
    list of int
        Their positions, from 0.

    Example
    -------
    >>> inputs = torch.tensor([[1.0], [float("nan")], [2.0]])
    >>> rows_not_finite([inputs, torch.tensor([0.5, 1.0, float("inf")])])
    [1, 2]
    """
    if isinstance(batch, torch.Tensor):
        if not (batch.dim() and batch.numel() and batch.is_floating_point()):
            return []
        broken = batch.isfinite().logical_not().reshape(len(batch), -1).any(1)
        return broken.nonzero().flatten().tolist()
    if isinstance(batch, dict):
        batch = batch.values()
    if isinstance(batch, (str, bytes)) or not hasattr(batch, "__iter__"):
        return []
    return sorted({row for part in batch for row in rows_not_finite(part)})


def suspects(batch):
    """Says which examples may have given a loss that is not finite.

    Arguments
    ---------
    batch : object
        As for ``rows_not_finite``. The names of its examples are in ``id``, if
        it has that.

    Returns
    -------
    str

    Example
    -------
    >>> suspects([torch.tensor([[1.0], [float("nan")], [2.0]])])
    'its batch holds numbers that are not finite, in example 2'
    >>> suspects([torch.ones(3, 1)])
    'the numbers in its batch are finite'
    """
    rows, names = rows_not_finite(batch), getattr(batch, "id", None)
    if names is None and isinstance(batch, dict):
        names = batch.get("id")
    if rows:
        named = names is not None and rows[-1] < len(names)
        where = [str(names[r] if named else f"example {r + 1}") for r in rows]
        return f"{IN_THE_DATA}, in {_listed(where)}"
    of = f" ({_listed(list(map(str, names)))})" if names is not None else ""
    return f"the numbers in its batch{of} are finite"


def not_finite(modules):
    """Names the weights and statistics of a model that are not finite.

    A buffer may be infinite, as a mask is; it may not be NaN.

    Arguments
    ---------
    modules : torch.nn.Module
        Its parameters and buffers are looked at.

    Returns
    -------
    str
        Empty if there are none.

    Example
    -------
    >>> layer = torch.nn.Linear(2, 1)
    >>> not_finite(layer)
    ''
    >>> _ = torch.nn.init.constant_(layer.bias, float("nan"))
    >>> not_finite(layer)
    '1 of 2 tensors of the model (bias)'
    """
    parameters, buffers = (
        dict(modules.named_parameters()),
        modules.named_buffers(),
    )
    broken = [n for n, p in parameters.items() if not p.isfinite().all()]
    floating = {n: b for n, b in buffers if b.is_floating_point()}
    broken += [name for name, b in floating.items() if b.isnan().any()]
    if not broken:
        return ""
    count = len(parameters) + len(floating)
    return f"{len(broken)} of {count} tensors of the model ({_listed(broken)})"
