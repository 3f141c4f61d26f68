"""Checks how the tensors of two models are stored: shared, dtype, values.

Authors
 * The speechbrain_growth authors 2026
"""

import sys

from torch.nn.parameter import is_lazy

from speechbrain_growth.engine.maps.widths import same
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError


def check_sharing(old, new, plan):
    """Checks tensors that have several names, such as tied weights.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        What each tensor copies.

    Returns
    -------
    list of str
        What is wrong.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> old, new = (nn.Sequential(nn.Linear(n, n)) for n in (2, 2))
    >>> check_sharing(old, new, trace(old, new))
    []
    """
    before, after = names_of_shared(old), names_of_shared(new)
    problems = []
    for name, others in after.items():
        was = {plan.before(other) for other in others}
        if set(before.get(plan.before(name), was)) != was:
            problems.append(
                f"{name}: shares its tensor in one model only, or with other "
                "names; let the same names share it in both"
            )
        elif not alike(*(plan.tensors.get(n, ()) for n in (others[0], name))):
            problems.append(
                f"{name}: is the same tensor as {others[0]}, but would grow "
                "differently; keep its sizes, or give each a tensor of its own"
            )
    return problems


def names_of_shared(model):
    """All names of the tensor behind each name."""
    found, kinds = {}, (model.named_parameters, model.named_buffers)
    for named in kinds:
        for name, tensor in named(remove_duplicate=False):
            place = tensor.data_ptr() or id(tensor)
            found.setdefault(place, []).append(name)
    return {name: names for names in found.values() for name in names}


def alike(axes, others):
    """Whether two plans of one tensor are the same.

    Arguments
    ---------
    axes : tuple
        An ``Axis`` or None for each dimension.
    others : tuple
        The same.

    Returns
    -------
    bool
    """
    return all(_same_axis(*pair) for pair in zip(axes, others))


def _same_axis(one, other):
    """Whether two axes copy the same, with the same shares."""
    grow = [axis and not axis.width.is_identity for axis in (one, other)]
    if not all(grow):
        return not any(grow)
    return one.role == other.role and same(one.width, other.width)


def check_shapes(old, new):
    """Raises if tensors have no shape yet, or if processes share them out.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.

    Raises
    ------
    GrowthError
        Naming the first tensor whose shape the first batch decides, or, of each
        model, those that ``fully_shard`` has turned into a ``DTensor``.
    """
    pairs = ("old", old), ("new", new)
    sharded = [p for pair in pairs for p in _sharded(*pair)]
    if sharded:
        raise GrowthError(sharded)
    for which, model in pairs:
        lazy = [n for n, p in model.named_parameters() if is_lazy(p)]
        if lazy:
            raise GrowthError(
                f"{lazy[0]}: has no shape in the {which} model yet; run a "
                "batch through it first"
            )


def _sharded(which, model):
    """What to do about a model of which each process holds only a part."""
    # A process without such a tensor need not import it, which takes a second
    kind = getattr(sys.modules.get("torch.distributed.tensor"), "DTensor", None)
    named = [*model.named_parameters(), *model.named_buffers()]
    names = [n for n, tensor in named if kind and isinstance(tensor, kind)]
    if not names:
        return []
    return [
        f"{names[0]} and {len(names) - 1} others: are sharded over processes in "
        f"the {which} model (DTensor); grow plain modules that have the full "
        "weights (get_model_state_dict with full_state_dict=True), and use "
        "fully_shard on the result"
    ]


def check_values(old, new, plan):
    """Raises if the values of tensors cannot be carried to the new model.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        What each tensor copies.

    Raises
    ------
    GrowthError
        Naming tensors without values, or of another dtype.
    """
    before, after = state_of(old), state_of(new)
    pairs = {n: (before[plan.before(n)], after[n]) for n in plan.tensors}
    kinds = {}
    for name, (one, other) in pairs.items():
        if one.is_meta or other.is_meta:
            wrong = (
                "without values, on the meta device; use to_empty() and load "
                "weights"
            )
        elif one.dtype != other.dtype:
            wrong = (
                f"of {one.dtype} and would be of {other.dtype}; "
                f"use new.to({one.dtype})"
            )
        else:
            continue
        kinds.setdefault(wrong, []).append(name)
    problems = [
        f"{names[0]} and {len(names) - 1} others: are {wrong}"
        for wrong, names in kinds.items()
    ]
    if problems:
        raise GrowthError(problems)
