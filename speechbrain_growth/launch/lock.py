"""Locks an output folder, so that one run at a time writes into it.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import errno
import fcntl
import os
import socket

from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import open_own
from speechbrain_growth.launch.processes import on_main

logger = get_logger(__name__)

LOCK = "run.lock"
_held = {}  # lock files of this process, which stay open until it ends


def lock_folder(folder):
    """Locks a folder for this process, until it ends.

    The system unlocks it then, even after a kill. Of several processes that
    train one model, the main one holds the lock.

    Arguments
    ---------
    folder : str
        Created if it does not exist.

    Returns
    -------
    str
        Path of the lock file; None if this process had the lock already, or
        if the file system has no locks.

    Raises
    ------
    GrowthError
        If another process has the lock, or if the folder holds links that
        another user made.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = lock_folder(folder)
    >>> (folder / "run.lock").read().split()[0] == f"{os.getpid()}"
    True
    >>> lock_folder(folder)
    """
    return on_main(_take, folder)


def _take(folder):
    """Locks a folder, on the main process."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(os.path.realpath(folder), LOCK)
    if _held.get(path, (None, None))[0] == os.getpid():
        return None
    _refuse_planted(folder)
    handle = open_own(path)
    try:
        # Not inherited by the workers of a loader, which may live longer
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(handle, 200).decode("utf-8", "replace").strip()
        os.close(handle)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise GrowthError(
                f"output_folder: another run is writing into {folder} (process "
                f"{holder or 'unknown'}); wait for its end or name another "
                "folder"
            )
        logger.warning(
            f"{path} cannot be locked ({error}); start no other run that "
            f"writes into {folder}"
        )
        return None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} on {socket.gethostname()}\n".encode())
    _held[path] = (os.getpid(), handle)
    return path


def _refuse_planted(folder):
    """Raises if a run would write through the links of another user."""
    found = [
        entry.path
        for entry in os.scandir(folder)
        if entry.is_symlink()
        and not entry.is_dir()
        and entry.stat(follow_symlinks=False).st_uid != os.geteuid()
    ]
    if found:
        raise GrowthError(
            [
                f"{path} is a link that another user made, and a run would "
                "write where it points; remove it"
                for path in sorted(found)
            ]
        )


@contextlib.contextmanager
def folder_lock(folder):
    """Locks a folder inside the context.

    Arguments
    ---------
    folder : str
        If this process had locked it before, it stays locked afterwards.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another process has the lock.
    """
    lock = lock_folder(folder)
    try:
        yield
    finally:
        if lock in _held:
            os.close(_held.pop(lock)[1])
