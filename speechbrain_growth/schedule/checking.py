"""Checks the growths against the model and the length of the run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.conditions.registry import (
    dates_of,
    directed,
    is_date,
)
from speechbrain_growth.schedule.growth import READERS


def check(growths, sizes, epochs, better=None, inline=None):
    """Raises if a growth does not fit the model or the length of the run.

    Arguments
    ---------
    growths : list of Growth
        In the order of the schedule.
    sizes : dict
        All sizes of the model, as the run begins.
    epochs : int
        Number of the run's epochs.
    better : dict
        ``lower`` or ``higher`` for each metric whose direction the run's logger
        knows.
    inline : dict
        Numbers that the YAML writes into the model, by their places, such as
        ``model.width``.

    Raises
    ------
    GrowthError
        Naming every growth that does not fit, and why.
    """
    problems, now, dates = [], dict(sizes), {}
    for number, growth in enumerate(growths):
        found = [
            *_wrong_sizes(growth.sizes, now, inline or {}),
            *_late_dates(growth, epochs),
            *_unknown_directions(growth, better),
        ]
        if all(now.get(key) == size for key, size in growth.sizes.items()):
            found.append(
                "the model has these sizes already; name at least one larger "
                "size, or drop the entry"
            )
        if is_date(growth.condition):
            date = max(growth.arguments.values())
            if dates and date <= max(dates):
                found.append(
                    f"comes after growth[{dates[max(dates)]}] in the list, "
                    f"whose epoch is {max(dates)}; each date must be later "
                    "than those before it"
                )
            dates[date] = number
        here = f"growth[{number}] ({growth.when})"
        problems += [f"{here}: {problem}" for problem in found]
        now.update({k: v for k, v in growth.sizes.items() if k in now})
    if problems:
        raise GrowthError(problems)


def _late_dates(growth, epochs):
    """What is wrong with epochs at which the run is over."""
    dates = dates_of(growth.condition, growth.arguments)
    return [
        f"{key} is {date}, but the last epoch is {epochs}; a growth happens "
        f"between epochs, after {epochs - 1} at most"
        for key, date in dates.items()
        if date >= epochs
    ]


def _unknown_directions(growth, better):
    """What is wrong if it is not known which values of a metric are better."""
    try:
        directed(growth.condition, growth.arguments, better)
    except GrowthError as error:
        return error.problems
    return []


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
    near = "" if same else did_you_mean(key, [*now, *READERS])
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
