"""A checkpointer whose checkpoints are complete, or do not exist.

Authors
 * The speechbrain_growth authors 2026
"""

import logging
from typing import Any, Callable, Dict, Iterable, List, Optional

from speechbrain.utils.checkpoints import Checkpoint, Checkpointer, ckpt_recency
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    main_process_only,
)
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import is_full_in_torch
from speechbrain_growth.resume.checksums import seal
from speechbrain_growth.resume.loading import Files, loading
from speechbrain_growth.resume.shelf import Shelf
from speechbrain_growth.resume.soundness import SEALED, Soundness

logger = get_logger(__name__)


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
        self.shelf = Shelf(self.checkpoints_dir)
        self.soundness = Soundness()
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
        meta = {
            **(meta or {}),
            SEALED: True,
            "unixtime": self.shelf.next_time(),
        }
        try:
            saved = super().save_checkpoint(
                meta, end_of_epoch, name, logging.DEBUG
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
            if not (isinstance(error, OSError) or is_full_in_torch(error)):
                raise
            words = self.shelf.unwritable(error, self.find_checkpoint())
            raise GrowthError(words) from error
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

    def delete_checkpoints(
        self,
        *,
        num_to_keep: int = 1,
        min_keys: Optional[List[str]] = None,
        max_keys: Optional[List[str]] = None,
        importance_keys: Iterable[Callable[[Checkpoint], Any]] = (
            ckpt_recency,
        ),
        ckpt_predicate: Optional[Callable[[Checkpoint], bool]] = None,
        verbosity: int = logging.INFO,
    ) -> None:
        """Deletes all but the best; none is ever found half deleted.

        Arguments
        ---------
        num_to_keep : int
            How many to keep of each kind.
        min_keys : list of str
            Metrics in the metadata; the lowest values are the best.
        max_keys : list of str
            The same; the highest values are the best.
        importance_keys : iterable of callable
            By which the best are found.
        ckpt_predicate : callable
            Whether a checkpoint may be deleted.
        verbosity : int
            Logging level of the line that reports a deletion.
        """
        ways = [{"min_key": key} for key in min_keys or ()]
        ways += [{"max_key": key} for key in max_keys or ()]
        ways += [{"importance_key": key} for key in importance_keys]
        candidates, kept = set(), set()
        for way in ways:
            way["ckpt_predicate"] = ckpt_predicate
            best_first = self.find_checkpoints(**way)
            candidates.update(best_first)
            kept.update(best_first[:num_to_keep])
        ddp_barrier()  # no process reads the list while another deletes
        if if_main_process():
            for path in sorted(found.path for found in candidates - kept):
                self.shelf.drop(path)
                logger.log(verbosity, f"Deleted checkpoint in {path}")
        ddp_barrier()

    def _new_checkpoint_dirpath(self):
        """The folder of the next checkpoint."""
        return self._aside(super()._new_checkpoint_dirpath())

    def _custom_checkpoint_dirpath(self, name):
        """The folder of a checkpoint that is not named by its date."""
        return self._aside(super()._custom_checkpoint_dirpath(name))

    def _aside(self, path):
        """The name of a folder while it is being written."""
        return self.shelf.aside(path) if self._saving else path

    def _finish(self, saved):
        """Renames a complete checkpoint to its final name."""
        seal(saved.path)
        path = self.shelf.put(saved.path)
        files = {
            name: path / old.name for name, old in saved.paramfiles.items()
        }
        self.soundness.trust(path)
        return saved._replace(path=path, paramfiles=files)

    @main_process_only
    def _sweep(self):
        """Deletes what a killed or failed save left behind."""
        self.shelf.sweep()

    def _call_load_hooks(self, checkpoint):
        """Loads a checkpoint; names the file that cannot be loaded."""
        files = Files(checkpoint.paramfiles)
        with loading(checkpoint.path, files):
            super()._call_load_hooks(checkpoint._replace(paramfiles=files))

    def _list_checkpoint_dirs(self):
        """Folders of the checkpoints that are not damaged."""
        found = self.shelf.folders()
        sound = [path for path in found if self.soundness.of(path)]
        known = self.soundness.damaged
        damaged = {path: known[path] for path in found if path in known}
        if damaged and not sound:
            problems = [
                f"{path}: {', '.join(damaged[path])}" for path in damaged
            ]
            problems[-1] += (
                "; restore one of them, or name a folder without checkpoints"
            )
            raise GrowthError(problems)
        return sound
