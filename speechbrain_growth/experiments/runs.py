"""Reads the logs of runs.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re
from typing import NamedTuple

import yaml

from speechbrain_growth.experiments.launchers.commands import noted_settings
from speechbrain_growth.experiments.sweeps.words import (
    BUDGET,
    EQUAL,
    PREDICTED,
    SET_BY_SWEEP,
    START,
)
from speechbrain_growth.experiments.text_log import TEXT_LOG, read_text_log
from speechbrain_growth.measure.events import RUN_LOG, read_events
from speechbrain_growth.schedule.afterwards.budget import Budget

COSTS = ("macs", "cpu_seconds", "gpu_seconds", "wall_seconds")
SETTINGS = ("yaml", "epochs", "sizes", "growth")
MACHINE = ("device", "threads", "torch")


class Run(NamedTuple):
    """One run, finished or not."""

    folder: str  # its output folder
    name: str  # the same for all seeds
    seed: str
    metric: str  # the one of the validation that runs are compared by
    better: str  # lower or higher
    epochs: list  # a dict for each epoch: epoch, costs, train, valid
    growths: list  # of int, the epochs after which it grew
    test: dict  # metrics of the test; empty if it was not tested
    limit: int  # number of epochs that were planned; None if not logged
    settings: dict  # what must be the same for all seeds
    machine: dict  # what must be the same for seconds to be compared
    before: dict  # costs of the run that it starts from, or None
    at_start: float = None  # metric right before a growth after epoch 0
    parameters_at_start: int = None  # and parameters
    budget: Budget = None  # what it may spend, if its log says so
    predicted: object = None  # what its test should give: a number, or two
    equal: tuple = None  # a unit, and the name of the run that costs its budget

    @property
    def state(self):
        """How far the run got, in words."""
        last = self.epochs[-1]["epoch"] if self.epochs else 0
        if self.finished:
            return "finished"
        if self.budget:
            return f"stopped after epoch {last}, with a budget of {self.budget}"
        if self.limit and last >= self.limit:
            return f"all {last} epochs, not tested"
        return f"stopped after epoch {last} of {self.limit or 'unknown'}"

    @property
    def finished(self):
        """Whether the run was trained to its end and tested."""
        return bool(self.test and self.epochs)

    @property
    def curve(self):
        """The metric after each epoch; None where it was not a number."""
        return [e.get("valid", {}).get(self.metric) for e in self.epochs]

    def cost(self, key):
        """Returns one total after each epoch.

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
    """Finds the folders of runs, in some folders or below them.

    Arguments
    ---------
    paths : list of str
        Folders.

    Returns
    -------
    tuple of list of str
        The folders of runs, and the paths without any.
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
        What runs are compared by; needed if there is only a text log.
    better : str
        ``lower`` or ``higher``; needed for a metric that is not the run's own.

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
    settings = {key: overrides[key] for key in {*overrides} - {*SET_BY_SWEEP}}
    settings.update({key: start[key] for key in SETTINGS if key in start})
    if settings.get(START):  # each seed starts from its own earlier run
        settings[START] = name_and_seed(str(settings[START]))[0]
    noted = noted_settings(folder) or {}
    settings.update(_new_budget(settings.get(BUDGET), start.get("before")))
    if EQUAL in noted:  # each seed costs as much as its own other run
        settings[BUDGET] = noted[EQUAL]
    same = metric in (None, start.get("metric"))
    at_once = [e for e in by_kind["growth"] if e["grown"] and e["epoch"] == 0]
    at_start = (at_once or [{}])[0]
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
        at_start=at_start.get("valid_before", {}).get(
            metric or start.get("metric")
        ),
        parameters_at_start=at_start.get("parameters_before"),
        budget=_budget_in(start),
        predicted=yaml.safe_load(noted.get(PREDICTED, "")),
        equal=tuple(noted[EQUAL].split(" of ", 1)) if EQUAL in noted else None,
    )


def is_done(folder):
    """Returns whether a run was tested, which is the last step of every run.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    bool
    """
    events = read_events(os.path.join(folder, RUN_LOG))
    return any(event["event"] == "test" for event in events)


def epochs_done(folder):
    """Returns how many epochs of a run are done, or how much of its budget.

    Arguments
    ---------
    folder : str
        Its output folder.

    Returns
    -------
    str
        Such as ``3/20`` or ``15 %``.
    """
    events = read_events(os.path.join(folder, RUN_LOG))
    epochs = [event for event in events if event["event"] == "epoch"]
    budget = _budget_in(events[0]) if events else None
    if budget and budget.unit in COSTS:
        spent = epochs[-1].get(budget.unit) if epochs else 0
        return f"{100 * budget.share(spent or 0):.0f} %"
    limit = events[0].get("epochs", "?") if events else "?"
    return f"{max((e['epoch'] for e in epochs), default=0)}/{limit}"


def epoch_macs(runs):
    """Returns the MACs of a whole epoch of a network that does not grow.

    Arguments
    ---------
    runs : list of Run
        Of that network. A budget may have ended the last epoch of each.

    Returns
    -------
    float
        A mean; None if no run logged a whole epoch.
    """
    found = []
    for run in runs:
        whole = run.epochs if run.budget is None else run.epochs[:-1]
        if whole and whole[-1].get("macs") and whole[-1]["epoch"]:
            found.append(whole[-1]["macs"] / whole[-1]["epoch"])
    return sum(found) / len(found) if found else None


def name_and_seed(folder, seed=None):
    """The name and the seed of a run, from its folder and its logged seed.

    >>> name_and_seed("results/grow/1986"), name_and_seed("runs/grow-1986")
    (('grow', '1986'), ('grow', '1986'))
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


def _new_budget(budget, before):
    """A budget without what an earlier run had spent, if it was given so."""
    amounts = budget if isinstance(budget, dict) else {}
    units = [unit for unit, amount in amounts.items() if amount is None]
    if len(units) != 1 or len(amounts) != 2:
        return {}
    (total,) = (amount for amount in amounts.values() if amount is not None)
    spent = (before or {}).get(units[0].removeprefix("new_"), 0)
    return {BUDGET: {units[0]: round(total - spent, 6)}}


def _budget_in(start):
    """The budget that a run logged when it began; None if it has none."""
    return next((Budget(*item) for item in start.get(BUDGET, {}).items()), None)
