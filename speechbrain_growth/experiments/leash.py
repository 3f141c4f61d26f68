"""Runs a command that does not outlive whoever started it.

The owner starts it in a session of its own, with a pipe as its standard input
that it keeps open. The pipe closes when the owner ends, however it ends; then
the command and all its processes are killed.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import signal
import subprocess
import sys
import threading


def hold(command):
    """Runs a command to its end, or to its owner's.

    Arguments
    ---------
    command : list of str
        A program and its arguments.

    Returns
    -------
    int
        Its exit status as shells give it: 128 more than a signal's number.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _watch():
    """Waits for the owner's end, then kills the whole group."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))
