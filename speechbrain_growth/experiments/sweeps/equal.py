"""Runs whose budget is what another run of the sweep costs.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import did_you_mean
from speechbrain_growth.experiments.sweeps.multiples import wrong_unit
from speechbrain_growth.experiments.sweeps.points import at_point, of_points
from speechbrain_growth.experiments.sweeps.words import (
    BUDGET,
    EPOCHS,
    EQUAL,
    START,
)

SET = (BUDGET, EPOCHS)  # overrides that follow from equal, and from multiples


def equals_of(found):
    """Returns whose cost is the budget of which run.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    dict
        A unit and the name of a run, by the name of the run with ``equal``.

    Example
    -------
    >>> runs = {"grow": {}, "small": {"equal": {"macs": "grow"}}}
    >>> equals_of({"runs": runs, "grid": {"lr": [1]}})
    {'small,lr@1': ('macs', 'grow,lr@1')}
    """
    return {
        at_point(name, point): (unit, at_point(other, point))
        for name, point, equal in of_points(EQUAL, found)
        for unit, other in equal.items()
    }


def wrong_equals(found):
    """Returns what is wrong with the key ``equal``, and with what it sets.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_equals({"runs": {"grow": {}, "b": {"equal": {"macs": "gro"}}}})
    ['runs: b: equal: there is no run gro; did you mean grow? use one of grow, b']
    """
    every = [
        ("common", found.get("common", {})),
        *((f"runs: {name}", run) for name, run in found["runs"].items()),
    ]
    problems = [
        f"{place}: equal is of single runs; give it to those that need it"
        for place, keys in (every[0], ("grid", found.get("grid", {})))
        if EQUAL in keys
    ]
    for place, run in every[1:]:
        if EQUAL in run:
            words = _wrong(run[EQUAL], found["runs"])
            words += _also_set({**found.get("grid", {}), **run}, "equal")
            problems += [f"{place}: {word}" for word in words]
    if "multiples" in found:
        every += [("grid", found.get("grid", {}))]
        problems += [
            f"{place}: {word}"
            for place, keys in every
            for word in _also_set(keys, "multiples of the crossing")
            if EQUAL not in keys
        ]
    return problems


def wrong_order(found):
    """Returns which runs would wait for themselves.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> runs = {"a": {"equal": {"macs": "b"}}, "b": {"init_from": "a"}}
    >>> print(*wrong_order({"runs": runs}), sep="\\n")
    runs: a is to cost as much as b, which waits for a; let equal name another run
    runs: b starts from a, which waits for b; let it start anew
    """
    needs = {name: _needs(name, found) for name in found["runs"]}
    problems = []
    for name, others in needs.items():
        for key, other in others:
            if name not in _reached(other, needs):
                continue
            if key == START:
                words, how = "starts from", "let it start anew"
            else:
                words, how = (
                    "is to cost as much as",
                    "let equal name another run",
                )
            who = (
                "itself"
                if other == name
                else f"{other}, which waits for {name}"
            )
            problems.append(f"runs: {name} {words} {who}; {how}")
    return problems


def _wrong(equal, names):
    """What is wrong with one ``equal``."""
    if not isinstance(equal, dict) or len(equal) != 1:
        return [
            f"equal is {equal!r}; it must be a unit and a run, such as "
            "{macs: grow}"
        ]
    ((unit, other),) = equal.items()
    problems = [f"equal: {wrong_unit(unit)}"] if wrong_unit(unit) else []
    if other not in names:
        hint = did_you_mean(other, names)
        problems.append(
            f"equal: there is no run {other}; {hint and hint + ' '}use one of "
            f"{', '.join(map(str, names))}"
        )
    return problems


def _also_set(keys, what):
    """The overrides that follow from something else, and are given, too."""
    return [
        f"{key} follows from {what}; leave it out" for key in SET if key in keys
    ]


def _needs(name, found):
    """The runs that must end before a run begins, and by which key."""
    run, names = found["runs"][name], found["runs"]
    needed = [(START, run.get(START, found.get("common", {}).get(START)))]
    if EQUAL in run:
        needed += [(EQUAL, other) for other in run[EQUAL].values()]
    return [(key, other) for key, other in needed if other in names]


def _reached(name, needs):
    """A run and all that must end before it."""
    seen, waiting = [], [name]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.append(here)
            waiting += [other for _, other in needs[here]]
    return seen
