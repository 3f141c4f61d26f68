"""Writes the run log: SpeechBrain's text log again, as lines of JSON.

Authors
 * The speechbrain_growth authors 2026
"""

import math
import os
from typing import Any, Dict, Optional, Sequence, Union

import torch

from speechbrain.utils.distributed import main_process_only
from speechbrain.utils.logger import get_logger
from speechbrain.utils.train_logger import FileTrainLogger, TrainLogger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.events import (
    RUN_LOG,
    plain,
    read_events,
    write_events,
)
from speechbrain_growth.measure.growth_log import GrowthLog
from speechbrain_growth.measure.meter import Meter
from speechbrain_growth.measure.other_loggers import TEXT, OtherLoggers

logger = get_logger(__name__)
STAGES = ("train", "valid", "test")


class RunLogger(FileTrainLogger):
    """SpeechBrain's text log, and a file with one line of JSON per event.

    Events are ``start`` (what the run is), ``epoch``, ``growth`` and ``test``;
    a run with a ``test`` is finished. If a killed run is started again and
    repeats an epoch, the event of the second try replaces that of the first.

    Arguments
    ---------
    save_file : str
        The text log.
    metric : str
        Metric of the validation by which runs are compared.
    better : str
        ``lower`` or ``higher``: which value of it is the better one.
    precision : int
        As for ``FileTrainLogger``.
    also : list
        Who gets the same: ``tensorboard``, ``wandb``, or loggers of
        SpeechBrain. Nobody by default.

    Raises
    ------
    GrowthError
        If ``better`` is something else, or one of ``also`` is unknown or needs
        a package that is not installed.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> log = RunLogger(str(folder / "train_log.txt"), "PER", "lower")
    >>> log.begin({"seed": 1})
    >>> valid = {"PER": 20.0}
    >>> log.log_stats({"epoch": 1}, valid_stats=valid, verbose=False)
    >>> [event["event"] for event in read_events(log.run_file)]
    ['start', 'epoch']
    """

    def __init__(
        self,
        save_file: str,
        metric: str,
        better: str,
        precision: int = 2,
        also: Sequence[Union[str, TrainLogger]] = (),
    ) -> None:
        super().__init__(save_file, precision)
        if better not in ("lower", "higher"):
            raise GrowthError(f"better: found {better!r}; use lower or higher")
        self.metric, self.better = metric, better
        folder = os.path.dirname(os.path.abspath(save_file))
        self.run_file = os.path.join(folder, RUN_LOG)
        self.others = OtherLoggers(also, folder)
        self.watched = None  # the growth log and the meter

    @property
    def directions(self) -> Dict[str, str]:
        """For the metric by which runs are compared: which value is better."""
        return {self.metric: self.better}

    def watch(self, growth_log: GrowthLog, meter: Meter) -> None:
        """Says where the other loggers' growths come from.

        Arguments
        ---------
        growth_log : GrowthLog
            Has their sentences.
        meter : Meter
            Knows what the present model costs.
        """
        self.watched = growth_log, meter

    @main_process_only
    def begin(self, facts: Dict[str, Any], epoch: Optional[int] = None) -> None:
        """Writes the ``start`` event when a run starts or resumes.

        Its key ``first`` keeps what differed at the first start, which is also
        logged.

        Arguments
        ---------
        facts : dict
            From ``run_facts``.
        epoch : int
            The last complete epoch of the checkpoint that the run resumes
            from; later events are dropped. None if the run starts anew, which
            drops all events.
        """
        self.others.open(anew=epoch is None)
        events = [] if epoch is None else read_events(self.run_file)
        start = {"starts": 0}
        for event in events:
            if event["event"] == "start":
                start = event
        was = {**start, **start.pop("first", {})}
        first = _changed(was, plain(facts))
        if first:
            start["first"] = first
            _tell(first, facts)
        start = {
            **start,
            "event": "start",
            "metric": self.metric,
            "better": self.better,
            **facts,
            "starts": start.get("starts", 0) + 1,
        }
        kept = [e for e in _until(events, epoch) if e["event"] != "start"]
        write_events(self.run_file, map(plain, [start, *kept]))

    @main_process_only
    def log_stats(
        self,
        stats_meta: Dict[str, Any],
        train_stats: Optional[Dict[str, Any]] = None,
        valid_stats: Optional[Dict[str, Any]] = None,
        test_stats: Optional[Dict[str, Any]] = None,
        verbose: bool = True,
    ) -> None:
        """Logs as ``FileTrainLogger.log_stats`` does, in both files.

        Then the other loggers get it, with the growths since the epoch before.

        Arguments
        ---------
        stats_meta : dict
            Epoch (as a number), learning rate, what ``meter.stats`` returns.
        train_stats : dict
            Metrics of the training.
        valid_stats : dict
            Metrics of the validation.
        test_stats : dict
            Metrics of the test.
        verbose : bool
            Whether the line is also printed.
        """
        stages = dict(zip(STAGES, (train_stats, valid_stats, test_stats)))
        texts = {f"{stage}_stats": stats for stage, stats in stages.items()}
        super().log_stats(stats_meta, **texts, verbose=verbose)
        found = {stage: s for stage, s in stages.items() if s is not None}
        kind = "epoch" if "epoch" in stats_meta else "test"
        self._add({"event": kind, **stats_meta, **found})
        if self.others.also:
            self._pass_on(stats_meta, stages)

    def _pass_on(self, meta, stages):
        """Gives an epoch, or a test, to the other loggers."""
        is_epoch = "epoch" in meta
        step = meta["epoch"] if is_epoch else 1 + self._last_epoch()
        if self.watched is not None and is_epoch:
            growth_log, meter = self.watched
            meta = {**meta, "growth/MACs": meter.macs(growth_log.example_shape)}
            meta["growth/parameters"] = meter.parameters
            words = growth_log.after(step - 1)
            meta.update({TEXT: words} if words else {})
        self.others.log(step, meta, stages)

    def _last_epoch(self):
        """The last epoch that was logged; 0 if none was."""
        events = read_events(self.run_file)
        return max(
            (e["epoch"] for e in events if e["event"] == "epoch"), default=0
        )

    @main_process_only
    def log_growth(self, entry: Dict[str, Any]) -> None:
        """Adds a ``growth`` event.

        Arguments
        ---------
        entry : dict
            The same as in the ``GrowthLog``.
        """
        self._add({"event": "growth", **entry})

    def _add(self, event):
        """Adds an event; drops those that a killed run logged after it."""
        last = event.get("epoch", math.inf)
        if event["event"] == "epoch":
            last -= 1
        events = _until(read_events(self.run_file), last)
        if event["event"] == "growth":
            events = [e for e in events if e.get("growth") != event["growth"]]
        write_events(self.run_file, map(plain, [*events, event]))


