"""Checks what ``carry`` is given, before anything changes.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Integral, Real

import torch
from torch.nn.parameter import is_lazy

from speechbrain_growth.engine.births.layers import WAYS, Birth
from speechbrain_growth.engine.births.symmetry import symmetry_of
from speechbrain_growth.engine.optimizers import wrapped_by
from speechbrain_growth.errors import GrowthError

SEEDS = 2**63


def check_arguments(optimizer, symmetry, seed, birth, fold, tolerance=None):
    """Checks all arguments of ``carry`` but the models and the example.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer or list
        As ``carry`` takes it.
    symmetry : str, dict or Symmetry
        The same.
    seed : int
        The same.
    birth : Birth
        The same.
    fold : int
        The same.
    tolerance : float
        The same.

    Returns
    -------
    list of torch.optim.Optimizer
    Symmetry
    Birth

    Raises
    ------
    GrowthError
        Naming each that is wrong.

    Example
    -------
    >>> check_arguments(None, "fresh", seed=0, birth=None, fold=None)[1].way
    'fresh'
    """
    optimizers = _listed(optimizer)
    problems = [text for one in optimizers for text in _of_optimizer(one)]
    if len(set(map(id, optimizers))) < len(optimizers):
        problems.append("optimizer: one is given twice; give each once")
    if not _is_whole(seed) or not -SEEDS <= seed < SEEDS:
        problems.append(f"seed is {seed!r}; use a whole number, as 0")
    if fold is not None and not (_is_whole(fold) and fold > 0):
        problems.append(
            f"fold is {fold!r}; use a number of steps, 1 or above, or None"
        )
    if tolerance is not None and not _is_amount(tolerance):
        problems.append(
            f"tolerance is {tolerance!r}; use a number, at least 0, or None"
        )
    birth = Birth() if birth is None else birth
    if not isinstance(birth, Birth):
        problems.append(f"birth is {birth!r}; use Birth(way={birth!r})")
    elif birth.way is not None and birth.way not in WAYS:
        problems.append(f"birth is {birth.way!r}; use {', '.join(WAYS)}")
    try:
        symmetry = symmetry_of(symmetry)
    except GrowthError as error:
        problems += error.problems
    if problems:
        raise GrowthError(problems)
    return optimizers, symmetry, birth


def losses_of(batch, symmetry):
    """Reads the argument ``batch`` of ``carry``.

    Arguments
    ---------
    batch : callable or list of callable
        As ``carry`` takes it.
    symmetry : Symmetry
        How the new units begin.

    Returns
    -------
    list of callable
        Empty if this symmetry needs none.

    Raises
    ------
    GrowthError
        If it is missing, or there for nothing.

    Example
    -------
    >>> losses_of(None, symmetry_of("fresh"))
    []
    """
    losses = list(batch) if isinstance(batch, (list, tuple)) else [batch]
    if not symmetry.fills:
        if batch is not None:
            raise GrowthError(
                f"batch: symmetry {symmetry} reads no batches; leave it out, "
                'or use symmetry={"gradmax": 0.5}'
            )
        return []
    if not losses or not all(callable(loss) for loss in losses):
        raise GrowthError(
            f"batch is {batch!r}, but symmetry {symmetry} begins units from "
            "gradients; give a function that takes a model and returns the "
            "loss of a batch of training data, or a list of such"
        )
    return losses


def check_models(old, new):
    """Checks that a growth can write into the new model, and there alone.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model. A tensor of the same name and shape may be the old
        model's own.

    Raises
    ------
    GrowthError
        Naming each tensor that is wrong.
    """
    if old is new:
        raise GrowthError(
            "old and new are the same model; build new with larger sizes"
        )
    places = {name: _place(tensor) for name, tensor in _tensors(old)}
    owners = {place[0]: name for name, place in places.items()}
    problems = []
    for name, tensor in _tensors(new):
        place, held = _place(tensor), tensor.untyped_storage().nbytes()
        if tensor.is_inference():
            problems.append(
                f"{name}: was made in inference mode, so that it cannot be "
                "trained; build the new model outside of it"
            )
        elif tensor.numel() * tensor.element_size() > held:
            problems.append(
                f"{name}: several of its places share one number in memory, as "
                "after expand(); use .clone()"
            )
        elif place[0] in owners and places.get(name) != place:
            problems.append(
                f"{name}: shares its memory with {owners[place[0]]} of the old "
                "model; give the new model tensors of its own"
            )
    if problems:
        raise GrowthError(problems)


def _tensors(model):
    """Names and tensors of a model that have a place in memory."""
    for name, tensor in model.state_dict(keep_vars=True).items():
        known = isinstance(tensor, torch.Tensor) and not is_lazy(tensor)
        if known and tensor.layout is torch.strided and tensor.data_ptr():
            yield name, tensor


def _place(tensor):
    """Where a tensor is in memory."""
    storage = tensor.untyped_storage().data_ptr()
    return storage, tensor.storage_offset(), tensor.shape, tensor.stride()


def _listed(optimizer):
    """The optimizers as a list."""
    if isinstance(optimizer, (list, tuple)):
        return list(optimizer)
    return [] if optimizer is None else [optimizer]


def _of_optimizer(optimizer):
    """What is wrong with an optimizer."""
    if isinstance(optimizer, torch.optim.Optimizer):
        return []
    way = wrapped_by(optimizer) or "give one, or a list of them"
    kind = type(optimizer).__name__
    return [f"optimizer: {kind} is no torch.optim.Optimizer; {way}"]


def _is_whole(value):
    """Whether a value is a whole number."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_amount(value):
    """Whether a value is a number that is not below 0."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and value >= 0
