"""Log files that go back with the checkpoint that a run goes on from.

A run that is killed between a line of its log and the checkpoint after it
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

logger = get_logger(__name__)


@register_checkpoint_hooks
class Logs:
    """How long each log file was when the checkpoint was saved.

    Loading only reads: a checkpoint is also loaded to evaluate it, and then no
    log must be cut. ``rewind`` does that.

    Arguments
    ---------
    *paths : str
        The files; they need not exist.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> log = folder / "train_log.txt"
    >>> _ = log.write("epoch: 1\\n")
    >>> logs = Logs(str(log))
    >>> logs.save(folder / "logs.ckpt")
    >>> _ = log.write("epoch: 1\\nepoch: 2\\n")
    >>> logs.load(folder / "logs.ckpt")
    >>> logs.rewind()
    >>> log.read()
    'epoch: 1\\n'
    """

    def __init__(self, *paths):
        self.paths = list(paths)
        self.replaced = []  # files that others keep in step with the run
        self._read = None

    @mark_as_saver
    def save(self, path):
        """Writes the files' lengths as text.

        Arguments
        ---------
        path : str
            Where to.
        """
        lengths = {os.path.basename(log): _length(log) for log in self.paths}
        with open(path, "w", encoding="utf-8") as fout:
            yaml.safe_dump(lengths, fout)

    @mark_as_loader
    def load(self, path, end_of_epoch=True):
        """Reads the lengths, and changes nothing yet.

        Arguments
        ---------
        path : str
            Where from.
        end_of_epoch : bool
            Not used.
        """
        del end_of_epoch
        with open(path, encoding="utf-8") as fin:
            self._read = yaml.safe_load(fin)

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
                    "checkpoint was saved; it goes on from what is there"
                )

    @main_process_only
    def set_aside(self):
        """Moves what an earlier run left; a run from the start logs anew."""
        for log in (*self.paths, *self.replaced):
            if _length(log):
                with open(log, "rb") as fin, open(f"{log}.old", "ab") as fout:
                    shutil.copyfileobj(fin, fout)
                os.remove(log)
                logger.info(
                    f"There is no checkpoint to go on from, but {log}; what "
                    f"it held was added to {log}.old"
                )


def _length(path):
    """Bytes of a file; none if it does not exist."""
    return os.path.getsize(path) if os.path.exists(path) else 0
