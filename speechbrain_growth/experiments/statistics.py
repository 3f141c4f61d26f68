"""Summarises runs over seeds: means, intervals, paired tests, cost to a goal.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import math

from scipy import stats

from speechbrain_growth.experiments.cells import pairs_shown
from speechbrain_growth.experiments.runs import COSTS, epoch_macs

CONFIDENCE = 0.95


def summarize(runs, large=None):
    """Returns the numbers of a comparison.

    Arguments
    ---------
    runs : list of Run
        All with the same metric. Runs that are not finished are listed, and
        left out of every mean.
    large : str
        Name of the runs whose final metric is the goal; None for no goal.

    Returns
    -------
    dict
        ``metric``, ``better``, ``goal``, ``groups`` and ``pairs``.
    """
    lower = runs[0].better == "lower"
    groups = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    finished = {
        name: [run for run in group if run.finished]
        for name, group in groups.items()
    }
    finals = [run.curve[-1] for run in finished.get(large, [])]
    goal = mean_and_half(finals)["mean"] if finals else None
    pairs = [
        paired(key, *pair)
        for key in ("final", "test")
        for pair in itertools.combinations(
            [(name, by_seed(key, finished[name])) for name in groups], 2
        )
    ]
    return {
        "metric": runs[0].metric,
        "better": runs[0].better,
        "large": large,
        "goal": goal,
        "groups": [
            {
                "name": name,
                "seeds": [run.seed for run in finished[name]],
                "not_finished": {
                    run.seed: run.state for run in group if not run.finished
                },
                **_numbers(finished[name], goal, lower),
            }
            for name, group in groups.items()
        ],
        "pairs": _corrected(pairs, pairs_shown(list(groups), large)),
    }


def _corrected(pairs, shown):
    """Pairs with the p that is corrected for all that a report shows."""
    family = [p for p in pairs if (p["one"], p["other"]) in shown]
    for pair, p in zip(family, holm([pair["p"] for pair in family])):
        pair["holm"] = p
    return pairs


def holm(ps):
    """Corrects p for the number of tests, by Holm's method.

    In order, the smallest p is multiplied by the number of tests, the next by
    one less, and so on; none may fall below the one before (Holm, Scandinavian
    Journal of Statistics 6, 1979).

    Arguments
    ---------
    ps : list of float
        Of all tests of a family; None for one that could not be done, which
        does not count.

    Returns
    -------
    list of float
        In the order of ``ps``.

    Example
    -------
    >>> holm([0.04, 0.01, None, 0.03])
    [0.06, 0.03, None, 0.06]
    """
    order = sorted((p, at) for at, p in enumerate(ps) if p is not None)
    found, least = [None] * len(ps), 0.0
    for done, (p, at) in enumerate(order):
        least = found[at] = min(1.0, max(least, (len(order) - done) * p))
    return found


def _numbers(runs, goal, lower):
    """The numbers of the finished runs of one name."""
    if not runs:
        return {}
    reached = {run.seed: _first_at(run.curve, goal, lower) for run in runs}
    reached = {seed: at for seed, at in reached.items() if at is not None}
    return {
        "epochs": sorted({len(run.epochs) for run in runs}),
        "growths": sorted({epoch for run in runs for epoch in run.growths}),
        "budget": _mean_budget(runs),
        "epoch_macs": epoch_macs(runs),
        "parameters": sorted(
            {run.cost("parameters")[-1] for run in runs} - {None}
        ),
        **{
            key: mean_and_half(by_seed(key, runs).values())
            for key in ("final", "best", "test")
        },
        **{
            key: mean_and_half(run.cost(key)[-1] for run in runs)
            for key in COSTS
        },
        "to_goal": {
            "seeds": sorted(reached),
            **{
                key: mean_and_half(
                    run.cost(key)[reached[run.seed]]
                    for run in runs
                    if run.seed in reached
                )
                for key in COSTS
            },
        },
        "values": {
            key: by_seed(key, runs) for key in ("final", "best", "test")
        },
    }


def _mean_budget(runs):
    """The unit of the runs' budgets, and their mean; None without budgets."""
    units = {run.budget.unit if run.budget else None for run in runs}
    if None in units or len(units) > 1:
        return None
    return {units.pop(): sum(run.budget.amount for run in runs) / len(runs)}


def by_seed(key, runs):
    """Returns the metric of each run by its seed.

    Arguments
    ---------
    key : str
        ``final`` or ``best``, of the validation, or ``test``.
    runs : list of Run
        Finished ones.

    Returns
    -------
    dict
        None where the metric was not a number.
    """
    values = {}
    for run in runs:
        known = [value for value in run.curve if value is not None]
        choose = min if run.better == "lower" else max
        values[run.seed] = {
            "final": run.curve[-1],
            "best": choose(known, default=None),
            "test": run.test.get(run.metric),
        }[key]
    return values


def mean_and_half(values):
    """Returns a mean and half of its 95 % interval (Student's t).

    Arguments
    ---------
    values : iterable of float
        One for each seed.

    Returns
    -------
    dict
        ``mean``, ``half`` and ``number``; None for a mean if a value is
        missing, and for half an interval if there are fewer than two.

    Example
    -------
    >>> mean_and_half([1.0, 2.0, 3.0])
    {'mean': 2.0, 'half': 2.4841377117503303, 'number': 3}
    >>> mean_and_half([1.0])
    {'mean': 1.0, 'half': None, 'number': 1}
    """
    values = list(values)
    number = len(values)
    if not values or None in values:
        return {"mean": None, "half": None, "number": number}
    values = [float(value) for value in values]  # MACs may exceed 64 bits
    mean = math.fsum(values) / number
    half = None
    if number > 1:
        error = stats.sem(values)
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, number - 1) * error)
    return {"mean": mean, "half": half, "number": number}


def paired(key, one, other):
    """Returns one group minus another, paired over common seeds.

    Arguments
    ---------
    key : str
        What the values are.
    one : tuple
        A name, and a dict of values by seed; None for one that is not known.
    other : tuple
        The same of the group that is subtracted.

    Returns
    -------
    dict
        The mean and half of its 95 % interval, and ``p`` of a paired t-test;
        None for p if there are fewer than two common seeds, or if all
        differences are equal. ``holm`` is for what ``holm`` returns.

    Example
    -------
    >>> pair = paired("test", ("a", {1: 5.0, 2: 7.0}), ("b", {2: 4.0, 1: 3.0}))
    >>> pair["mean"], round(pair["p"], 3)
    (2.5, 0.126)
    """
    (name, values), (against, others) = one, other
    seeds = [
        seed
        for seed in values
        if values[seed] is not None and others.get(seed) is not None
    ]
    gaps = [values[seed] - others[seed] for seed in seeds]
    p = None
    if len(set(gaps)) > 1:
        p = float(stats.ttest_1samp(gaps, 0.0).pvalue)
    return {
        "of": key,
        "one": name,
        "other": against,
        "seeds": seeds,
        **mean_and_half(gaps),
        "p": p,
        "holm": None,
    }


def _first_at(curve, goal, lower):
    """The first epoch, from 0, at which a curve reaches a goal, or None."""
    if goal is None:
        return None
    for at, value in enumerate(curve):
        if value is not None and (value <= goal if lower else value >= goal):
            return at
    return None
