"""Tells networks apart by their parameters, and by what an epoch of them costs.

A growth may change what a network sees, such as its frames, and no parameter.

Authors
 * The speechbrain_growth authors 2026
"""

from statistics import median
from typing import NamedTuple

CLOSE = 1.1  # costs that differ by less than this factor are one


class Size(NamedTuple):
    """One network among those of several runs."""

    parameters: int
    macs: float = 0.0  # of a whole epoch; 0 if no run logged one


def sizes_by_run(runs):
    """Returns the networks that runs have, from growth to growth.

    Networks with as many parameters are the same one if their epochs cost about
    as much. An epoch that a budget may have ended is taken for one of the
    cheapest network that it fits.

    Arguments
    ---------
    runs : list of Run
        Finished ones.

    Returns
    -------
    dict
        Lists of Size, by the folder of the run.
    """
    phases = {run.folder: list(_phases(run)) for run in runs}
    known = {}
    whole = {
        (parameters, macs)
        for found in phases.values()
        for parameters, macs, ended in found
        if macs and ended
    }
    for parameters, macs in sorted(whole, key=lambda one: one[1]):
        sizes = known.setdefault(parameters, [])
        if not sizes or macs > CLOSE * sizes[-1].macs:
            sizes.append(Size(parameters, macs))
    return {
        folder: [
            _nearest(known.get(parameters, []), parameters, macs)
            for parameters, macs, _ in found
        ]
        for folder, found in phases.items()
    }


def in_words(size, sizes):
    """Returns what tells a size from others.

    Arguments
    ---------
    size : Size
        Its MACs are named only if another size has as many parameters.
    sizes : iterable of Size
        All of them.

    Returns
    -------
    str

    Example
    -------
    >>> coarse, fine = Size(1200, 4.0e9), Size(1200, 8.0e9)
    >>> in_words(fine, [fine]), in_words(fine, [coarse, fine])
    ('1,200 parameters', '1,200 parameters, 8e+09 MACs an epoch')
    """
    words = f"{size.parameters:,} parameters"
    alike = [one for one in sizes if one.parameters == size.parameters]
    if len(alike) > 1 and size.macs:
        words += f", {size.macs:.3g} MACs an epoch"
    return words


def _phases(run):
    """From growth to growth: parameters, MACs of an epoch, if it was a whole one."""
    found = [(0, (run.before or {}).get("macs") or 0)]
    found += [(e["epoch"], e.get("macs")) for e in run.epochs if e["epoch"]]
    counts = {0: run.parameters_at_start}
    counts.update((e["epoch"], e.get("parameters")) for e in run.epochs)
    borders = [0, *run.growths, run.epochs[-1]["epoch"]]
    for begin, end in zip(borders, borders[1:]):
        rates = []
        for (first, before), (last, after) in zip(found, found[1:]):
            if begin < last <= end and after:
                whole = run.budget is None or (last, after) != found[-1]
                rates.append((whole, (after - before) / (last - first)))
        ended = any(whole for whole, _ in rates)
        macs = [rate for whole, rate in rates if whole or not ended]
        yield counts.get(end), median(macs) if macs else None, ended


def _nearest(sizes, parameters, macs):
    """The cheapest size that an epoch of so many MACs fits."""
    if macs is None:
        return sizes[0] if len(sizes) == 1 else Size(parameters)
    fits = [size for size in sizes if macs <= CLOSE * size.macs]
    return fits[0] if fits else Size(parameters, macs)