def _until(events, epoch):
    """The start and all events up to the end of an epoch, without a test."""
    return [
        event
        for event in events
        if event["event"] == "start" or event.get("epoch", math.inf) <= epoch
    ]


def _changed(was, facts):
    """Those facts of a run's first start that are others now."""
    return {k: was[k] for k in facts if k in was and was[k] != facts[k]}


def _tell(first, facts):
    """Logs what differs from a run's first start."""
    was, now = ({**facts, **known} for known in (first, {}))
    words = [
        f"{key} was {was[key]}, is {now[key]}"
        for key in first
        if key != "overrides"
    ]
    was, now = was.get("overrides", {}), now.get("overrides", {})
    told = {"growth", "seed", "number_of_epochs", *facts.get("sizes", {})}
    words += [
        f"{key} was {was.get(key, 'that of the YAML')}, is "
        f"{now.get(key, 'that of the YAML')}"
        for key in sorted({*was, *now} - told)
        if was.get(key) != now.get(key)
    ]
    logger.warning(
        f"This run was begun with other settings: {'; '.join(words)}"
    )


def run_facts(blueprint, device, budget=None):
    """What a run is, for its log.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.
    device : str
        Where the run computes.
    budget : Budget
        What it may spend; None for no limit.

    Returns
    -------
    dict
    """
    return {
        "yaml": os.path.basename(blueprint.path),
        "overrides": blueprint.overrides,
        "seed": blueprint.value("seed"),
        "epochs": blueprint.value("number_of_epochs"),
        "sizes": blueprint.sizes,
        "growth": blueprint.value("growth"),
        **({} if budget is None else {"budget": dict([budget])}),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
