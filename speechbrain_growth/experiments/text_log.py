"""Reads SpeechBrain's text log, for runs that have no run log.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import re

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.events import read_events
from speechbrain_growth.measure.lines import wrong_in

TEXT_LOG = "train_log.txt"
GROWTH_LOG = "growth_log.jsonl"
ITEM = re.compile(r"(?:^|, | - )(?:(train|valid|test) )?([^:,]+): ([^, ]+)")


def read_text_log(folder):
    """Reads a run that has only a text log: no costs, few digits.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    list of dict
        Events, as a run log has them.

    Raises
    ------
    GrowthError
        If a number is none.
    """
    path = os.path.join(folder, TEXT_LOG)
    if not os.path.exists(path):
        return []
    epochs, tests = {}, []
    with open(path, encoding="utf-8", errors="replace") as fin:
        for number, line in enumerate(fin, start=1):
            event = {}
            for stage, key, text in ITEM.findall(line.rstrip("\n")):
                place = event.setdefault(stage, {}) if stage else event
                place[key] = _number(text)
            kind = "epoch" if "epoch" in event else "test"
            if kind not in event:
                continue
            event = {"event": kind, **event}
            wrong = wrong_in(event)
            if wrong:
                raise GrowthError(f"{path}, line {number}: {wrong}")
            if kind == "epoch":
                epochs[event["epoch"]] = event
            else:
                tests = [event]
    growths = [
        {**growth, "event": "growth"}
        for growth in read_events(os.path.join(folder, GROWTH_LOG), "growth")
    ]
    return [*epochs.values(), *growths, *tests]


def _number(text):
    """A number if it is one; None if it is not finite, as in a run log."""
    if text in ("nan", "inf", "-inf"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
