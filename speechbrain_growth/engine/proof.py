"""Proves a growth: both models compute the same on an example.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch

from speechbrain_growth.engine.carried.loose import carry_loose
from speechbrain_growth.engine.carried.split_outputs import as_split
from speechbrain_growth.engine.carried.statistics import take_statistics
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.probe import drift, see, twin_of
from speechbrain_growth.engine.reading.examples import made_up, run_of, running
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.engine.weighted_norm import weigh
from speechbrain_growth.errors import GrowthError

# Largest drift that is round-off, by the least precise dtype of a forward
ROUNDOFF = {torch.float64: 1e-9, torch.float32: 1e-5}
COARSE = 0.1  # of float16 and bfloat16


@contextlib.contextmanager
def undone_if_raised(new, needed=True):
    """Inside this context, ``new`` gets its weights.

    Arguments
    ---------
    new : torch.nn.Module
        The larger model. Whatever is raised, it is then as it was.
    needed : bool
        Whether anything inside can raise; if not, no copy is kept.

    Yields
    ------
    None

    Example
    -------
    >>> layer = torch.nn.Linear(1, 1)
    >>> with torch.no_grad(), contextlib.suppress(GrowthError):
    ...     with undone_if_raised(layer):
    ...         layer.weight[:] = 100
    ...         raise GrowthError("no")
    >>> float(layer.weight) < 100
    True
    """
    state = state_of(new) if needed else {}
    built = {name: tensor.clone() for name, tensor in state.items()}
    try:
        yield
    except Exception:
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(built[name])
        raise


def prove(old, new, plan, seen=None, tolerance=None):
    """Compares both models, once ``new`` has its weights.

    Both run in eval mode, as copies that share their weights.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        What each tensor copies.
    seen : Seen
        What the old model computes, from ``see_first``; None compares nothing.
    tolerance : float
        Largest drift; None takes that of the dtype.

    Raises
    ------
    GrowthError
        If they drift further apart, or one cannot run.

    Example
    -------
    >>> from torch import nn
    >>> from speechbrain_growth import trace
    >>> old, new = nn.Linear(2, 3), nn.Linear(2, 3)
    >>> seen = see_first(old, new, torch.ones(2))
    >>> prove(old, new, trace(old, new), seen)
    Traceback (most recent call last):
    ...
    speechbrain_growth.errors.GrowthError: the larger model computes ...
    """
    if seen is None:
        return
    with running("new"):
        found = see(complete(old, new, plan), seen.run).outputs
    far = _distance(seen.outputs, found, plan)
    if tolerance is None:
        tolerance = _roundoff(seen.dtypes)
    if far > tolerance:
        raise GrowthError(
            f"the larger model computes something else: on the example, "
            f"its outputs drift by {far:.1e}, and round-off explains "
            f"{tolerance:.0e}; a rule of a layer or of a function is "
            "wrong, or the forward draws random numbers in eval mode; "
            f"mend it, or accept the drift: tolerance={far:.0e}"
        )


def must_keep(symmetry, plan):
    """Whether the carried weights promise to keep the function, in eval mode.

    Arguments
    ---------
    symmetry : Symmetry
        How the new units begin.
    plan : Plan
        How the new layers begin.

    Returns
    -------
    bool
    """
    # A filling comes after the proof if it is not exact itself
    exact = symmetry.exact or symmetry.fills
    return exact and plan.promise < Exact.NO


def see_first(old, new, example=None):
    """What the old model computes on an example, if nothing was read.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    example : torch.Tensor, tuple, dict or callable
        As for ``carry``. If it is None, one is made up, where the first layer
        tells what both models take.

    Returns
    -------
    Seen
        None if there is no example.
    """
    if example is not None:
        with running("old"):
            return see(twin_of(old), run_of(example))
    with contextlib.suppress(GrowthError):  # of models that cannot be copied
        for examples in made_up(old):
            for run in map(run_of, examples):
                with contextlib.suppress(Exception):  # any code may raise any
                    seen = see(twin_of(old), run)
                    see(twin_of(new), run)
                    return seen
    return None


def complete(old, new, plan):
    """A twin of the new model, with all that it will have beside weights.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model; the twin has its parameters, and buffers of its own.
    plan : Plan
        What each tensor copies.

    Returns
    -------
    torch.nn.Module
    """
    twin = twin_of(new)
    take_statistics(old, twin, plan.moved)
    carry_loose(old, twin, plan)
    for name, (weights, dim) in plan.weights.items():
        weigh(twin.get_submodule(name), weights, dim, steps=1)
    return twin


def _distance(expected, found, plan):
    """Largest drift of the outputs, as far as the outputs' maps tell units."""
    if len(expected) != len(found):
        return float("inf")
    return max(
        (
            min(_apart(*pair, w, plan.splits) for w in _fitting(*pair, plan))
            for pair in zip(expected, found)
        ),
        default=0.0,
    )


def _fitting(one, other, plan):
    """The maps that an output may have, by its sizes; else that of the first."""
    sizes = list(zip(one.shape, other.shape))
    fitting = [w for w in plan.outputs if (w.old, w.new) in sizes]
    return fitting if plan.splits and fitting else [plan.output]


def _apart(one, other, width, splits):
    """Drift of one output, as far as its map tells its units."""
    split = width and width.drawn_by in [s.drawn_by for s in splits.values()]
    for dim, sizes in enumerate(zip(one.shape, other.shape)):
        if width and sizes[0] != sizes[1] == width.new:
            copies = (~width.fresh).nonzero()[:, 0].to(one.device)
            source = width.source.to(one.device)[copies]
            one = (
                as_split(one, dim, width)
                if split
                else one.index_select(dim, source)
            )
            other = other.index_select(dim, copies)
    same = one.shape == other.shape
    return drift(*_finite(one, other)) if same else 0.0


def _finite(one, other):
    """Two tensors with zeros where both are infinite, or no numbers, alike."""
    alike = (one == other) | (one.isnan() & other.isnan())
    alike &= ~one.isfinite()
    return one.masked_fill(alike, 0), other.masked_fill(alike, 0)


def _roundoff(dtypes):
    """The drift that round-off explains, by the dtypes that a forward has."""
    return max((ROUNDOFF.get(d, COARSE) for d in dtypes), default=COARSE)
