"""Budgets at which every run is done, as multiples of a crossing.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import did_you_mean
from speechbrain_growth.experiments.cells import COSTS
from speechbrain_growth.measure.lines import is_number

PAIR = {"small", "large"}  # the networks that cross, if that is to be forecast
SHOWN = "such as crossing: {macs: 1.4e+13}"


def budgets_of(found):
    """Returns the budgets of a sweep file, and what they are called.

    Arguments
    ---------
    found : dict
        The keys of the file; its ``crossing`` has numbers.

    Returns
    -------
    list of tuple
        A name and a budget; one without both if the file has no multiples.

    Example
    -------
    >>> file = {"crossing": {"macs": 2e6}, "multiples": [0.3, 1]}
    >>> budgets_of(file)
    [('macs@0.3', {'macs': 600000.0}), ('macs@1', {'macs': 2000000.0})]
    """
    return [
        (f"{unit}@{multiple}", {unit: float(f"{multiple * amount:.6g}")})
        for unit, amount in found.get("crossing", {}).items()
        for multiple in found.get("multiples", ())
    ] or [("", None)]


def wrong_multiples(found):
    """Returns what is wrong with ``crossing`` and ``multiples``.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_multiples({"crossing": {"mac": 2e6}, "multiples": [1]})
    ['crossing: there is no unit mac; did you mean macs? use one of macs, cpu_seconds, gpu_seconds, wall_seconds']
    """
    crossing, multiples = found.get("crossing"), found.get("multiples")
    if crossing is None and multiples is None:
        return []
    if not crossing:
        return [f"crossing: multiples need one; give it, {SHOWN}"]
    problems = [
        f"crossing: {unit} is {amount!r}; it must be a number above 0, or the "
        "runs to forecast it from: {small: FOLDER, large: FOLDER}"
        for unit, amount in crossing.items()
        if not _is_amount(amount) and not is_pair(amount)
    ]
    problems += [
        f"crossing: {wrong_unit(u)}" for u in crossing if wrong_unit(u)
    ]
    good = multiples and all(map(_is_amount, multiples))
    if not good or len(set(multiples)) < len(multiples):
        problems.append(
            f"multiples: {multiples} are not different numbers above 0; list "
            "some, such as [0.3, 1, 3]"
        )
    taken = {"budget", *crossing} & {*found.get("grid", {})}
    return problems + [
        f"grid: {key} is what multiples set; leave it out of one"
        for key in sorted(taken)
    ]


def wrong_unit(unit):
    """Returns what is wrong with a unit; empty if nothing is.

    Arguments
    ---------
    unit : str
        What costs are counted in.

    Returns
    -------
    str

    Example
    -------
    >>> wrong_unit("macs")
    ''
    """
    if unit in COSTS:
        return ""
    hint = did_you_mean(unit, COSTS)
    return (
        f"there is no unit {unit}; {hint and hint + ' '}use one of "
        f"{', '.join(COSTS)}"
    )


def _is_amount(value):
    """Whether a value is a number above 0."""
    return is_number(value) and value > 0


def is_pair(value):
    """Returns whether a value names the runs of a small and a large network.

    Arguments
    ---------
    value : object
        Of a YAML.

    Returns
    -------
    bool

    Example
    -------
    >>> is_pair({"small": "results/small*", "large": "results/large*"})
    True
    """
    return (
        isinstance(value, dict)
        and set(value) == PAIR
        and all(isinstance(place, str) for place in value.values())
    )
