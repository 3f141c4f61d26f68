"""Runs a command and kills it when the process that started it ends.

The owner starts this file in a new session, with an open pipe as its standard
input. When the owner ends, even by a kill, the pipe closes; then the command
and all processes of the session are killed.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import signal
import subprocess
import sys
import threading


def hold(command):
    """Runs a command until it ends or its owner ends.

    Arguments
    ---------
    command : list of str
        A program with its arguments.

    Returns
    -------
    int
        Its exit status as shells have it: 128 plus the number of a signal.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _watch():
    """Waits until the owner ends, then kills every process of the session."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))
