"""When a growth is due: one function for each condition of the YAML.

A condition sees numbers only: the epochs since the last growth, each a dict
with ``epoch`` and the metrics of its validation. The function's name is the
YAML key; its arguments after ``seen`` are what stands behind that key, and
their defaults may be left out. To add one, write one:

    @condition
    def when_below(seen, metric, value):
        "Due when a metric has fallen below a value."
        return seen[-1][metric] < value

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
from numbers import Real

from speechbrain_growth.errors import GrowthError

CONDITIONS = {}


def condition(function):
    """Makes a function a condition under its own name.

    Arguments
    ---------
    function : callable
        Takes ``seen`` and the condition's own arguments; returns a bool.

    Returns
    -------
    callable
        The function itself.
    """
    CONDITIONS[function.__name__] = function
    return function


@condition
def after_epoch(seen, epoch):
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
def by_hand(seen, wait):
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
    seen, metric, patience=2, min_delta=0.5, not_before=0, not_after=None
):
    """Due when a metric has stopped falling.

    That is, when ``patience`` epochs in a row have not been ``min_delta``
    better than the best before them. The count starts anew after each growth.
    A CTC net that still says blank is on a plateau too: use ``not_before``.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric that falls as the model improves.
    patience : int
        Epochs without improvement.
    min_delta : float
        What counts as an improvement, in units of the metric.
    not_before : int
        First epoch after which the growth may happen.
    not_after : int
        Epoch, not before ``not_before``, after which the growth happens in any case.

    Returns
    -------
    bool

    Example
    -------
    >>> falls = [{"epoch": n, "PER": 50.0 - n} for n in range(1, 5)]
    >>> on_plateau(falls, "PER", patience=2)
    False
    >>> stands = [{"epoch": n, "PER": 50.0} for n in range(1, 5)]
    >>> on_plateau(stands, "PER", patience=2)
    True
    >>> on_plateau(stands, "PER", patience=2, not_before=10)
    False
    """
    epoch = seen[-1]["epoch"]
    if metric not in seen[-1]:
        known = ", ".join(k for k in seen[-1] if k != "epoch")
        raise GrowthError(
            f"on_plateau: validation gave no metric {metric!r}; it gave "
            f"{known or 'none'}"
        )
    if epoch < not_before:
        return False
    if not_after is not None and epoch >= not_after:
        return True
    best, waited = float("inf"), 0
    for past in seen:
        # not-a-number counts as no improvement
        better = past[metric] < best and best - past[metric] >= min_delta
        best = past[metric] if better else best
        waited = 0 if better else waited + 1
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
    for key, given in value.items():
        _check_kind(name, key, given)
    if value.get("not_before", 0) > (value.get("not_after") or float("inf")):
        raise GrowthError(
            f"{name}: not_before is {value['not_before']} and not_after "
            f"{value['not_after']}; the first must not be the later"
        )
    return dict(value)


def _check_kind(name, key, given):
    """A metric is a name, a wait is True, everything else is a number >= 0."""
    if key == "metric":
        right, wanted = isinstance(given, str), "the name of a metric"
    elif key == "wait":
        right, wanted = given is True, "True"
    elif key == "min_delta":
        right = isinstance(given, Real) and not isinstance(given, bool)
        right, wanted = right and given >= 0, "a number, at least 0"
    else:
        least = int(key == "patience")  # without any, it would always be due
        right = isinstance(given, int) and not isinstance(given, bool)
        right = right and given >= least
        wanted = f"a whole number, at least {least}"
    if not right:
        raise GrowthError(f"{name}: {key} is {given!r}; it must be {wanted}")
