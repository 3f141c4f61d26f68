"""Registers the conditions of a growth.

A condition sees numbers only: the epochs since the last growth, each a dict
with ``epoch``, ``step`` and ``macs`` (of the run so far), ``train_loss``,
``task`` and ``next_task``, and the metrics of its validation. The function's
name is the YAML key. Its arguments after ``seen`` are what the YAML gives under
that key, and their annotations say which values are allowed. ``condition`` has
an example.

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
from typing import Callable, get_type_hints

from speechbrain_growth.schedule.conditions.kinds import PLAIN

CONDITIONS = {}  # function by name
# What each epoch has beside the metrics; no metric may have such a name
FACTS = ("epoch", "step", "macs", "train_loss", "task", "next_task")


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
    >>> when = read("when_below", {"metric": "loss", "value": 0.5})
    >>> when.is_due([{"epoch": 1, "loss": 0.7}])
    False
    >>> when.is_due([{"epoch": 2, "loss": 0.4}])
    True
    >>> del CONDITIONS["when_below"]  # it was an example only
    """
    CONDITIONS[function.__name__] = function
    return function


def parameters_of(name):
    """Returns the arguments of a condition after ``seen``.

    Arguments
    ---------
    name : str
        The condition.

    Returns
    -------
    list of inspect.Parameter
    """
    return list(inspect.signature(CONDITIONS[name]).parameters.values())[1:]


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
    >>> kinds_of("on_plateau")["patience"].words
    'a whole number, at least 1'
    """
    hints = get_type_hints(CONDITIONS[name], include_extras=True)
    return {
        parameter.name: next(
            iter(getattr(hint, "__metadata__", ())), PLAIN.get(hint)
        )
        for parameter in parameters_of(name)
        for hint in [hints.get(parameter.name)]
    }
