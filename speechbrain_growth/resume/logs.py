"""Cuts log files back to their length at a checkpoint, when a run resumes.

A run that was killed between a line of its log and the checkpoint after it
writes that line again.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import shutil

import yaml

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import main_process_only
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.resume.loading import are_counts

logger = get_logger(__name__)


@register_checkpoint_hooks
class Logs:
    """Knows how long each log file was when the checkpoint was saved.

    Loading cuts nothing, since a checkpoint is also loaded to evaluate it.
    Call ``rewind`` to cut.

    Arguments
    ---------
    *paths : str
        The files; they need not exist.

    Example
    -------
    >>> from speechbrain.utils.checkpoints import Checkpointer
    >>> folder = getfixture("tmpdir")
    >>> log = folder / "train_log.txt"
    >>> _ = log.write("epoch: 1\\n")
    >>> logs = Logs(str(log))
    >>> checkpointer = Checkpointer(folder / "save", {"logs": logs})
    >>> _ = checkpointer.save_checkpoint()
    >>> _ = log.write("epoch: 1\\nepoch: 2\\n")
    >>> _ = checkpointer.recover_if_possible()
    >>> logs.rewind()
    >>> log.read()
    'epoch: 1\\n'
    """

    def __init__(self, *paths):
        self.paths = list(paths)
        self.replaced = []  # files that others cut when a run resumes
        self._read = None

    @mark_as_saver
    def _save(self, path):
        """Writes the files' lengths as text."""
        lengths = {os.path.basename(log): _length(log) for log in self.paths}
        with open(path, "w", encoding="utf-8") as fout:
            yaml.safe_dump(lengths, fout)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the lengths, and cuts nothing yet."""
        del end_of_epoch
        with open(path, encoding="utf-8") as fin:
            lengths = yaml.safe_load(fin)
        if not isinstance(lengths, dict) or not are_counts(*lengths.values()):
            raise GrowthError(
                f"{path}: found {shown(lengths)}; it must hold the length of "
                "each log"
            )
        self._read = lengths

    @main_process_only
    def rewind(self):
        """Cuts off what was logged after the checkpoint that was loaded."""
        lengths, self._read = self._read or {}, None
        for log in self.paths:
            kept = lengths.get(os.path.basename(log), _length(log))
            if _length(log) > kept:
                os.truncate(log, kept)
            elif _length(log) < kept:
                logger.warning(
                    f"{log} has {_length(log)} bytes, but had {kept} when the "
                    "checkpoint was saved; new lines are added to what is there"
                )

    @main_process_only
    def set_aside(self):
        """Moves logs of an earlier run away, for a run that starts anew."""
        for log in (*self.paths, *self.replaced):
            if _length(log):
                with open(log, "rb") as fin, open(f"{log}.old", "ab") as fout:
                    shutil.copyfileobj(fin, fout)
                os.remove(log)
                logger.info(
                    f"There is no checkpoint to resume from, but a log, {log}; "
                    f"its lines were moved to {log}.old"
                )


def _length(path):
    """Bytes of a file; 0 if it does not exist."""
    return os.path.getsize(path) if os.path.exists(path) else 0
