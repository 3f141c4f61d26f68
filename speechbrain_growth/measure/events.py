"""Reads and writes a run log, without importing torch or SpeechBrain.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside
from speechbrain_growth.measure.lines import wrong_in

RUN_LOG = "run_log.jsonl"  # beside the text log, where compare looks for it


def read_events(path, kind=None):
    """Reads the events of a run log, or of a growth log.

    Arguments
    ---------
    path : str
        The file. One that does not exist has no events.
    kind : str
        What all lines are; None if each names its own.

    Returns
    -------
    list of dict

    Raises
    ------
    GrowthError
        If a line is no event.

    Example
    -------
    >>> path = getfixture("tmpdir") / "run_log.jsonl"
    >>> read_events(path)
    []
    >>> _ = path.write('{"event": "start"}\\noops')
    >>> read_events(path)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: ...run_log.jsonl, line 2: found 'oops'; it must be an object in JSON
    """
    events = []
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as fin:
            lines = [line.strip() for line in fin]
        for number, line in enumerate(lines, start=1):
            try:
                event = json.loads(line or "{}")
            except ValueError:
                event = line
            wrong = event != {} and wrong_in(event, kind)
            if wrong:
                raise GrowthError(f"{path}, line {number}: {wrong}")
            events += [event] if event else []
    return events


def write_events(path, events):
    """Replaces a log: after a kill, the file is the old one or the new one.

    Arguments
    ---------
    path : str
        The file.
    events : iterable of dict
        All that it is to hold, one line each.

    Example
    -------
    >>> path = getfixture("tmpdir") / "run_log.jsonl"
    >>> write_events(path, [{"event": "start"}])
    >>> read_events(path)
    [{'event': 'start'}]
    """
    text = "".join(json.dumps(event) + "\n" for event in events)
    with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
        fout.write(text)


def plain(value):
    """Turns a value into one that JSON has.

    Arguments
    ---------
    value : object
        A number that is not finite becomes None, any unknown object its text.

    Returns
    -------
    object

    Example
    -------
    >>> plain({"a": (1, float("nan")), "b": True, 3: print})
    {'a': [1, None], 'b': True, '3': '<built-in function print>'}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    try:
        number = float(value)  # also tensors and NumPy's numbers
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None
