"""Finds conditions that can never be due, or that contradict themselves.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import did_you_mean
from speechbrain_growth.schedule.conditions.measured import MEASURES
from speechbrain_growth.schedule.conditions.registry import CONDITIONS


def wrong_in(condition, run):
    """Returns what is wrong with a condition, and with those inside it.

    Arguments
    ---------
    condition : Condition
        Its arguments are of the right kinds.
    run : Run
        As for ``Condition.is_due``.

    Returns
    -------
    list of str
        Empty if nothing is wrong.

    Example
    -------
    >>> from speechbrain_growth.schedule.conditions.condition import Run
    >>> from speechbrain_growth.schedule.conditions.reading import read
    >>> wrong_in(read("every_epochs", 9), Run(totals={"epoch": 9}))
    ['every_epochs: needs 9 epochs, but the run has 9, and a growth happens between two; give a smaller number, or a longer run']
    """
    function, values = CONDITIONS[condition.name], condition.arguments
    dates = {key: number for key, _, number in condition.dates(run)}
    found = list(getattr(function, "wrong", _nothing)(values, run))
    least = least_epochs(condition)
    found += _too_late(least, dates, run.totals.get("epoch"))
    found += _never_together(condition, dates, run)
    found = [f"{condition.name}: {problem}" for problem in found]
    return found + [p for one in condition.inside for p in wrong_in(one, run)]


def least_epochs(condition):
    """Returns how many epochs a condition must have seen before it can be due.

    Arguments
    ---------
    condition : Condition
        Its window, and those inside it, are not looked at.

    Returns
    -------
    int
        0 for a date, which is found with the sizes if it is too late.
    """
    function = CONDITIONS[condition.name]
    least = 0 if condition.is_date else 1
    count = getattr(function, "least_epochs", lambda values: least)
    return count(condition.arguments)


def _nothing(values, run):
    """What is wrong with a condition that has no check of its own."""
    return []


def _too_late(least, dates, total):
    """What is wrong with epochs that a condition waits for."""
    end = dates.get("not_after")
    if end is not None and end < least:
        return [
            f"needs {least} epochs, but not_after is {end}, so that it is "
            "never asked; give a later not_after"
        ]
    if total is not None and end is None and least >= total:
        return [
            f"needs {least} epochs, but the run has {total}, and a growth "
            "happens between two; give a smaller number, or a longer run"
        ]
    return []


def _never_together(condition, dates, run):
    """What is wrong with conditions that must be due after the same epoch."""
    if condition.name != "all_of" or "not_after" in dates:
        end = dates.get("not_after")
        late = [
            f"not_after is {end}, but inside {key} is {number}; give a later "
            "not_after, or an earlier date"
            for one in condition.inside
            for key, unit, number in one.dates(run)
            if end is not None and unit == "epoch" and number > end
        ]
        return late
    names = [one.name for one in condition.inside]
    if "by_hand" in names:
        return [
            "by_hand is never due by itself, so all of them never are; drop it"
        ]
    tasks = {
        one.values["task"] for one in condition.inside if one.name == "on_task"
    }
    if len(tasks - {"each"}) > 1:
        return ["two tasks never begin at once; use any_of"]
    return []


def unreported(condition, run):
    """Returns what is wrong with metrics that the recipe does not report.

    Arguments
    ---------
    condition : Condition
        Those inside it are not looked at.
    run : Run
        Has the metrics that are reported, as far as they are known.

    Returns
    -------
    list of str
    """
    known = [*run.reports, *MEASURES]
    return [
        f"{condition.name}: there is no metric {metric!r}; "
        f"{hint and hint + ' '}the recipe reports {', '.join(run.reports)}, "
        f"and measured are {', '.join(MEASURES)}"
        for metric in condition.own_metrics
        if run.reports and metric not in known
        for hint in [did_you_mean(metric, known)]
    ]
