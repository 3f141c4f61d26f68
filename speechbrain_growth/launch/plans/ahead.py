"""Lists the growths that a run has ahead, with the sizes before and after.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.plans.spans import spans
from speechbrain_growth.schedule.amounts import candidate_sizes, next_sizes
from speechbrain_growth.schedule.growth import Growth


class Ahead(NamedTuple):
    """A growth that a run has ahead, or one of the candidates of such a growth.

    Arguments
    ---------
    growth : Growth
        When it is due, and how much it adds.
    name : str
        Of the candidate; empty if the growth does not choose.
    before : dict
        All sizes before it.
    larger : dict
        The sizes that it sets.
    number : int
        The same for all candidates of a growth.
    span : tuple
        From ``spans``.
    """

    growth: Growth
    name: str
    before: dict
    larger: dict
    number: int = 0
    span: tuple = ()

    @property
    def after(self):
        """All sizes after it."""
        return {**self.before, **self.larger}

    @property
    def when(self):
        """Its condition in words, and its name."""
        return f"{self.growth.when}{self.name and f': {self.name}'}"


def growths_ahead(schedule, sizes, first):
    """Returns the growths that add or set something.

    What comes after a choice is listed as if the candidate with the most MACs
    were chosen.

    Arguments
    ---------
    schedule : GrowthSchedule
        Knows the run's totals, and the cost of a model.
    sizes : dict
        All sizes of the present model.
    first : int
        Number of the first growth that has not happened.

    Returns
    -------
    list of Ahead

    Raises
    ------
    GrowthError
        Naming every growth that the run is too short for.
    """
    found, now = [], sizes
    for growth in schedule.growths[first:]:
        ways = _ways(growth, now, schedule.cost)
        if ways:
            found.append(ways)
            now = ways[0].after
        if len(ways) > 1:
            most = max(ways, key=lambda one: schedule.cost(one.after)[1])
            now = most.after
    epochs, done = schedule.run.totals["epoch"], schedule.last.get("epoch", 0)
    decided = [(done, done)] if schedule.pending and found else []
    left = [ways[0].growth for ways in found[len(decided) :]]
    seen = 0 if decided else len(schedule.seen)
    when = decided + spans(left, epochs, schedule.run, done, seen)
    ahead = [
        one._replace(number=number, span=span)
        for number, (ways, span) in enumerate(zip(found, when))
        for one in ways
    ]
    problems = [_too_late(one, epochs) for one in ahead if _must(one, epochs)]
    problems += _closed_windows(ahead, schedule.run)
    if problems and not done:  # else it may have waited in vain
        raise GrowthError(list(dict.fromkeys(problems)))
    return [one for one in ahead if one.span[0] < epochs]


def _closed_windows(ahead, run):
    """What is wrong with growths whose window ends before they are asked."""
    soonest, found = 0, []
    for one in ahead:
        dates = one.growth.condition.dates(run)
        end = {key: epoch for key, _, epoch in dates}.get("not_after")
        if end is not None and end < soonest and one.growth.time == 1:
            found.append(
                f"{one.growth.place}: not_after is {end}, but the growths before it "
                f"come after epoch {soonest - 1} at the earliest; give a later "
                "not_after"
            )
        soonest = one.span[0] + 1
    return found


def _must(one, epochs):
    """Whether a growth would come too late that is no mere repetition."""
    repeats = one.growth.time > 1 and not one.growth.amount.towards
    return one.span[0] >= epochs and not repeats


def _too_late(one, epochs):
    """What to do about a growth that cannot happen within the run."""
    return (
        f"{one.growth.place}: can happen after epoch {one.span[0]} at the "
        f"earliest, but the last epoch is {epochs}; let it, or the growths "
        f"before it, come sooner, or make the run longer"
    )


def _ways(growth, now, cost):
    """The growth, or its candidates; nothing if nothing is added."""
    if growth.amount.choose:
        larger = candidate_sizes(growth.amount, now, cost)
    else:
        larger = {"": next_sizes(growth.amount, now, growth.left, cost)}
    return [
        Ahead(growth, name, now, sizes)
        for name, sizes in larger.items()
        if sizes or growth.adds_nothing or growth.amount.firefly
    ]
