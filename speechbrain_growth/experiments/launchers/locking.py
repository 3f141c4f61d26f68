"""Lets only one sweep at a time use a folder.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import fcntl
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import open_own


@contextlib.contextmanager
def alone(folder):
    """Inside this context, no other sweep can use a folder.

    Arguments
    ---------
    folder : str
        It is made if it does not exist.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another sweep is running there.
    """
    os.makedirs(folder, exist_ok=True)
    with open(open_own(os.path.join(folder, ".sweep.lock")), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it closes
        except BlockingIOError:
            raise GrowthError(
                f"{folder}: another sweep is running there; wait for its end, "
                "or stop it"
            )
        yield
