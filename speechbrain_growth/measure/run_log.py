"""The run log: what SpeechBrain's text log says, as JSON lines.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import os

from speechbrain.utils.distributed import main_process_only
from speechbrain.utils.train_logger import FileTrainLogger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.events import RUN_LOG, plain, read_events

STAGES = ("train", "valid", "test")


class RunLogger(FileTrainLogger):
    """The stock text log, and beside it one JSON object for each event.

    Events are ``start`` (what the run is), ``epoch``, ``growth`` and ``test``;
    a run with a ``test`` is finished. The file is replaced as a whole, and an
    epoch that is run again, after a kill, takes the place of its first try.

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

    Raises
    ------
    GrowthError
        If ``better`` is something else.

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

    def __init__(self, save_file, metric, better, precision=2):
        super().__init__(save_file, precision)
        if better not in ("lower", "higher"):
            raise GrowthError(
                f"better: found {better!r}; lower or higher would do"
            )
        self.metric, self.better = metric, better
        folder = os.path.dirname(os.path.abspath(save_file))
        self.run_file = os.path.join(folder, RUN_LOG)

    @property
    def directions(self):
        """Which values are better, of the metric that it was told of."""
        return {self.metric: self.better}

    @main_process_only
    def begin(self, facts, epoch=None):
        """Notes what the run is, when it starts or goes on.

        Arguments
        ---------
        facts : dict
            Seed, sizes, overrides and the like.
        epoch : int
            The last whole epoch of the checkpoint that it goes on from;
            whatever was logged after it is dropped. None: it goes on from
            none, and everything is.
        """
        events = [] if epoch is None else read_events(self.run_file)
        start = {"starts": 0}
        for event in events:
            if event["event"] == "start":
                start = event
        start = {
            **start,
            "event": "start",
            "metric": self.metric,
            "better": self.better,
            **facts,
            "starts": start["starts"] + 1,
        }
        kept = [e for e in _until(events, epoch) if e["event"] != "start"]
        self._replace([start, *kept])

    @main_process_only
    def log_stats(
        self,
        stats_meta,
        train_stats=None,
        valid_stats=None,
        test_stats=None,
        verbose=True,
    ):
        """As ``FileTrainLogger.log_stats``; ``epoch`` in the meta is a number.

        Arguments
        ---------
        stats_meta : dict
            Epoch, learning rate, what the meter says.
        train_stats : dict
            Metrics of the training.
        valid_stats : dict
            Metrics of the validation.
        test_stats : dict
            Metrics of the test.
        verbose : bool
            Whether the standard logger gets the line, too.
        """
        stages = dict(zip(STAGES, (train_stats, valid_stats, test_stats)))
        texts = {f"{stage}_stats": stats for stage, stats in stages.items()}
        super().log_stats(stats_meta, **texts, verbose=verbose)
        found = {stage: s for stage, s in stages.items() if s is not None}
        kind = "epoch" if "epoch" in stats_meta else "test"
        self._add({"event": kind, **stats_meta, **found})

    @main_process_only
    def log_growth(self, entry):
        """Adds a growth.

        Arguments
        ---------
        entry : dict
            As ``GrowthLog`` has it.
        """
        self._add({"event": "growth", **entry})

    def _add(self, event):
        """Adds an event, in place of those of a run that was killed."""
        last = event.get("epoch", math.inf)
        if event["event"] == "epoch":
            last -= 1
        events = _until(read_events(self.run_file), last)
        if event["event"] == "growth":
            events = [e for e in events if e.get("growth") != event["growth"]]
        self._replace([*events, event])

    def _replace(self, events):
        """Writes the whole file anew, so that no line is ever half."""
        temporary = f"{self.run_file}.tmp"
        with open(temporary, "w", encoding="utf-8") as fout:
            for event in events:
                fout.write(json.dumps(plain(event), allow_nan=False) + "\n")
        os.replace(temporary, self.run_file)


def _until(events, epoch):
    """The start, and what happened up to the end of an epoch; no test."""
    return [
        event
        for event in events
        if event["event"] == "start" or event.get("epoch", math.inf) <= epoch
    ]
