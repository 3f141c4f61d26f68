"""Sees to it that one run at a time writes into an output folder.

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
from speechbrain_growth.launch.processes import on_main

logger = get_logger(__name__)

LOCK = "run.lock"
_held = {}  # lock files of this process; open for as long as it lives


def lock_folder(folder):
    """Takes a folder for this process, until it ends.

    The system frees it then, however the process ends. Of several processes
    that train one model, the main one takes it.

    Arguments
    ---------
    folder : str
        Is made if it does not exist.

    Returns
    -------
    str
        The lock that was taken; None if it had been taken already, or if the
        file system knows no locks.

    Raises
    ------
    GrowthError
        If another process has it.

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
    """As ``lock_folder``, on the main process."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.realpath(os.path.join(folder, LOCK))
    if _held.get(path, (None, None))[0] == os.getpid():
        return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # Not inherited by a data loader's workers, which may live on a while
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
            f"{path} cannot be locked ({error}); see to it that no other run "
            f"writes into {folder}"
        )
        return None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} on {socket.gethostname()}\n".encode())
    _held[path] = (os.getpid(), handle)
    return path


@contextlib.contextmanager
def folder_lock(folder):
    """Takes a folder for as long as the context lasts.

    Arguments
    ---------
    folder : str
        If this process has it already, it keeps it afterwards.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another process has it.
    """
    lock = lock_folder(folder)
    try:
        yield
    finally:
        if lock in _held:
            os.close(_held.pop(lock)[1])
