"""Checks the growths against the model and the length of the run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.amounts import next_sizes
from speechbrain_growth.schedule.asking import KEYS
from speechbrain_growth.schedule.growth import READERS


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
    problems, now, dates = [], dict(sizes), {}
    for growth in growths:
        found = _wrong_amounts(growth.amount, now, inline or {})
        for amount in (growth.amount, *growth.amount.choose.values()):
            if found or amount.choose:
                continue
            larger = next_sizes(amount, now, growth.left, cost)
            if not larger and growth.time == 1:
                found.append(_nothing_new(amount))
            elif amount is growth.amount:
                found += _wrong_sizes(larger, now, {})
                now.update({k: v for k, v in larger.items() if k in now})
        try:
            growth.condition.check(run)
            found += _late_dates(growth.condition, run)
            found += _early_dates(growth, run, dates)
        except GrowthError as error:
            found += error.problems
        if growth.time > 1:
            found = []  # the first of them has told
        problems += [f"{growth.place}: {problem}" for problem in found]
    if problems:
        raise GrowthError(problems)


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


def _late_dates(condition, run):
    """What is wrong with moments at which the run is over."""
    found = []
    for key, unit, number in condition.dates(run):
        total = run.totals.get(unit)
        if total is None or number < total:
            continue
        if unit == "epoch":
            found.append(
                f"{key} is {number}, but the last epoch is {total}; a growth "
                f"happens between epochs, after {total - 1} at most"
            )
        else:
            found.append(
                f"{key} is {number:g}, but the run ends at {total:g}; give a "
                "smaller number"
            )
    for one in condition.inside:
        found += _late_dates(one, run)
    return found


def _early_dates(growth, run, dates):
    """What is wrong with a date that is not later than one before it."""
    found = []
    if not growth.condition.is_date or growth.time > 1:
        return found
    for _, unit, number in growth.condition.dates(run):
        known = dates.setdefault(unit, {})
        if known and number <= max(known):
            latest = max(known)
            found.append(
                f"comes after growth[{known[latest]}] in the list, whose "
                f"{unit} is {latest}; each date must be later than those "
                "before it"
            )
        known[number] = growth.number
    return found


def _wrong_amounts(amount, now, inline):
    """What is wrong with an amount, compared with the model's sizes."""
    more = {key: n for key, n in amount.adds.items() if key in now}
    goals = {key: n for key, n in amount.towards.items() if key in now}
    found = _wrong_sizes(amount.sizes, now, inline)
    for key in [*amount.adds, *amount.towards]:
        if key not in now:
            found.append(_unknown(key, now, inline))
    for key, units in more.items():
        found += _wrong_length(f"adds: {key}", units, now[key])
    for key, goal in goals.items():
        longer = _wrong_length(f"towards: {key}", goal, now[key])
        found += longer or _wrong_sizes({key: goal}, now, inline)
    for inner in amount.choose.values():
        found += _wrong_amounts(inner, now, inline)
    return found


def _wrong_length(key, given, size):
    """What is wrong with numbers that are given for those of a size."""
    if not isinstance(given, list):
        return []
    if not isinstance(size, list):
        return [f"{key} is {given}, but the model has {size}; give 1 number"]
    if len(given) == len(size):
        return []
    return [
        f"{key} is {given}, but the model has {size}; give {len(size)} numbers "
        "(a list gets longer by a size of its own)"
    ]


def _wrong_sizes(sizes, now, inline):
    """What is wrong with the sizes of a growth, compared with the model's."""
    problems = (
        _wrong_size(key, size, now)
        if key in now
        else _unknown(key, now, inline)
        for key, size in sizes.items()
    )
    return [problem for problem in problems if problem]


def _unknown(key, now, inline):
    """What to do about a size that no key of the YAML gives the model."""
    named = [n for p, n in inline.items() if p.rpartition(".")[2] == key]
    same = {p: n for p, n in inline.items() if n in named}
    near = "" if same else did_you_mean(key, [*now, *READERS, *KEYS])
    words = (
        f"the model has no size {key!r}; {near and near + ' '}its sizes are "
    )
    words += ", ".join(now) or "all written into it"
    if near or not inline:
        return words
    written = [f"{p} {n}" for p, n in (same or inline).items()]
    return (
        f"{words}. Write the number that grows as a key at the top of the "
        f"YAML, and refer to it by !ref <{key}>; now it is written into "
        f"the model: {', '.join(written)}"
    )


def _wrong_size(key, size, now):
    """What is wrong with one size that the model has; None if nothing is."""
    becomes = f"{key} is {now[key]} and would become {size}; it must stay"
    if not isinstance(now[key], list):
        if isinstance(size, list):
            return f"{becomes} 1 number"
        shrinks = size < now[key]
    else:
        count = len(now[key])
        if not isinstance(size, list) or len(size) < count:
            s = "s" * (count > 1)
            return f"{becomes} a list of {count} number{s}, or more"
        # A longer list may insert numbers anywhere: only tracing both models
        # tells which of its numbers are new
        shrinks = len(size) == count and any(
            after < before for before, after in zip(now[key], size)
        )
    if shrinks:
        return (
            f"{key} is {now[key]} and would shrink to {size}; growth only adds "
            "units"
        )
    return None
