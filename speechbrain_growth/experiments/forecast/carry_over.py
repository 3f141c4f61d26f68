"""Measures the carry-over of runs that grew.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.forecast.checks import common_fit
from speechbrain_growth.experiments.forecast.sources import (
    network_of,
    points_of,
)
from speechbrain_growth.experiments.networks import in_words, sizes_by_run
from speechbrain_growth.experiments.statistics import mean_and_half

LIMITS = -1.0, 10.0  # rho is looked for between these


def carry_overs(runs):
    """Measures rho of every kind of run that grew.

    A network that grows at some loss goes on like a larger one that has had rho
    times the epochs which the larger one needs for that loss. The law of all
    sizes is fitted to the runs that did not grow, among them those of every
    size that the growing network has. A run that grows more than once has one
    rho for all of its growths. One that starts from an earlier run had its first
    size in that one, too; it must be among the runs, and must not have grown.

    Arguments
    ---------
    runs : list of Run
        Finished or not.

    Returns
    -------
    list of dict
        For each kind its ``name``, the epochs ``after`` which its first seed
        grew, and either ``rho`` (a mean over seeds) or ``why`` not.
    """
    ended = [run for run in runs if run.finished and _tested(run)]
    grown = {}
    for run in ended:
        if run.growths:
            grown.setdefault(run.name, []).append(run)
    static, has = {}, sizes_by_run(ended)
    for run in ended:
        if not run.growths and run.before is None:
            static.setdefault(has[run.folder][-1], []).append(run)
    known = [size for size in static if size.parameters is not None]
    sizes, law, why = sorted(known), None, ""
    networks = []
    try:
        if grown:
            networks = _networks(sizes, static)
            law = common_fit(networks)
    except GrowthError as error:
        why = f"not measured: {'; '.join(error.problems)}"
    return [
        {
            "name": name,
            "after": " and ".join(map(str, kind[0].growths)),
            **(
                {"why": why}
                if law is None
                else _measured(
                    kind, has, dict(zip(sizes, networks)), law, static
                )
            ),
        }
        for name, kind in grown.items()
    ]


def carry_over(law, floors, epochs, loss):
    """Returns rho of a run, or of all of its growths if there are several.

    Arguments
    ---------
    law : Fit
        B and b of all sizes.
    floors : list of float
        The floor of each size that the run has, in order.
    epochs : list of int
        How long it has each size.
    loss : float
        Where it ends.

    Returns
    -------
    float
        NaN if no rho between -1 and 10 leads there.

    Example
    -------
    >>> from speechbrain_growth.experiments.forecast.fitting import Fit
    >>> law = Fit((3.0, 1.0), 8.0, 1.0)
    >>> # 4 epochs: loss 5, for which the large one needs 2; then 6 epochs
    >>> round(carry_over(law, [3.0, 1.0], [4, 6], 1 + 8 / (0.5 * 2 + 6)), 6)
    0.5
    """
    low, high = LIMITS

    def end(rho):
        """Where the run ends with one rho."""
        return end_of(law, floors, epochs, rho)

    if not end(high) <= loss <= end(low):
        return math.nan
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if end(middle) > loss else (low, middle)
    return (low + high) / 2


def end_of(law, floors, epochs, rho):
    """Returns where a run that grows ends, by the law.

    Arguments
    ---------
    law : Fit
        B and b of all sizes.
    floors : list of float
        The floor of each size that the run has, in order.
    epochs : list of float
        How long it has each size.
    rho : float
        Its carry-over.

    Returns
    -------
    float
        NaN if a new size cannot be as good as the old one was.
    """
    spent = epochs[0]
    for old, new, rest in zip(floors, floors[1:], epochs[1:]):
        above = old + law.scale * spent**-law.exponent - new
        if above <= 0:
            return math.nan
        need = (above / law.scale) ** (-1 / law.exponent)
        spent = max(rho * need + rest, 1e-9)
    return floors[-1] + law.scale * spent**-law.exponent


def _networks(sizes, static):
    """The networks that did not grow, in the order of their sizes."""
    if len(sizes) < 2:
        raise GrowthError(
            f"runs that did not grow have {len(sizes)} sizes; add runs of the "
            "small and of the large network"
        )
    return [
        network_of(f"runs of {in_words(size, sizes)}", static[size], "macs")
        for size in sizes
    ]


def _measured(runs, sizes, networks, law, static):
    """Rho of the runs of one name; sizes by folder, networks by size."""
    rhos, known = [], dict(zip(networks, law.floors))
    for run in runs:
        has = sizes[run.folder]
        unknown = [size for size in has if size not in known]
        if unknown:
            every = [*known, *unknown]
            words = " and ".join(in_words(size, every) for size in unknown)
            return _not_measured(f"no run has {words} from start to end")
        first, last = (networks[has[place]].whole for place in (0, -1))
        epochs = spans_of(run, last)
        if run.before is not None:
            before = run.before.get("macs")
            ends = {macs for one in static[has[0]] for macs in one.cost("macs")}
            if before not in ends or not first:
                return _not_measured(
                    "the run from which it starts is not among these, or grew"
                )
            epochs[0] += before / first
        if not epochs[0]:
            return _not_measured("it grew before it was trained")
        floors = [known[size] for size in has]
        (end,) = points_of(run)
        rhos.append(carry_over(law, floors, epochs, end.loss))
    if any(map(math.isnan, rhos)):
        return _not_measured(f"no rho from {LIMITS[0]:g} to {LIMITS[1]:g} fits")
    return {"rho": mean_and_half(rhos)}


def _not_measured(why):
    """What stands in place of rho."""
    return {"why": f"not measured: {why}"}


def spans_of(run, whole):
    """Returns for how many epochs a run had each of its sizes.

    Arguments
    ---------
    run : Run
        A finished one.
    whole : float
        MACs of a whole epoch of its last size; None if that is not known. A
        budget may have ended the last epoch of the run.

    Returns
    -------
    list
        One number from growth to growth.
    """
    borders = [0, *run.growths, run.epochs[-1]["epoch"]]
    spans = [b - a for a, b in zip(borders, borders[1:])]
    if run.budget and whole:
        before, end = [(run.before or {}).get("macs", 0), *run.cost("macs")][
            -2:
        ]
        spans[-1] -= 1 - min((end - before) / whole, 1.0)
    return spans


def _tested(run):
    """Whether a run's test has the metric."""
    return run.test.get(run.metric) is not None
