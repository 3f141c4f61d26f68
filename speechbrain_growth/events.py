"""The events of a run log, read without what wrote them.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import os

RUN_LOG = "run_log.jsonl"  # beside the text log, where compare looks for it


def read_events(path):
    """The events of a run log.

    Arguments
    ---------
    path : str
        The file; there may be none.

    Returns
    -------
    list of dict
    """
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as fin:
        return [json.loads(line) for line in fin if line.strip()]


def plain(value):
    """A value as JSON can hold it.

    Arguments
    ---------
    value : object
        Numbers that are not finite become None; what JSON does not know, text.

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
