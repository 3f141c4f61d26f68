"""Sees to it that one run at a time writes into an output folder.

Authors
 * The speechbrain_growth authors 2026
"""

import errno
import fcntl
import os
import socket

from speechbrain.utils.distributed import main_process_only
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)

LOCK = "run.lock"
_held = {}  # lock files of this process; open for as long as it lives


@main_process_only
def occupy(folder):
    """Takes a folder for this process, until it ends.

    The system frees it then, however the process ends. Taking it twice is the
    same as once.

    Arguments
    ---------
    folder : str
        Is made if it does not exist.

    Raises
    ------
    GrowthError
        If another process has it.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> occupy(folder)
    >>> (folder / "run.lock").read().split()[0] == f"{os.getpid()}"
    True
    """
    os.makedirs(folder, exist_ok=True)
    path = os.path.realpath(os.path.join(folder, LOCK))
    if _held.get(path, (None, None))[0] == os.getpid():
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # Not inherited by a data loader's workers, which may live on a while
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(handle, 200).decode("utf-8", "replace").strip()
        os.close(handle)
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            logger.warning(
                f"{path} cannot be locked ({error}); see to it that no other "
                f"run writes into {folder}"
            )
            return
        raise GrowthError(
            f"output_folder: another run is writing into {folder} (process "
            f"{holder or 'unknown'}); wait for its end or name another folder"
        )
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} on {socket.gethostname()}\n".encode())
    _held[path] = (os.getpid(), handle)
