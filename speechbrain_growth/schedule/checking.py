"""Checks the growths against the model and the length of the run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.afterwards.freezing import thawing
from speechbrain_growth.schedule.amounts import next_sizes
from speechbrain_growth.schedule.checks.dates import early_dates, late_dates
from speechbrain_growth.schedule.checks.sizes import wrong_amounts, wrong_sizes
from speechbrain_growth.schedule.searches.firefly import (
    unknown_names,
    unknown_sizes,
)


def check(growths, sizes, run, inline=None, cost=None):
    """Raises if a growth does not fit the model or the length of the run.

    Arguments
    ---------
    growths : list of Growth
        In the order of the schedule.
    sizes : dict
        All sizes of the model, as the run begins.
    run : Run
        Its totals, and which values of metrics are better.
    inline : dict
        Numbers that the YAML writes into the model, by their places, such as
        ``model.width``.
    cost : callable
        As for ``next_sizes``.

    Raises
    ------
    GrowthError
        Naming every growth that does not fit, and why.
    """
    models, dates = [dict(sizes)], {}

    def wrong(growth):
        """What is wrong with its sizes, its condition and its dates."""
        nonlocal models
        found, models = _grown(growth, models, inline or {}, cost)
        unmet = _wrong_condition(growth, run)
        if not unmet:
            unmet = late_dates(growth.condition, run)
            unmet += early_dates(growth, run, dates)
        unmet += thawing(growth, growths) + unknown_sizes(growth, growths)
        unmet += unknown_names(growth.amount.firefly, sizes)
        # Of an entry that repeats, the first has told
        return found + unmet if growth.time == 1 else []

    _refuse(growths, wrong)


def check_conditions(growths, run):
    """Raises if a condition cannot be due, once more is known of the run.

    Arguments
    ---------
    growths : list of Growth
        Those that are left.
    run : Run
        What is known of the run.

    Raises
    ------
    GrowthError
        Naming every such growth.

    Example
    -------
    >>> from speechbrain_growth.schedule.conditions.condition import Run
    >>> from speechbrain_growth.schedule.growth import parse
    >>> growths = parse([{"on_task": 3, "width": 8}])
    >>> check_conditions(growths, Run(tasks=3))
    >>> check_conditions(growths, Run(tasks=2))
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: growth[0] (on_task 3): on_task: task is 3, but the run has 2; drop the growth
    """
    _refuse(growths, lambda growth: _wrong_condition(growth, run))


def _refuse(growths, wrong):
    """Raises what a function finds wrong with growths, each by its place."""
    problems = [
        f"{growth.place}: {problem}"
        for growth in growths
        for problem in wrong(growth)
    ]
    if problems:
        raise GrowthError(problems)


def _wrong_condition(growth, run):
    """What is wrong with the condition of a growth."""
    try:
        growth.condition.check(run)
    except GrowthError as error:
        return list(error.problems)
    return []


def _grown(growth, models, inline, cost):
    """What is wrong with a growth; and the sizes that a model may then have.

    There are several once a growth chooses.
    """
    amount = growth.amount
    found = [p for now in models for p in wrong_amounts(amount, now, inline)]
    larger = models if found else []
    if amount.firefly is not None:
        return [], models  # only training tells
    for name, way in () if found else _ways(amount).items():
        head, wrong = f"choose: {name}: " if name else "", []
        steps = [next_sizes(way, now, growth.left, cost) for now in models]
        if not any(steps) and growth.time == 1 and not growth.adds_nothing:
            wrong.append(_nothing_new(way))
        for now, step in zip(models, steps):
            wrong += wrong_sizes(step, now, {})
            larger = [*larger, {**now, **step}]
        found += [head + problem for problem in wrong]
    distinct = {repr(sorted(one.items())): one for one in larger}
    return list(dict.fromkeys(found)), list(distinct.values())


def _ways(amount):
    """Its candidates; itself under an empty name if it does not choose."""
    return amount.candidates or {"": amount}


def _nothing_new(amount):
    """What to do about a growth that adds nothing."""
    if amount.max_params or amount.max_macs:
        return (
            "would pass max_params or max_macs, or adds nothing; raise the "
            "limit, or drop the entry"
        )
    return (
        "the model has these sizes already; name at least one larger size, or "
        "drop the entry"
    )
