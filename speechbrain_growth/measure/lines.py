"""Checks the events of a run log and of a growth log.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import shown

LARGEST = 1e300  # beyond it, sums of a few numbers are no numbers any more
NEEDED = {  # what readers need of each kind of event
    "start": (),
    "epoch": ("epoch",),
    "growth": ("growth", "epoch", "grown"),
    "test": ("test",),
}
COUNTS = ("epoch", "starts")
MAPPINGS = """
    born overrides sets sizes sizes_after sizes_before test train valid valid_after
    valid_before
""".split()
AMOUNTS = ("macs", "cpu_seconds", "gpu_seconds", "wall_seconds", "parameters")
TEXTS = ("better", "init_from", "metric")


def is_number(value):
    """Returns whether a value is a number that can be added and compared.

    Arguments
    ---------
    value : object
        Of a log or a checkpoint.

    Returns
    -------
    bool

    Example
    -------
    >>> is_number(3), is_number(-0.5), is_number(True), is_number(float("nan"))
    (True, True, False, False)
    """
    return type(value) in (int, float) and -LARGEST < value < LARGEST


def wrong_in(event, kind=None):
    """Returns what is wrong with an event.

    Arguments
    ---------
    event : object
        A line of a log.
    kind : str
        What all lines of this log are; None if each names its own.

    Returns
    -------
    str
        The first mistake; empty if there is none.

    Example
    -------
    >>> wrong_in({"event": "epoch", "epoch": 1, "valid": {"loss": 2.0}})
    ''
    >>> wrong_in({"event": "epoch", "epoch": 1, "valid": 2.0})
    'valid is 2.0; it must be a mapping'
    >>> wrong_in([1])
    'found [1]; it must be an object in JSON'
    """
    if not isinstance(event, dict):
        return f"found {shown(event)}; it must be an object in JSON"
    kind = kind or event.get("event")
    if not isinstance(kind, str) or kind not in NEEDED:
        return f"event is {shown(kind)}; it must be one of {', '.join(NEEDED)}"
    missing = [key for key in NEEDED[kind] if key not in event]
    if missing:
        return f"there is no {missing[0]}; a line of {kind} has one"
    counts = (*COUNTS, "growth") if kind == "growth" else COUNTS
    kinds = (
        (counts, _is_count, "a whole number, at least 0"),
        (MAPPINGS, lambda value: isinstance(value, dict), "a mapping"),
        (AMOUNTS, _is_amount, "a number, at least 0"),
        (TEXTS, lambda value: isinstance(value, (str, type(None))), "a text"),
        (("grown",), lambda value: isinstance(value, bool), "true or false"),
        (("epochs",), _is_limit, "a whole number, at least 0"),
        (("before",), _is_cost, "a mapping with macs"),
        (("budget",), _is_budget, "one unit and a number"),
    )
    for keys, fits, words in kinds:
        for key in keys:
            if key in event and not fits(event[key]):
                return f"{key} is {shown(event[key])}; it must be {words}"
    return ""


def _is_count(value):
    """Whether a value counts something."""
    return type(value) is int and value >= 0


def _is_limit(value):
    """Whether a value is a number of epochs, or is not known."""
    return value is None or _is_count(value)


def _is_amount(value):
    """Whether a value is a cost, or is not known."""
    return value is None or (is_number(value) and value >= 0)


def _is_cost(value):
    """Whether a value has the costs of an earlier run, or there is none."""
    return value is None or (isinstance(value, dict) and "macs" in value)


def _is_budget(value):
    """Whether a value is what a run may spend, in one unit."""
    one = isinstance(value, dict) and len(value) == 1
    return one and all(is_number(amount) for amount in value.values())
