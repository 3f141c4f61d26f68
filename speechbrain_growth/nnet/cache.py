"""Keeps compiled files between starts, and returns none that has changed.

The name of a file ends with its SHA-256, so a file that a kill, a full disk or
a failing one has damaged is found. One that another user wrote would run with
the rights of this one, so the folder must be this user's alone.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from speechbrain.utils.logger import get_logger
from speechbrain_growth.files import to_disk

logger = get_logger(__name__)


@contextlib.contextmanager
def own_folder(path):
    """Opens a folder in which this user, and nobody else, may write.

    Arguments
    ---------
    path : str or pathlib.Path
        Is made if there is nothing.

    Yields
    ------
    pathlib.Path
        A path to it that leads to the same folder even if a folder above it
        is renamed meanwhile.

    Raises
    ------
    OSError
        If others may write in it, or if it cannot be opened.

    Example
    -------
    >>> with own_folder(getfixture("tmp_path") / "cache") as folder:
    ...     _ = (folder / "one").write_text("1")
    >>> (getfixture("tmp_path") / "cache" / "one").read_text()
    '1'
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _is_own(os.fstat(handle)):
            raise PermissionError(
                f"{path} belongs to another user, or others may write in it; "
                f"`chmod go-w {path}` makes it yours alone"
            )
        opened = Path(f"/proc/self/fd/{handle}")
        yield opened if opened.exists() else Path(path)
    finally:
        os.close(handle)


def keep(folder, stem, content):
    """Writes a file under a name that tells its content; safe in a crowd.

    Arguments
    ---------
    folder : pathlib.Path
        From ``own_folder``.
    stem : str
        How the name begins. Damaged files of this beginning are removed.
    content : bytes
        What to write.

    Returns
    -------
    pathlib.Path

    Example
    -------
    >>> path = keep(getfixture("tmp_path"), "one", b"1")
    >>> path.name
    'one-6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b.so'
    >>> find(getfixture("tmp_path"), "one") == path
    True
    """
    path = folder / f"{stem}-{hashlib.sha256(content).hexdigest()}.so"
    # Other processes, and other machines, may write the same file now
    handle, temporary = tempfile.mkstemp(dir=folder)
    try:
        with open(handle, "wb") as fout:
            fout.write(content)
        to_disk(temporary)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
    to_disk(folder)
    for other in folder.glob(f"{stem}-*.so"):
        if other != path and not _is_sound(other):
            other.unlink(missing_ok=True)
    return path


def find(folder, stem):
    """Finds a kept file whose content is what was written.

    Arguments
    ---------
    folder : pathlib.Path
        From ``own_folder``.
    stem : str
        How its name begins.

    Returns
    -------
    pathlib.Path
        None if there is no such file.
    """
    for path in sorted(folder.glob(f"{stem}-*.so")):
        if _is_sound(path):
            return path
        logger.warning(
            f"{path.name} in the cache is not what was kept there; it is "
            "compiled again"
        )
    return None


def _is_sound(path):
    """Whether a file is this user's, and has the content its name tells."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as fin:
            status = os.fstat(handle)
            if not (stat.S_ISREG(status.st_mode) and _is_own(status)):
                return False
            digest = hashlib.sha256(fin.read()).hexdigest()
    except OSError:
        return False
    return path.stem.endswith(f"-{digest}")


def _is_own(status):
    """Whether a file or folder is this user's, and nobody else may write it."""
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.geteuid() and not status.st_mode & others
