"""Writes a new folder completely, or not at all.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import shutil
import tempfile

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import to_disk


def check_free(folder):
    """Raises if a folder cannot be the one that is written.

    Arguments
    ---------
    folder : str
        Need not exist.

    Raises
    ------
    GrowthError
        If it holds something, or is no folder.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> check_free(folder)
    >>> _ = (folder / "notes.txt").write("mine")
    >>> check_free(folder)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: ...: it is not empty (notes.txt); name another folder
    """
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise GrowthError(f"{folder}: it is no folder; name another")
    found = sorted(os.listdir(folder))
    if found:
        raise GrowthError(
            f"{folder}: it is not empty ({', '.join(found[:3])}"
            f"{', ...' * (len(found) > 3)}); name another folder"
        )


@contextlib.contextmanager
def folder_aside(folder):
    """Gives a folder another name until it is completely written.

    Arguments
    ---------
    folder : str
        The final name; an empty folder is replaced.

    Yields
    ------
    str
        The name under which to write: an empty folder beside the final one.

    Example
    -------
    >>> folder = getfixture("tmpdir") / "new"
    >>> with folder_aside(folder) as temporary:
    ...     _ = open(f"{temporary}/a.txt", "w").write("a")
    >>> [path.basename for path in folder.listdir()]
    ['a.txt']
    """
    folder = os.path.realpath(folder)
    above, name = os.path.split(folder)
    os.makedirs(above, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=f".{name}.", dir=above)
    try:
        yield temporary
        for path, _, files in os.walk(temporary):
            for one in files:
                to_disk(os.path.join(path, one))
        os.chmod(temporary, 0o777 & ~_umask())  # mkdtemp closes it to others
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask():
    """The permissions that new files of this process lack."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
