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
    >>> from speechbrain_growth import Metric, Number, condition
    >>> from speechbrain_growth.schedule.conditions.reading import read
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


def needs_epochs(least):
    """Says how many epochs a condition needs before it can be due.

    Arguments
    ---------
    least : callable
        Takes the condition's arguments as a dict; returns a whole number.

    Returns
    -------
    callable
        For the condition, as a decorator.
    """

    def decorated(function):
        """Keeps it beside the condition."""
        function.least_epochs = least
        return function

    return decorated


def needs(count):
    """Says at which count of the run a condition looks.

    Arguments
    ---------
    count : str
        ``macs``. An argument that is a moment of the run says it by itself.

    Returns
    -------
    callable
        For the condition, as a decorator.
    """

    def decorated(function):
        """Keeps it beside the condition."""
        function.needs = count
        return function

    return decorated


def foreseen(epoch):
    """Says after which epoch a condition is due, if that can be foreseen.

    Arguments
    ---------
    epoch : callable
        Takes the condition's arguments as a dict, the epoch of the growth
        before, and the epochs of the conditions inside; returns an epoch.

    Returns
    -------
    callable
        For the condition, as a decorator.
    """

    def decorated(function):
        """Keeps it beside the condition."""
        function.foreseen = epoch
        return function

    return decorated


def refuses(wrong):
    """Says which arguments of a condition do not fit each other, or the run.

    Arguments
    ---------
    wrong : callable
        Takes the condition's arguments as a dict, and the ``Run``; returns a
        list of problems.

    Returns
    -------
    callable
        For the condition, as a decorator.
    """

    def decorated(function):
        """Keeps it beside the condition."""
        function.wrong = wrong
        return function

    return decorated


def least_or_most(name):
    """Returns a check that a condition has a limit.

    Arguments
    ---------
    name : str
        The condition, which takes ``above`` and ``below``.

    Returns
    -------
    callable
        For ``refuses``.
    """

    def wrong(values, run):
        """What is wrong with the limits."""
        above, below = values["above"], values["below"]
        if above is None and below is None:
            return [f"give above or below, as in {name}: {{above: 0.5}}"]
        if None not in (above, below) and above < below:
            return [
                f"every number is above {above:g} or below {below:g}; give a "
                "larger above, or one of them"
            ]
        return []

    return wrong
