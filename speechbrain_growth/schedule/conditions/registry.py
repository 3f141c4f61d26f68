"""Registers conditions, reads their arguments, and asks whether they are due.

A condition sees numbers only: the epochs since the last growth, each a dict
with ``epoch`` and the metrics of its validation. The function's name is the
YAML key. Its arguments after ``seen`` are what the YAML gives under that key,
and their annotations say which values are allowed. ``condition`` has an
example.

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
from numbers import Real
from typing import Annotated, Callable, NamedTuple, get_type_hints

from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.schedule.conditions.directions import which_is_better

CONDITIONS = {}  # function by name


class Kind(NamedTuple):
    """The values that an argument of a condition may have.

    Arguments
    ---------
    words : str
        The same in words, for messages.
    fits : callable
        Takes a value and returns whether it is allowed.
    """

    words: str
    fits: Callable


def _is_number(value):
    """Whether a value is a number, which neither True nor NaN is."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and value == value


def _integers_from(least):
    """The kind of integers that are not below ``least``."""
    return Kind(
        f"a whole number, at least {least}",
        lambda value: type(value) is int and value >= least,
    )


METRIC = Kind("the name of a metric", lambda value: isinstance(value, str))
EPOCH = _integers_from(0)
COUNT = _integers_from(1)
AMOUNT = Kind("a number, at least 0", lambda v: _is_number(v) and v >= 0)
NUMBER = Kind("a number", _is_number)
BETTER = Kind("lower or higher", lambda value: value in ("lower", "higher"))
YES = Kind("True", lambda value: value is True)

# Annotate the arguments of a condition with these, or with a type of PLAIN
Metric = Annotated[str, METRIC]
Epoch = Annotated[int, EPOCH]
Count = Annotated[int, COUNT]
Amount = Annotated[float, AMOUNT]
Number = Annotated[float, NUMBER]
Better = Annotated[str, BETTER]
Yes = Annotated[bool, YES]
PLAIN = {
    str: Kind("a text", lambda value: isinstance(value, str)),
    int: Kind("a whole number", lambda value: type(value) is int),
    float: NUMBER,
    bool: Kind("True or False", lambda value: isinstance(value, bool)),
}


def condition(function: Callable[..., bool]) -> Callable[..., bool]:
    """Registers a function as a condition; its name is the YAML key.

    Arguments
    ---------
    function : callable
        Takes ``seen`` (a dict for each epoch since the last growth, oldest
        first) and the condition's own arguments; returns whether the growth is
        due. An argument without an annotation takes any value.

    Returns
    -------
    callable
        The function itself.

    Example
    -------
    >>> @condition
    ... def when_below(seen, metric: Metric, value: Number):
    ...     "Due when a metric has fallen below a value."
    ...     return seen[-1][metric] < value
    >>> given = arguments("when_below", {"metric": "loss", "value": 0.5})
    >>> is_due("when_below", given, [{"epoch": 1, "loss": 0.7}])
    False
    >>> is_due("when_below", given, [{"epoch": 2, "loss": 0.4}])
    True
    >>> del CONDITIONS["when_below"]  # it was an example only
    """
    CONDITIONS[function.__name__] = function
    return function


def kinds_of(name):
    """Returns which values each argument of a condition may have.

    Arguments
    ---------
    name : str
        The condition.

    Returns
    -------
    dict
        A ``Kind`` for each argument; None where any value is allowed.

    Example
    -------
    >>> kinds_of("after_epoch")["epoch"].words
    'a whole number, at least 0'
    """
    hints = get_type_hints(CONDITIONS[name], include_extras=True)
    return {
        parameter.name: next(
            iter(getattr(hint, "__metadata__", ())), PLAIN.get(hint)
        )
        for parameter in _parameters(name)
        for hint in [hints.get(parameter.name)]
    }


def _parameters(name):
    """The arguments of a condition after ``seen``."""
    return list(inspect.signature(CONDITIONS[name]).parameters.values())[1:]


def dates_of(name, values):
    """Returns those arguments of a condition that are epochs of the run.

    Arguments
    ---------
    name : str
        The condition.
    values : dict
        Its arguments.

    Returns
    -------
    dict

    Example
    -------
    >>> dates_of("on_plateau", {"metric": "PER", "not_before": 8})
    {'not_before': 8}
    """
    kinds = kinds_of(name)
    return {
        key: value
        for key, value in values.items()
        if kinds[key] is EPOCH and value is not None
    }


