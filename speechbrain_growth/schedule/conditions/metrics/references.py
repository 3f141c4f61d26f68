"""Reads the curve of another run, with which a run is compared.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import json

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.kinds import is_number


@functools.lru_cache(maxsize=None)
def curve_of(path, metric):
    """Reads what a metric of a finished run was, and what that had cost.

    Arguments
    ---------
    path : str
        Its ``run_log.jsonl``, which is read once.
    metric : str
        Name of a metric of the validation.

    Returns
    -------
    tuple of tuple
        MACs and metric of each epoch.

    Raises
    ------
    GrowthError
        If the file is no run log, has no such metric, is of a run that grew,
        or of several.

    Example
    -------
    >>> path = getfixture("tmpdir") / "run_log.jsonl"
    >>> _ = path.write('{"event": "epoch", "macs": 5, "valid": {"PER": 40}}')
    >>> curve_of(str(path), "PER")
    ((5, 40),)
    """
    try:
        with open(path, encoding="utf-8") as fin:
            events = [json.loads(line) for line in fin if line.strip()]
    except OSError as error:
        raise GrowthError(
            f"{path}: {error.strerror}; name the run_log.jsonl of a run"
        )
    except ValueError:
        events = [None]
    if not all(isinstance(event, dict) for event in events):
        raise GrowthError(
            f"{path} is no run log; name the run_log.jsonl of a run"
        )
    if any(event.get("event") == "growth" for event in events):
        raise GrowthError(
            f"{path} is of a run that grew; name one that had the larger sizes "
            "from the start"
        )
    epochs = [event for event in events if event.get("event") == "epoch"]
    found = [
        (e.get("macs"), (e.get("valid") or {}).get(metric)) for e in epochs
    ]
    found = [pair for pair in found if all(map(is_number, pair))]
    if not found:
        known = dict.fromkeys(m for e in epochs for m in e.get("valid") or {})
        raise GrowthError(
            f"{path} has no epoch with macs and the metric {metric!r}; its "
            f"metrics are {', '.join(known) or 'none'}"
        )
    if any(later[0] <= pair[0] for pair, later in zip(found, found[1:])):
        raise GrowthError(
            f"{path}: its macs do not rise from epoch to epoch; name the log of "
            "one run"
        )
    return tuple(found)
