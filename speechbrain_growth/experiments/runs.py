"""Reads what runs have logged.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import re
from typing import NamedTuple

from speechbrain_growth.experiments.grid import OWN, START
from speechbrain_growth.measure.events import RUN_LOG, read_events

TEXT_LOG = "train_log.txt"
GROWTH_LOG = "growth_log.jsonl"
COSTS = ("macs", "cpu_seconds", "gpu_seconds", "wall_seconds")
SETTINGS = ("yaml", "epochs", "sizes", "growth")
MACHINE = ("device", "threads", "torch")
ITEM = re.compile(r"(?:^|, | - )(?:(train|valid|test) )?([^:,]+): ([^, ]+)")


class Run(NamedTuple):
    """One run, as far as it came."""

    folder: str  # where it was found
    name: str  # what it shares with the same run of other seeds
    seed: str  # in what it differs from them
    metric: str  # by which it is judged on the validation set
    better: str  # lower or higher
    epochs: list  # of dict, one for each epoch: epoch, costs, train, valid
    growths: list  # of int, the epochs after which it grew
    test: dict  # metrics of the test; empty if it was not tested
    limit: int  # how many epochs it is to have; None if that is not logged
    settings: dict  # what must be the same for all seeds
    machine: dict  # what must be the same for seconds to be compared
    before: dict  # what an earlier run had cost that it starts from, or None
    at_start: float = None  # metric right before a growth after epoch 0

    @property
    def state(self):
        """How far it came, in words."""
        last = self.epochs[-1]["epoch"] if self.epochs else 0
        if self.finished:
            return "finished"
        if self.limit and last >= self.limit:
            return f"all {last} epochs, not tested"
        return f"stopped after epoch {last} of {self.limit or 'unknown'}"

    @property
    def finished(self):
        """Whether it was trained to its end and tested."""
        return bool(self.test and self.epochs)

    @property
    def curve(self):
        """The metric after each epoch; None where it was no number."""
        return [e.get("valid", {}).get(self.metric) for e in self.epochs]

    def cost(self, key):
        """One total after each epoch.

        Arguments
        ---------
        key : str
            ``macs``, for instance.

        Returns
        -------
        list of float
            None where it was not logged.
        """
        return [epoch.get(key) for epoch in self.epochs]


def find_runs(paths):
    """The folders of runs, at some places or below them.

    Arguments
    ---------
    paths : list of str
        Folders.

    Returns
    -------
    tuple of list of str
        The runs, and the places where there is none.
    """
    found, missing = [], []
    for path in paths:
        here = sorted(
            folder
            for folder, _, files in os.walk(path)
            if {RUN_LOG, TEXT_LOG} & set(files)
        )
        found += [os.path.normpath(folder) for folder in here]
        missing += [] if here else [os.path.normpath(path)]
    return list(dict.fromkeys(found)), missing


def read_run(folder, metric=None, better=None):
    """Reads one run.

    Arguments
    ---------
    folder : str
        Its output folder.
    metric : str
        By which it is judged; needed where there is a text log only.
    better : str
        ``lower`` or ``higher``; needed with another metric than the run's.

    Returns
    -------
    Run
    """
    events = read_events(os.path.join(folder, RUN_LOG))
    if not events:
        events = read_text_log(folder)
    by_kind = {
        kind: [e for e in events if e["event"] == kind]
        for kind in ("start", "epoch", "growth", "test")
    }
    start = (by_kind["start"] or [{}])[0]
    tests = [e["test"] for e in events if "test" in e]
    name, seed = name_and_seed(folder, start.get("seed"))
    overrides = start.get("overrides", {})
    settings = {key: overrides[key] for key in {*overrides} - {*OWN}}
    settings.update({key: start[key] for key in SETTINGS if key in start})
    if settings.get(START):  # each seed from its own
        settings[START] = name_and_seed(settings[START])[0]
    same = metric in (None, start.get("metric"))
    return Run(
        folder=folder,
        name=name,
        seed=seed,
        metric=metric or start.get("metric"),
        better=better or (start.get("better") if same else None),
        epochs=by_kind["epoch"],
        growths=[e["epoch"] for e in by_kind["growth"] if e["grown"]],
        test=tests[-1] if by_kind["test"] else {},
        limit=start.get("epochs"),
        settings=settings,
        machine={key: start[key] for key in MACHINE if key in start},
        before=start.get("before"),
        at_start=next(
            (
                event.get("valid_before", {}).get(metric or start.get("metric"))
                for event in by_kind["growth"]
                if event["grown"] and event["epoch"] == 0
            ),
            None,
        ),
    )


def name_and_seed(folder, seed=None):
    """What a run shares with those of other seeds, and its seed.

    Arguments
    ---------
    folder : str
        Called ``NAME/SEED``, ``NAME-SEED`` or anything else.
    seed : int
        The seed if it is known.

    Returns
    -------
    tuple of str

    Example
    -------
    >>> name_and_seed("results/grow/1986")
    ('grow', '1986')
    >>> name_and_seed("runs/grow-1986")
    ('grow', '1986')
    >>> name_and_seed("runs/first_try", 7)
    ('first_try', '7')
    """
    head, last = os.path.split(os.path.normpath(folder))
    if re.fullmatch(r"\d+", last):
        return os.path.basename(head) or last, str(seed or last)
    found = re.fullmatch(r"(.+)[-_](\d+)", last)
    if found and str(seed if seed is not None else found[2]) == found[2]:
        return found[1], found[2]
    return last, "" if seed is None else str(seed)


def read_text_log(folder):
    """The events of a run that has SpeechBrain's text log only.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    list of dict
        Metrics as printed, and no costs.
    """
    path = os.path.join(folder, TEXT_LOG)
    if not os.path.exists(path):
        return []
    epochs, tests = {}, []
    with open(path, encoding="utf-8") as fin:
        for line in fin:
            event = {}
            for stage, key, text in ITEM.findall(line.rstrip("\n")):
                place = event.setdefault(stage, {}) if stage else event
                place[key] = _number(text)
            if "epoch" in event:
                epochs[event["epoch"]] = {"event": "epoch", **event}
            elif "test" in event:
                tests = [{"event": "test", **event}]
    growths = [
        {**growth, "event": "growth"}
        for growth in read_events(os.path.join(folder, GROWTH_LOG))
    ]
    return [*epochs.values(), *growths, *tests]


def _number(text):
    """A number if it is one."""
    try:
        return json.loads(text)
    except ValueError:
        return text
