"""Units that leave the model and that no layer reads, such as classes.

The copies of a unit share its gradient, as the layer behind it reads each with
a part of its weight. No layer reads an output, so nothing is shared there.

Authors
 * The speechbrain_growth authors 2026
"""

import torch


def outputs_of(plan):
    """The keys of the units that leave the model and that no layer reads.

    Those that split from others share the gradient, and are not among them.

    Arguments
    ---------
    plan : Plan
        Of the growth.

    Returns
    -------
    set of tuple
        As in ``WidthMap.drawn_by``.
    """
    axes = [a for axes in plan.tensors.values() for a in axes if a]
    read = _keys(a.width for a in axes if a.role == "in")
    return _keys(plan.outputs) - read - _keys(plan.splits.values())


def axes_of_gradients(plan):
    """The axes of each tensor, with the shares of its gradient.

    Arguments
    ---------
    plan : Plan
        Of the growth.

    Returns
    -------
    dict
        As ``Plan.tensors``, but outputs have the share 1.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> plan = trace(Linear(3, 2), Linear(3, 4))
    >>> axes_of_gradients(plan)["bias"][0].width.share
    tensor([1., 1., 1., 1.], dtype=torch.float64)
    """
    outputs = outputs_of(plan)
    if not outputs:
        return plan.tensors
    return {
        name: tuple(axis and _unshared(axis, outputs) for axis in axes)
        for name, axes in plan.tensors.items()
    }


def copied_outputs(plan):
    """Says which outputs begin as copies of others.

    Arguments
    ---------
    plan : Plan
        Of the growth.

    Returns
    -------
    list of str
        One for each group of outputs.

    Example
    -------
    >>> from torch.nn import Linear
    >>> from speechbrain_growth import trace
    >>> copied_outputs(trace(Linear(3, 1), Linear(3, 3)))
    ['model units 1 -> 3: outputs 1, 2 begin as copies of 0, 0']
    """
    outputs, found = outputs_of(plan), {}
    for width in plan.outputs:
        new = width.is_new & ~width.fresh
        if new.any() and outputs.intersection(_keys([width])):
            places, sources = new.nonzero()[:, 0].tolist(), width.source[new]
            found[
                f"{width}: outputs {_listed(places)} begin as copies of "
                f"{_listed(sources.tolist())}"
            ] = True
    return list(found)


def _keys(maps):
    """The keys of the units in some maps."""
    return {key for width in maps for key, _ in width.drawn_by or ()}


def _unshared(axis, outputs):
    """An axis whose outputs have the share 1."""
    width = axis.width
    if axis.role == "in" or not outputs.intersection(_keys([width])):
        return axis
    alone = [
        torch.full((key[2] * each,), key in outputs)
        for key, each in width.drawn_by
    ]
    share = width.share.masked_fill(torch.cat(alone), 1)
    return axis._replace(width=width._replace(share=share))


def _listed(numbers, most=5):
    """Numbers as text; the first ones of many."""
    text = ", ".join(map(str, numbers[:most]))
    return f"{text} and {len(numbers) - most} more" if numbers[most:] else text
