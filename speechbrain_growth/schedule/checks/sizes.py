"""Finds sizes of growths that do not fit the model.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import did_you_mean
from speechbrain_growth.schedule.asking import KEYS
from speechbrain_growth.schedule.growth import READERS


def wrong_amounts(amount, now, inline):
    """Returns what is wrong with an amount, compared with the model's sizes.

    Arguments
    ---------
    amount : Amount
        Of a growth.
    now : dict
        All sizes of the model.
    inline : dict
        Numbers that the YAML writes into the model, by their places.

    Returns
    -------
    list of str
    """
    more = {key: n for key, n in amount.adds.items() if key in now}
    goals = {key: n for key, n in amount.towards.items() if key in now}
    found = wrong_sizes(amount.sizes, now, inline)
    found += [
        f"at_most: {key} is {most}, but the model has {now[key]}; give more"
        for key, most in amount.at_most.items()
        if key in now and _each_above(now[key], most)
    ]
    for key in [*amount.adds, *amount.towards]:
        if key not in now:
            found.append(_unknown(key, now, inline))
    for key, units in more.items():
        found += _wrong_length(f"adds: {key}", units, now[key])
    for key, goal in goals.items():
        longer = _wrong_length(f"towards: {key}", goal, now[key])
        found += longer or wrong_sizes({key: goal}, now, inline)
    for inner in amount.choose.values():
        found += wrong_amounts(inner, now, inline)
    return found


def _each_above(size, most):
    """Whether all numbers of a size are at what they may become, or above."""
    sizes = size if isinstance(size, list) else [size]
    mosts = most if isinstance(most, list) else [most] * len(sizes)
    return all(one >= limit for one, limit in zip(sizes, mosts))


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


def wrong_sizes(sizes, now, inline):
    """Returns what is wrong with sizes, compared with those of the model.

    Arguments
    ---------
    sizes : dict
        What a growth sets.
    now : dict
        All sizes of the model.
    inline : dict
        As for ``wrong_amounts``.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_sizes({"width": 4}, {"width": 8}, {})
    ['width is 8 and would shrink to 4; growth only adds units']
    """
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
