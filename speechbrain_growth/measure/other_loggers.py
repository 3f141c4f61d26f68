"""Passes what a run logs on to TensorBoard, Weights & Biases and others.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import math
import os
import uuid

from speechbrain.utils.train_logger import (
    TensorboardLogger,
    TrainLogger,
    WandBLogger,
)
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.files import aside

NAMES = ("tensorboard", "wandb")  # each is also the package that it needs
TEXT = "growth"  # under which the sentence of a growth is found
WANDB_ID = "wandb_id.txt"  # in the output folder


class OtherLoggers:
    """Loggers that get what ``RunLogger`` gets, each epoch at its own step.

    SpeechBrain's ``TensorboardLogger`` counts its steps from 1 in every
    process. Here, the step is the epoch. If a resumed run repeats an epoch,
    TensorBoard is told to drop what a killed run wrote from that step on.

    Arguments
    ---------
    also : list
        Names, ``tensorboard`` or ``wandb``, or SpeechBrain's loggers.
    folder : str
        The output folder.

    Raises
    ------
    GrowthError
        Naming every unknown logger and every package that is missing.

    Example
    -------
    >>> OtherLoggers(["tensorbord"], "results")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: loggers: found 'tensorbord'; use tensorboard, wandb or a logger of SpeechBrain
    """

    def __init__(self, also, folder):
        self.also, self.folder = also, folder
        problems = wrong_loggers(also)
        if problems:
            raise GrowthError(problems)
        self.opened = None  # the loggers, once the run has begun
        self.last = math.inf  # step that was logged last

    def open(self, anew):
        """Opens the loggers that were given by name.

        Arguments
        ---------
        anew : bool
            Whether a run starts anew, which makes a new run of W&B.

        Raises
        ------
        GrowthError
            If W&B cannot be reached, or has no login.
        """
        if self.opened is None:
            self.opened = [self._made(one, anew) for one in self.also]

    def log(self, step, meta, stages):
        """Logs one epoch, or the test.

        Arguments
        ---------
        step : int
            The epoch; for a test, the epoch after the last one.
        meta : dict
            ``stats_meta`` for ``log_stats``. A growth's sentence is under
            ``TEXT``.
        stages : dict
            The stats of the stages; None for a stage that was not run.

        Raises
        ------
        GrowthError
            If TensorBoard is to get a list, which has no epoch.
        """
        self.open(anew=False)
        texts = {f"{stage}_stats": stats for stage, stats in stages.items()}
        for logger in self.opened:
            if isinstance(logger, TensorboardLogger):
                self._log_steps(logger, step, meta, stages)
            else:
                logger.log_stats(meta, **texts, verbose=False)
        self.last = step

    def _made(self, one, anew):
        """A logger by its name, or one that is made already."""
        if one == "tensorboard":
            return TensorboardLogger(os.path.join(self.folder, one))
        return self._wandb(anew) if one == "wandb" else one

    def _wandb(self, anew):
        """A run of W&B; a run that resumes continues it."""
        import wandb

        path = os.path.join(self.folder, WANDB_ID)
        if anew or not os.path.exists(path):
            with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
                fout.write(uuid.uuid4().hex[:8])
        with open(path, encoding="utf-8") as fin:
            number = fin.read().strip()
        try:
            return WandBLogger(
                wandb.init, dir=self.folder, id=number, resume="allow"
            )
        except Exception as error:  # of SpeechBrain's, about that of W&B
            raise GrowthError(
                f"loggers: wandb: {error.__context__ or error}; run `wandb "
                "login`, or set WANDB_MODE=offline"
            )

    def _log_steps(self, logger, step, meta, stages):
        """Writes an epoch for TensorBoard, at its step and to the disk."""
        _must_be_single(stages)
        if step <= self.last:
            _drop_from(logger.writer, step)
        before = step - 1  # it adds 1 itself
        logger.global_step = {
            "meta": before,
            **{k: dict.fromkeys(v or (), before) for k, v in stages.items()},
        }
        texts = {f"{stage}_stats": stats for stage, stats in stages.items()}
        numbers = {k: v for k, v in meta.items() if not isinstance(v, str)}
        logger.log_stats(numbers, **texts)
        if TEXT in meta:
            logger.writer.add_text(TEXT, meta[TEXT], step)
        logger.writer.flush()


def wrong_loggers(also):
    """Returns what is wrong with a list of loggers.

    Arguments
    ---------
    also : list
        As for ``OtherLoggers``.

    Returns
    -------
    list of str
        Empty if nothing is wrong.

    Example
    -------
    >>> wrong_loggers("wandb")
    ["loggers: found 'wandb'; give a list: [tensorboard]"]
    """
    if not isinstance(also, (list, tuple)):
        return [f"loggers: found {shown(also)}; give a list: [tensorboard]"]
    known = [one for one in also if isinstance(one, str) and one in NAMES]
    return [
        f"loggers: found {shown(one)}; use {', '.join(NAMES)} or a logger of "
        "SpeechBrain"
        for one in also
        if one not in known and not isinstance(one, TrainLogger)
    ] + [
        f"loggers: the package {name} is not installed; run `pip install -e "
        "'.[loggers]'` in the repository, or remove it from the list"
        for name in known
        if importlib.util.find_spec(name) is None
    ]


def _must_be_single(stages):
    """Raises for values per batch."""
    problems = [
        f"{stage}_stats: {key} is a list; give one number for the epoch"
        for stage, stats in stages.items()
        for key, value in (stats or {}).items()
        if isinstance(value, list)
    ]
    if problems:
        raise GrowthError(problems)


def _drop_from(writer, step):
    """Tells TensorBoard to drop all that was written from a step on."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    again = SessionLog(status=SessionLog.START)
    writer.file_writer.add_event(Event(session_log=again), step)
