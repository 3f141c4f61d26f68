"""A checkpointer whose checkpoints are complete, or do not exist.

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import os
import shutil
from typing import Any, Callable, Dict, Iterable, Optional

import yaml

from speechbrain.utils.checkpoints import METAFNAME, Checkpoint, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import to_disk
from speechbrain_growth.resume.checksums import damage, seal
from speechbrain_growth.resume.loading import Files, loading

logger = get_logger(__name__)

UNFINISHED = "unfinished-"  # a folder of this name is no checkpoint


class SafeCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, safe from kills and from failing disks.

    A checkpoint is written under another name and renamed when it is complete.
    It holds the checksums of its files; a damaged checkpoint is reported and
    skipped, and the run resumes from the one before it, so at least two are
    kept. Stock SpeechBrain loads these checkpoints as its own.

    Arguments
    ---------
    *args : tuple
        As for ``speechbrain.utils.checkpoints.Checkpointer``.
    **kwargs : dict
        As for ``speechbrain.utils.checkpoints.Checkpointer``.

    Example
    -------
    >>> import torch
    >>> net = torch.nn.Linear(1, 1)
    >>> checkpointer = SafeCheckpointer(getfixture("tmpdir"), {"net": net})
    >>> first = checkpointer.save_checkpoint()
    >>> second = checkpointer.save_checkpoint()
    >>> _ = second.paramfiles["net"].write_bytes(b"")
    >>> checkpointer.find_checkpoint().path == first.path
    True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.damaged = {}  # folder: what is wrong with it
        self._checked = {}  # folder: times and sizes of its files when checked
        self._saving = False

    def save_checkpoint(
        self,
        meta: Optional[Dict[str, Any]] = None,
        end_of_epoch: bool = True,
        name: Optional[str] = None,
        verbosity: int = logging.INFO,
    ) -> Optional[Checkpoint]:
        """Saves a checkpoint; if that fails, nothing has changed.

        Arguments
        ---------
        meta : mapping
            Saved with the parameters.
        end_of_epoch : bool
            Whether the epoch is over.
        name : str
            Its name; None for the date.
        verbosity : int
            Logging level of the line that reports it.

        Returns
        -------
        speechbrain.utils.checkpoints.Checkpoint
            None on other processes than the main one.

        Raises
        ------
        GrowthError
            If it cannot be written.
        """
        self._sweep()
        self._saving = True
        try:
            saved = super().save_checkpoint(
                meta or {}, end_of_epoch, name, logging.DEBUG
            )
            ddp_barrier()  # other processes may not have written yet
            if saved is not None:
                saved = self._finish(saved)
                kind = "end-of-epoch" if end_of_epoch else "intra-epoch"
                logger.log(
                    verbosity, f"Saved an {kind} checkpoint in {saved.path}"
                )
        except (OSError, RuntimeError) as error:
            self._sweep()
            if not _is_about_storage(error):
                raise
            raise GrowthError(self._in_words(error)) from error
        finally:
            self._saving = False
        ddp_barrier()
        return saved

    def save_and_keep_only(
        self,
        meta: Optional[Dict[str, Any]] = None,
        end_of_epoch: bool = True,
        name: Optional[str] = None,
        num_to_keep: int = 1,
        keep_recent: bool = True,
        importance_keys: Iterable[Callable[[Checkpoint], Any]] = (),
        **kwargs: Any,
    ) -> None:
        """Saves a checkpoint, then deletes all but the best and the newest two.

        Arguments
        ---------
        meta : mapping
            Saved with the parameters.
        end_of_epoch : bool
            Whether the epoch is over.
        name : str
            Its name; None for the date.
        num_to_keep : int
            How many to keep of each kind, two at least.
        keep_recent : bool
            Whether the newest are kept.
        importance_keys : iterable of callable
            By which the best are found.
        **kwargs : dict
            As for ``speechbrain.utils.checkpoints.Checkpointer``.
        """
        # A copy of the list, since upstream appends to it
        super().save_and_keep_only(
            meta=meta or {},
            end_of_epoch=end_of_epoch,
            name=name,
            num_to_keep=max(num_to_keep, 2),
            keep_recent=keep_recent,
            importance_keys=list(importance_keys),
            **kwargs,
        )

    def _new_checkpoint_dirpath(self):
        """The folder of the next checkpoint."""
        return self._aside(super()._new_checkpoint_dirpath())

    def _custom_checkpoint_dirpath(self, name):
        """The folder of a checkpoint that is not named by its date."""
        return self._aside(super()._custom_checkpoint_dirpath(name))

    def _aside(self, path):
        """The name of a folder while it is being written."""
        return path.with_name(UNFINISHED + path.name) if self._saving else path

    def _finish(self, saved):
        """Renames a complete checkpoint to its final name."""
        seal(saved.path)
        path = saved.path.with_name(saved.path.name[len(UNFINISHED) :])
        if path.exists():  # of the same name, saved before
            path.rename(self._replaced(path))
        saved.path.rename(path)
        to_disk(self.checkpoints_dir)
        files = {
            name: path / old.name for name, old in saved.paramfiles.items()
        }
        self._checked[path] = _stamp(path)
        self.damaged.pop(path, None)
        return saved._replace(path=path, paramfiles=files)

    def _replaced(self, path):
        """The name of a checkpoint that is about to be deleted."""
        return path.with_name(f"{UNFINISHED}old-{path.name}")

    def _sweep(self):
        """Deletes what a killed or failed save left behind."""
        if if_main_process():
            for path in self.checkpoints_dir.glob(f"{UNFINISHED}*"):
                shutil.rmtree(path, ignore_errors=True)

    def _call_load_hooks(self, checkpoint):
        """Loads a checkpoint; names the file that cannot be loaded."""
        files = Files(checkpoint.paramfiles)
        with loading(checkpoint.path, files):
            super()._call_load_hooks(checkpoint._replace(paramfiles=files))

    def _list_checkpoint_dirs(self):
        """Folders of the checkpoints that are not damaged."""
        found = super()._list_checkpoint_dirs()
        sound = [path for path in found if self._is_sound(path)]
        if found and not sound:
            problems = [f"{p}: {', '.join(self.damaged[p])}" for p in found]
            problems[-1] += (
                "; restore one of them, or name a folder without checkpoints"
            )
            raise GrowthError(problems)
        return sound

    def _is_sound(self, path):
        """Whether a checkpoint is undamaged; checked once."""
        stamp = _stamp(path)
        if self._checked.get(path) != stamp:
            problems = damage(path) or _unreadable(path / METAFNAME)
            self._checked[path] = stamp
            self.damaged.pop(path, None)
            if problems:
                self.damaged[path] = problems
                logger.warning(f"{path} is skipped: {', '.join(problems)}")
        return path not in self.damaged

    def _in_words(self, error):
        """The message for a checkpoint that cannot be written."""
        free = shutil.disk_usage(self.checkpoints_dir).free / 1e6
        newest = self.find_checkpoint()
        earlier = (
            f"The earlier ones are intact; the newest is {newest.path}"
            if newest
            else "There is no earlier one"
        )
        return (
            f"{self.checkpoints_dir}: the checkpoint could not be written "
            f"({error}); {free:.0f} MB are free there. {earlier}. Make room "
            "and give the same command to resume from there"
        )


def _stamp(path):
    """Names, sizes and times of a folder's files, which show a change."""
    try:
        with os.scandir(path) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
    except FileNotFoundError:  # deleted by another process
        return None
    return sorted((name, s.st_size, s.st_mtime_ns) for name, s in stats)


def _unreadable(path):
    """What is wrong with the metadata of a checkpoint without checksums."""
    try:
        with open(path, encoding="utf-8") as fin:
            notes = yaml.safe_load(fin)
    except (OSError, ValueError, yaml.YAMLError):
        notes = None
    complete = isinstance(notes, dict) and {"unixtime", "end-of-epoch"} <= set(
        notes
    )
    return [] if complete else [f"{path.name} is not what was written"]


def _is_about_storage(error):
    """Whether a save failed because of the disk; torch sets no errno."""
    return isinstance(error, OSError) or "inline_container" in str(error)