def is_date(name):
    """Returns whether a condition depends on the epoch alone.

    Arguments
    ---------
    name : str
        The condition.

    Returns
    -------
    bool

    Example
    -------
    >>> is_date("after_epoch"), is_date("on_plateau")
    (True, False)
    """
    kinds = kinds_of(name).values()
    return bool(kinds) and all(kind is EPOCH for kind in kinds)


def is_due(name, values, seen, better=None):
    """Returns whether a condition holds.

    Arguments
    ---------
    name : str
        The condition.
    values : dict
        Its arguments.
    seen : list of dict
        Epochs since the last growth, oldest first.
    better : dict
        ``lower`` or ``higher`` for each metric whose direction the run's logger
        knows.

    Returns
    -------
    bool

    Raises
    ------
    GrowthError
        If the validation gave no metric of that name.

    Example
    -------
    >>> is_due("after_epoch", {"epoch": 4}, [{"epoch": 3}])
    False
    """
    missing = [m for m in metrics_of(name, values) if m not in seen[-1]]
    if missing:
        known = ", ".join(key for key in seen[-1] if key != "epoch")
        raise GrowthError(
            f"{name}: validation gave no metric {missing[0]!r}; use one that "
            f"it gave: {known or 'none'}"
        )
    return bool(CONDITIONS[name](seen, **directed(name, values, better)))


def metrics_of(name, values):
    """Returns the names of metrics among the arguments of a condition.

    Arguments
    ---------
    name : str
        The condition.
    values : dict
        Its arguments.

    Returns
    -------
    list of str

    Example
    -------
    >>> metrics_of("on_plateau", {"metric": "PER", "not_before": 8})
    ['PER']
    """
    kinds = kinds_of(name)
    return [value for key, value in values.items() if kinds[key] is METRIC]


def directed(name, values, better=None):
    """Adds to the arguments of a condition which values of its metric are better.

    Arguments
    ---------
    name : str
        The condition.
    values : dict
        Its arguments.
    better : dict
        As for ``is_due``.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If it is not known.

    Example
    -------
    >>> directed("on_plateau", {"metric": "BLEU"}, {"BLEU": "higher"})
    {'metric': 'BLEU', 'better': 'higher'}
    """
    directions, metrics = {}, metrics_of(name, values)
    for key, kind in kinds_of(name).items():
        if kind is BETTER and metrics:
            given = values.get(key) or (better or {}).get(metrics[0])
            directions[key] = which_is_better(name, metrics[0], given)
    return {**values, **directions}


def arguments(name, value):
    """Reads what a YAML gives under a condition's key.

    Arguments
    ---------
    name : str
        The condition.
    value : object
        A mapping of its arguments, or the value of the first one.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If an argument is unknown, missing, or of another kind.

    Example
    -------
    >>> arguments("after_epoch", 10)
    {'epoch': 10}
    """
    takes = _parameters(name)
    known = [parameter.name for parameter in takes]
    if not isinstance(value, dict):
        value = {known[0]: value}
    required = [p.name for p in takes if p.default is p.empty]
    unknown = [key for key in value if key not in known]
    missing = [key for key in required if key not in value]
    if unknown or missing:
        found = ", ".join(map(str, value)) or "nothing"
        hints = [did_you_mean(key, known) for key in unknown]
        hint = next(filter(None, hints), "")
        raise GrowthError(
            f"{name}: found {found}; {hint and hint + ' '}it takes "
            f"{', '.join(known)}, of which {', '.join(required)} must be given"
        )
    kinds = kinds_of(name)
    problems = [
        f"{name}: {key} is {given!r}; it must be {kinds[key].words}"
        for key, given in value.items()
        if kinds[key] and not kinds[key].fits(given)
    ]
    dates = {} if problems else dates_of(name, value)
    if dates.get("not_before", 0) > dates.get("not_after", float("inf")):
        problems.append(
            f"{name}: not_before is {value['not_before']} and not_after "
            f"{value['not_after']}; give a later not_after, or an earlier "
            "not_before"
        )
    if problems:
        raise GrowthError(problems)
    return dict(value)
