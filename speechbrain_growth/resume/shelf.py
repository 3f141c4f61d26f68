"""Moves the folders of checkpoints so that none is ever found half there.

Authors
 * The speechbrain_growth authors 2026
"""

import shutil
import time

from speechbrain.utils.checkpoints import CKPT_PREFIX
from speechbrain_growth.files import to_disk
from speechbrain_growth.resume.soundness import saved_at

UNFINISHED = "unfinished-"  # a folder of this name is no checkpoint
REPLACED = f"{UNFINISHED}old-"  # unless its successor is missing


class Shelf:
    """The folder that holds the checkpoints of a run.

    Arguments
    ---------
    folder : pathlib.Path
        Where they are.

    Example
    -------
    >>> import pathlib
    >>> folder = pathlib.Path(getfixture("tmpdir"))
    >>> shelf = Shelf(folder)
    >>> shelf.aside(folder / "CKPT+1").mkdir()
    >>> shelf.folders()
    []
    >>> shelf.put(shelf.aside(folder / "CKPT+1")).name
    'CKPT+1'
    >>> len(shelf.folders())
    1
    """

    def __init__(self, folder):
        self.folder = folder

    def folders(self):
        """All folders that are to be checkpoints, damaged ones too.

        Returns
        -------
        list of pathlib.Path
        """
        named = self.folder.glob(f"{CKPT_PREFIX}+*")
        return [path for path in (*named, *self._replaced()) if path.is_dir()]

    def aside(self, path):
        """The name of a folder while it is being written.

        Arguments
        ---------
        path : pathlib.Path
            Its final name.

        Returns
        -------
        pathlib.Path
        """
        return path.with_name(UNFINISHED + path.name)

    def put(self, path):
        """Gives a complete folder its final name, in place of an earlier one.

        Arguments
        ---------
        path : pathlib.Path
            Its name from ``aside``.

        Returns
        -------
        pathlib.Path
            Its final name.
        """
        final = path.with_name(path.name[len(UNFINISHED) :])
        if final.exists():
            final.rename(path.with_name(REPLACED + final.name))
        path.rename(final)
        to_disk(self.folder)
        return final

    def drop(self, path):
        """Deletes a checkpoint; it is none from the first moment on.

        Arguments
        ---------
        path : pathlib.Path
            Its folder.
        """
        gone = self.aside(path)
        path.rename(gone)
        shutil.rmtree(gone)

    def sweep(self):
        """Deletes what a killed or failed save left behind."""
        for path in self._replaced():
            path.rename(path.with_name(path.name[len(REPLACED) :]))
        for path in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)

    def next_time(self):
        """A time for the next checkpoint, by which it will be the newest.

        The clock may have been set back since the last one.

        Returns
        -------
        float
            In seconds since 1970.
        """
        newest = max(map(saved_at, self.folders()), default=0)
        return max(time.time(), newest + 0.001)

    def unwritable(self, error, newest):
        """The message for a checkpoint that cannot be written.

        Arguments
        ---------
        error : Exception
            Why.
        newest : speechbrain.utils.checkpoints.Checkpoint
            The newest of the others, if there is one.

        Returns
        -------
        str
        """
        free = shutil.disk_usage(self.folder).free / 1e6
        earlier = (
            f"The earlier ones are intact; the newest is {newest.path}"
            if newest
            else "There is no earlier one"
        )
        return (
            f"{self.folder}: the checkpoint could not be written "
            f"({error}); {free:.0f} MB are free there. {earlier}. Make room "
            "and give the same command to resume from there"
        )

    def _replaced(self):
        """Checkpoints whose successor of the same name did not come."""
        return [
            path
            for path in self.folder.glob(f"{REPLACED}*")
            if not path.with_name(path.name[len(REPLACED) :]).exists()
        ]
