"""Writes files that are complete or absent, and follows no links.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import stat
from typing import Iterator

from speechbrain_growth.errors import GrowthError

# What torch says of a full disk
FULL_IN_TORCH = (
    "inline_container",
    "PytorchStreamWriter",
    "iostream error",
    "No space left on",
)


@contextlib.contextmanager
def aside(path: str) -> Iterator[str]:
    """Gives a file another name until it is completely written.

    After a kill, a full disk or an error, the file of the final name is the
    old one or the new one. A link at either name is replaced, not followed.

    Arguments
    ---------
    path : str
        The final name.

    Yields
    ------
    str
        The name under which to write: an empty file, new, in the same folder.

    Example
    -------
    >>> path = getfixture("tmpdir") / "labels.txt"
    >>> with aside(path) as temporary, open(temporary, "w") as fout:
    ...     _ = fout.write("sil")
    >>> path.read()
    'sil'
    """
    path = os.fspath(path)
    temporary = f"{path}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.remove(temporary)  # left by a kill, or a link of somebody else
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.close(handle)
    try:
        yield temporary
        to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # Python names a file that cannot be opened, but none that cannot be
        # written
        if error.errno and error.filename is None:
            error.filename = path
        raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
    to_disk(os.path.dirname(path) or ".")


def open_own(path: str) -> int:
    """Opens a file for reading and writing, or creates it; follows no link.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    int
        Its descriptor.

    Raises
    ------
    GrowthError
        If there is something else than a file, such as a link or a pipe.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> (folder / "run.lock").mksymlinkto("/etc/passwd")
    >>> open_own(folder / "run.lock")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: ...run.lock is no plain file; remove it
    """
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise GrowthError(f"{path} is no plain file; remove it")
    # The flag refuses a link that was made just now
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)


def is_full_in_torch(error: BaseException) -> bool:
    """Tells whether torch could not write; its error has no number.

    Arguments
    ---------
    error : Exception
        Any.

    Returns
    -------
    bool

    Example
    -------
    >>> is_full_in_torch(RuntimeError("basic_ios::clear: iostream error"))
    True
    """
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in FULL_IN_TORCH
    )


def to_disk(path: str) -> None:
    """Waits until the content of a file or folder is on the disk.

    Arguments
    ---------
    path : str
        The file or folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
