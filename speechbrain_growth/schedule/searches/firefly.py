"""Reads the growth whose units and layers Firefly finds.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Tuple

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.conditions.kinds import is_number

UNITS = {"budget": "parameters", "macs": "macs"}
ABOUT_UNITS = ("symmetry", "birth", "old", "freeze", "outputs", "batches")


class Firefly(NamedTuple):
    """What a growth by Firefly may add.

    Arguments
    ---------
    budget : float
        By how much the cost of the model may grow.
    unit : str
        What is counted: ``parameters``, or ``macs`` of one example.
    sizes : tuple of str
        The sizes that may grow; empty for all that can.
    new : int
        Number of new units that are tried in each layer.
    batches : int
        From how many batches candidates are trained and scored, at most.
    step : float
        How far a candidate may change what a unit computes.
    layers : bool
        Whether new layers are candidates.
    """

    budget: float
    unit: str = "parameters"
    sizes: Tuple[str, ...] = ()
    new: int = 8
    batches: int = 8
    step: float = 0.01
    layers: bool = True

    def __str__(self):
        touched = f" of {', '.join(self.sizes)}" if self.sizes else ""
        return f"units{touched} for {self.budget:g} more {self.unit}"


def read_firefly(value):
    """Adds the units and layers that lower the loss most, within a budget.

    Splits of old units, new ones, and new layers are tried together on batches
    of training data (Firefly, https://arxiv.org/abs/2102.08574).

    Values: a mapping with ``budget``, the parameters that are added at most, or
    ``macs``, the same for one example; and, if wanted, ``sizes``, a list of those
    that may grow, ``new`` (8), units that are tried in each layer, ``batches``
    (8), ``step`` (0.01), how far a unit may change, and ``layers`` (True),
    whether layers may be added.
    Default: none
    """
    words = "it must be a mapping such as {budget: 20000, sizes: [rnn_neurons]}"
    if not isinstance(value, dict):
        raise GrowthError(f"firefly is {value!r}; {words}")
    found, problems = {}, []
    budgets = [key for key in UNITS if key in value]
    if len(budgets) != 1:
        problems.append(
            f"firefly: found {' and '.join(budgets) or 'no budget'}; give one of "
            "budget, in parameters, and macs"
        )
    for key, given in value.items():
        if key in UNITS:
            found["unit"], found["budget"] = UNITS[key], _number(given)
            problems += _unless(
                is_above_0(_number(given)), key, given, "a number"
            )
        elif key in ("new", "batches"):
            found[key] = given
            least = int(key == "batches")
            whole = type(given) is int and given >= least
            kind = "a whole number" + (" above 0" if least else ", at least 0")
            problems += _unless(whole, key, given, kind)
        elif key == "step":
            found[key] = given
            problems += _unless(
                is_above_0(given), key, given, "a number above 0"
            )
        elif key == "layers":
            found[key] = given
            good = type(given) is bool
            problems += _unless(good, key, given, "True or False")
        elif key == "sizes":
            good = isinstance(given, (list, tuple)) and given
            good = good and all(isinstance(one, str) for one in given)
            if not good:
                problems.append(
                    f"firefly: sizes is {given!r}; it must be a list of sizes, "
                    "such as [rnn_neurons]"
                )
            found[key] = tuple(given) if good else ()
        else:
            known = (*UNITS, *Firefly._fields[2:])
            hint = did_you_mean(str(key), known)
            problems.append(
                f"firefly has no key {key!r}; {hint and hint + ' '}it has "
                f"{', '.join(known)}"
            )
    if problems:
        raise GrowthError(problems)
    return Firefly(**found)


def is_above_0(value):
    """Whether a value is a number above 0.

    Arguments
    ---------
    value : object
        Any.

    Returns
    -------
    bool

    Example
    -------
    >>> is_above_0(True), is_above_0(0.5)
    (False, True)
    """
    return is_number(value) and value > 0


def _number(value):
    """A number, which may be written as 1.5e6."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _unless(good, key, given, kind):
    """What is wrong with a number."""
    if good:
        return []
    return [f"firefly: {key} is {given!r}; it must be {kind}"]


def check_search(growth, entry):
    """Raises if a growth by search is told what it finds out itself.

    Arguments
    ---------
    growth : Growth
        As it was read.
    entry : dict
        What it was read from.

    Raises
    ------
    GrowthError
        Saying what to leave out.
    """
    if growth.amount.firefly is None:
        return
    found = [key for key in ABOUT_UNITS if key in entry]
    if growth.per:
        found.append(f"lr: {entry['lr']}")
    if growth.amount.max_params or growth.amount.max_macs:
        found += [key for key in ("max_params", "max_macs") if key in entry]
    if found:
        raise GrowthError(
            f"found {', '.join(found)} beside firefly, which finds out how new "
            "units begin, and has a budget; leave that out"
        )


def unknown_sizes(growth, growths):
    """Says if a growth sets sizes that a search before it may have passed.

    Arguments
    ---------
    growth : Growth
        One of them.
    growths : list of Growth
        In the order of the schedule.

    Returns
    -------
    list of str
        What is wrong.
    """
    named = {*growth.amount.sizes, *growth.amount.towards}
    for inner in growth.amount.choose.values():
        named |= {*inner.sizes}
    for one in growths:
        search = one.amount.firefly
        if search is None or one.number >= growth.number:
            continue
        unknown = named & {*search.sizes} if search.sizes else named
        if unknown:
            return [
                f"{', '.join(sorted(unknown))}: nobody knows beforehand what "
                f"firefly of growth[{one.number}] makes of it; use adds, or "
                "name the sizes that firefly may touch"
            ]
    return []


def unknown_names(search, sizes):
    """Says which sizes of a search the model does not have.

    Arguments
    ---------
    search : Firefly
        None if there is none.
    sizes : dict
        All sizes of the model.

    Returns
    -------
    list of str
        What is wrong.

    Example
    -------
    >>> unknown_names(Firefly(8, sizes=("width",)), {"hidden": 4})
    ["firefly: the model has no size 'width'; its sizes are hidden"]
    """
    return [
        f"firefly: the model has no size {name!r}; its sizes are "
        f"{', '.join(sizes)}"
        for name in (search.sizes if search else ())
        if name not in sizes
    ]
