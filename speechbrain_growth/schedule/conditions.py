"""When a growth is due: one function for each condition of the YAML.

A condition sees numbers only: the epochs since the last growth, each a dict
with ``epoch`` and the metrics of its validation. The function's name is the
YAML key; its arguments after ``seen`` are what stands behind that key, and
their annotations say what each may be. To add a condition, write one:

    @condition
    def when_below(seen, metric: Metric, value: Number):
        "Due when a metric has fallen below a value."
        return seen[-1][metric] < value

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
from numbers import Real
from typing import Annotated, Callable, NamedTuple, get_type_hints

from speechbrain_growth.errors import GrowthError

CONDITIONS = {}


class Kind(NamedTuple):
    """What an argument of a condition may be.

    Arguments
    ---------
    words : str
        For messages.
    fits : callable
        Whether a value is of this kind.
    """

    words: str
    fits: Callable


def _is_number(value):
    """Whether a value is a number; True and not-a-number are none."""
    plain = isinstance(value, Real) and not isinstance(value, bool)
    return plain and value == value


def _whole(least):
    """Whole numbers from ``least`` on."""
    return Kind(
        f"a whole number, at least {least}",
        lambda value: type(value) is int and value >= least,
    )


METRIC = Kind("the name of a metric", lambda value: isinstance(value, str))
EPOCH = _whole(0)
COUNT = _whole(1)
AMOUNT = Kind("a number, at least 0", lambda v: _is_number(v) and v >= 0)
NUMBER = Kind("a number", _is_number)
BETTER = Kind("lower or higher", lambda value: value in ("lower", "higher"))
YES = Kind("True", lambda value: value is True)

# What the arguments of a condition are annotated with
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
# Which value of a metric is the better one; a run's logger says it of others
LOWER = ("loss", "error", "PER", "WER", "CER", "EER")
HIGHER = ("accuracy", "ACC")


def condition(function):
    """Makes a function a condition under its own name.

    Arguments
    ---------
    function : callable
        Takes ``seen`` and the condition's own arguments; returns a bool. An
        argument without an annotation takes any value.

    Returns
    -------
    callable
        The function itself.
    """
    CONDITIONS[function.__name__] = function
    return function


def kinds_of(name):
    """What each argument of a condition may be.

    Arguments
    ---------
    name : str
        The condition.

    Returns
    -------
    dict
        A ``Kind`` by the argument's name; None if it may be anything.

    Example
    -------
    >>> kinds_of("after_epoch")["epoch"].words
    'a whole number, at least 0'
    """
    function = CONDITIONS[name]
    hints = get_type_hints(function, include_extras=True)
    return {
        key: next(iter(getattr(hint, "__metadata__", ())), PLAIN.get(hint))
        for key in list(inspect.signature(function).parameters)[1:]
        for hint in [hints.get(key)]
    }


def dates_of(name, values):
    """Those arguments of a condition that are epochs of the run.

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
    """Whether a condition depends on the epoch alone.

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
    """Whether a condition holds.

    Arguments
    ---------
    name : str
        The condition.
    values : dict
        Its arguments.
    seen : list of dict
        Epochs since the last growth, oldest first.
    better : dict
        ``lower`` or ``higher`` for each metric of which the run's logger
        knows it.

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
    kinds = kinds_of(name)
    metrics = [v for k, v in values.items() if kinds[k] is METRIC]
    missing = [metric for metric in metrics if metric not in seen[-1]]
    if missing:
        known = ", ".join(k for k in seen[-1] if k != "epoch")
        raise GrowthError(
            f"{name}: validation gave no metric {missing[0]!r}; use one that "
            f"it gave: {known or 'none'}"
        )
    return bool(CONDITIONS[name](seen, **directed(name, values, better)))


def directed(name, values, better=None):
    """The arguments of a condition, with which way its metric improves.

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
        If nobody knows.

    Example
    -------
    >>> directed("on_plateau", {"metric": "BLEU"}, {"BLEU": "higher"})
    {'metric': 'BLEU', 'better': 'higher'}
    """
    kinds, told = kinds_of(name), {}
    metrics = [v for k, v in values.items() if kinds[k] is METRIC]
    for key, kind in kinds.items():
        if kind is BETTER and metrics:
            given = values.get(key) or (better or {}).get(metrics[0])
            told[key] = which_is_better(name, metrics[0], given)
    return {**values, **told}


