"""Which values an argument of a condition may have.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Real
from typing import Annotated, Any, Callable, NamedTuple


class Share(float):
    """A part of the run's total, which a YAML writes as ``35 %``.

    Example
    -------
    >>> print(Share(0.35), 2 * Share(0.35))
    35 % 0.7
    """

    def __str__(self):
        return f"{100 * self:g} %"

    __repr__ = __str__


class Kind(NamedTuple):
    """The values that an argument of a condition may have.

    Arguments
    ---------
    words : str
        The same in words, for messages.
    fits : callable
        Takes a value and returns whether it is allowed.
    unit : str
        ``epoch``, ``step`` or ``macs``, if the value is a moment of the run.
    """

    words: str
    fits: Callable[[Any], bool]
    unit: str = ""

    def read(self, value):
        """A value as the condition gets it: a text with % becomes a share.

        Arguments
        ---------
        value : object
            As the YAML has it.

        Returns
        -------
        object
        """
        return _share(value) if self.unit and _share(value) else value


def is_number(value):
    """Whether a value is a number, which neither True nor NaN is.

    Arguments
    ---------
    value : object
        Any.

    Returns
    -------
    bool
    """
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and value == value


def _share(value):
    """The share that a text such as 35 % stands for; None of anything else."""
    if isinstance(value, Share):
        return value
    if not isinstance(value, str) or not value.endswith("%"):
        return None
    try:
        share = float(value[:-1]) / 100
    except ValueError:
        return None
    return Share(share) if 0 < share < 1 else None


def _integers_from(least):
    """The kind of integers that are not below ``least``."""
    return Kind(
        f"a whole number, at least {least}",
        lambda value: type(value) is int and value >= least,
    )


def _moment(unit, words, fits):
    """The kind of moments of a run, in a unit, or as a share of its total."""
    return Kind(
        f"{words}, or a share of the run such as 35 %",
        lambda value: fits(value) or _share(value) is not None,
        unit,
    )


COUNT = _integers_from(1)
_FROM_0 = _integers_from(0)
AMOUNT = Kind("a number, at least 0", lambda v: is_number(v) and v >= 0)
POSITIVE = Kind("a number above 0", lambda v: is_number(v) and v > 0)
NUMBER = Kind("a number", is_number)
METRIC = Kind("the name of a metric", lambda value: isinstance(value, str))
BETTER = Kind("lower or higher", lambda value: value in ("lower", "higher"))
YES = Kind("True", lambda value: value is True)
TASK = Kind(
    "each, or the number of a task from 2 on",
    lambda v: v == "each" or (type(v) is int and v > 1),
)
EPOCH = _moment("epoch", _FROM_0.words, _FROM_0.fits)
STEP = _moment("step", COUNT.words, COUNT.fits)
MACS = _moment("macs", POSITIVE.words, POSITIVE.fits)
CONDITIONS_OF = Kind(
    "a list of conditions", lambda v: isinstance(v, (list, tuple)) and len(v)
)

# Annotate the arguments of a condition with these, or with a type of PLAIN
Metric = Annotated[str, METRIC]
Epoch = Annotated[int, EPOCH]
Step = Annotated[int, STEP]
Macs = Annotated[float, MACS]
Count = Annotated[int, COUNT]
Amount = Annotated[float, AMOUNT]
Positive = Annotated[float, POSITIVE]
Number = Annotated[float, NUMBER]
Better = Annotated[str, BETTER]
Yes = Annotated[bool, YES]
Task = Annotated[object, TASK]
Conditions = Annotated[list, CONDITIONS_OF]
PLAIN = {
    str: Kind("a text", lambda value: isinstance(value, str)),
    int: Kind("a whole number", lambda value: type(value) is int),
    float: NUMBER,
    bool: Kind("True or False", lambda value: isinstance(value, bool)),
}
