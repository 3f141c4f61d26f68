"""Kinds of run, the sizes that do not grow, and what cost about the same.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import NamedTuple

from speechbrain_growth.experiments.networks import CLOSE, Size, sizes_by_run

UNITS = ("macs", "cpu_seconds")  # the two costs side by side


class Kind(NamedTuple):
    """The finished runs of one name."""

    name: str
    runs: tuple  # of Run, one for each seed
    sizes: tuple  # a list of Size for each run, from growth to growth

    @property
    def grew(self):
        """Whether they grew."""
        return bool(self.runs[0].growths)

    @property
    def base(self):
        """Its name without the point of a grid."""
        return self.name.split(",")[0]

    @property
    def size(self) -> Size:
        """That of the last model."""
        return self.sizes[0][-1]

    @property
    def unit(self):
        """The unit of their budget; None if they have none."""
        budget = self.runs[0].budget
        return budget and budget.unit

    @property
    def losses(self):
        """The test of each seed; its negative if higher is better."""
        sign = 1 if self.runs[0].better == "lower" else -1
        return {run.seed: sign * run.test[run.metric] for run in self.runs}

    @property
    def loss(self):
        """The mean over seeds."""
        return math.fsum(self.losses.values()) / len(self.runs)

    @property
    def predicted(self):
        """The loss that was predicted, as a lowest and a highest one, or None."""
        found = self.runs[0].predicted
        if found is None:
            return None
        sign = 1 if self.runs[0].better == "lower" else -1
        ends = found if isinstance(found, list) else [found, found]
        return sorted(sign * end for end in ends)

    def cost(self, unit):
        """Returns what a run of it costs.

        Arguments
        ---------
        unit : str
            ``macs``, for instance.

        Returns
        -------
        float
            A mean over seeds; None if one did not log it.
        """
        spent = [run.cost(unit)[-1] for run in self.runs]
        return None if None in spent else math.fsum(spent) / len(spent)

    def planned(self, unit):
        """Returns the budget of its runs in a unit; what they cost without one."""
        if self.unit != unit:
            return self.cost(unit)
        amounts = [run.budget.amount for run in self.runs]
        return math.fsum(amounts) / len(amounts)


def kinds_of(runs):
    """Returns the kinds of run of which seeds are finished and tested.

    Arguments
    ---------
    runs : list of Run
        All of one metric.

    Returns
    -------
    list of Kind
    """
    kinds, ended = {}, [run for run in runs if run.finished]
    for run in ended:
        if run.test.get(run.metric) is not None:
            kinds.setdefault(run.name, []).append(run)
    sizes = sizes_by_run(ended)
    return [
        Kind(name, tuple(some), tuple(sizes[run.folder] for run in some))
        for name, some in kinds.items()
    ]


def static_sizes(kinds):
    """Returns the networks that do not grow, from the smallest one on.

    Arguments
    ---------
    kinds : list of Kind
        Those that start from another run are left out.

    Returns
    -------
    dict
        Lists of Kind, by Size.
    """
    sizes = {}
    for kind in kinds:
        anew = all(run.before is None for run in kind.runs)
        if not kind.grew and anew and kind.size.parameters is not None:
            sizes.setdefault(kind.size, []).append(kind)
    return {size: sizes[size] for size in sorted(sizes)}


def label_of(kinds):
    """Returns what a size is called.

    Arguments
    ---------
    kinds : list of Kind
        All of one size.

    Returns
    -------
    str
        The shortest of their names, without the point of a grid.
    """
    return min((kind.base for kind in kinds), key=len)


def budgets_of(kinds, unit):
    """Returns the kinds of run that cost about as much as others.

    Arguments
    ---------
    kinds : list of Kind
        Those with a budget in another unit are left out, unless others are to
        cost as much as they do.
    unit : str
        What their cost is counted in.

    Returns
    -------
    list of list of Kind
        For each budget those that grow, and those that do not; both are there.
    """
    named = {
        other
        for kind in kinds
        for run in kind.runs
        if run.equal and run.equal[0] == unit
        for other in [run.equal[1]]
    }
    free = (unit, None) if unit == "macs" else (unit,)
    members = [
        kind
        for kind in kinds
        if (kind.unit in free or kind.name in named) and kind.cost(unit)
    ]
    found, first = [], -math.inf
    for kind in sorted(members, key=lambda kind: kind.planned(unit)):
        if kind.planned(unit) > CLOSE * first:
            found.append([])
            first = kind.planned(unit)
        found[-1].append(kind)
    return [
        sorted(some, key=lambda kind: (kind.grew, kind.size))
        for some in found
        if {kind.grew for kind in some} == {True, False}
    ]