def which_is_better(name, metric, better=None):
    """Which value of a metric is the better one.

    Arguments
    ---------
    name : str
        The condition that asks, for the message.
    metric : str
        The metric.
    better : str
        What the YAML or the run's logger says.

    Returns
    -------
    str
        ``lower`` or ``higher``.

    Raises
    ------
    GrowthError
        If nobody knows.

    Example
    -------
    >>> which_is_better("on_plateau", "PER")
    'lower'
    """
    if better is None and metric not in (*LOWER, *HIGHER):
        raise GrowthError(
            f"{name}: it is not known which values of {metric} are better; "
            "give better: lower or better: higher"
        )
    return better or ("lower" if metric in LOWER else "higher")


@condition
def after_epoch(seen, epoch: Epoch):
    """Due once this epoch is over; 0 is before the first.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    epoch : int
        The last epoch at the old sizes.

    Returns
    -------
    bool

    Example
    -------
    >>> after_epoch([{"epoch": 3}], epoch=4)
    False
    """
    return seen[-1]["epoch"] >= epoch


@condition
def by_hand(seen, wait: Yes):
    """Never due by itself; waits for the file ``grow_now``.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth.
    wait : bool
        Always True.

    Returns
    -------
    bool
    """
    return False


@condition
def on_plateau(
    seen,
    metric: Metric,
    patience: Count = 2,
    min_delta: Amount = 0.5,
    not_before: Epoch = 0,
    not_after: Epoch = None,
    better: Better = None,
):
    """Due when a metric has stopped improving.

    That is, when ``patience`` epochs in a row have not been ``min_delta``
    better than the best before them. The count starts anew after each growth.
    A CTC net that still says blank is on a plateau too: use ``not_before``.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric.
    patience : int
        Epochs without improvement.
    min_delta : float
        What counts as an improvement, in units of the metric.
    not_before : int
        First epoch after which the growth may happen.
    not_after : int
        Epoch, not before ``not_before``, after which the growth happens in any case.
    better : str
        ``lower`` or ``higher``: which values of the metric are better. Left
        out, the run's logger says it of its own metric, and the name of a
        usual one (a loss, an error rate, an accuracy).

    Returns
    -------
    bool

    Raises
    ------
    GrowthError
        If it is not known which values are better.

    Example
    -------
    >>> falls = [{"epoch": n, "PER": 50.0 - n} for n in range(1, 5)]
    >>> on_plateau(falls, "PER", patience=2)
    False
    >>> on_plateau(falls, "PER", patience=2, better="higher")
    True
    >>> stands = [{"epoch": n, "PER": 50.0} for n in range(1, 5)]
    >>> on_plateau(stands, "PER", patience=2)
    True
    >>> on_plateau(stands, "PER", patience=2, not_before=10)
    False
    """
    sign = 1 if which_is_better("on_plateau", metric, better) == "lower" else -1
    epoch = seen[-1]["epoch"]
    if epoch < not_before:
        return False
    if not_after is not None and epoch >= not_after:
        return True
    best, waited = float("inf"), 0
    for past in seen:
        now = sign * past[metric]
        # not-a-number counts as no improvement
        improved = now < best and best - now >= min_delta
        best = now if improved else best
        waited = 0 if improved else waited + 1
    return waited >= patience


def arguments(name, value):
    """Reads what stands behind a condition's key.

    Arguments
    ---------
    name : str
        The condition.
    value : object
        A mapping of its arguments, or the only one.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If an argument is unknown, missing, or not of the right kind.

    Example
    -------
    >>> arguments("after_epoch", 10)
    {'epoch': 10}
    """
    takes = list(inspect.signature(CONDITIONS[name]).parameters.values())[1:]
    known = [parameter.name for parameter in takes]
    if not isinstance(value, dict):
        value = {known[0]: value}
    required = [p.name for p in takes if p.default is p.empty]
    unknown = [key for key in value if key not in known]
    missing = [key for key in required if key not in value]
    if unknown or missing:
        found = ", ".join(map(str, value)) or "nothing"
        raise GrowthError(
            f"{name}: found {found}; it takes {', '.join(known)}, of which "
            f"{', '.join(required)} must be given"
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
            f"{value['not_after']}; the first must not be the later"
        )
    if problems:
        raise GrowthError(problems)
    return dict(value)
