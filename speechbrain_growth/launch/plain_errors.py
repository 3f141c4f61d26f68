"""Shows a user's mistake as one message, without a traceback.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import errno
import logging
import sys

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.interrupting import repeated_interrupts

logger = logging.getLogger(__name__)  # SpeechBrain's would need all of torch

INTERRUPTED = 130  # as a shell has it: 128 and the signal's number
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def plain_errors(*kinds):
    """Ends the program with the message alone when a mistake was the user's.

    So it does when the disk is full, when a file or folder cannot be had, and
    after Ctrl-C. The traceback goes to the log file (at level DEBUG), so nothing
    is hidden from whoever wants it.

    Arguments
    ---------
    *kinds : exception classes
        What counts as a user's mistake, beside ``GrowthError``.

    Yields
    ------
    None

    Example
    -------
    >>> with plain_errors():
    ...     raise GrowthError("growth[0]: no such size")
    Traceback (most recent call last):
    SystemExit: error: growth[0]: no such size
    """
    with repeated_interrupts() as pressed:
        try:
            yield
        except BaseException as error:
            if pressed() or isinstance(error, KeyboardInterrupt):
                logger.debug("it was interrupted here", exc_info=True)
                sys.stderr.write(
                    "interrupted; the same command goes on from the newest "
                    "checkpoint\n"
                )
                sys.exit(INTERRUPTED)
            words = _in_words(error, kinds)
            if words is None:
                raise
            logger.debug("the error below was raised here", exc_info=True)
            sys.exit(f"error: {words}")


def _in_words(error, kinds):
    """What a user is told; None if it is no mistake of the user's."""
    if isinstance(error, (GrowthError, *kinds)):
        return str(error)
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL:
        return (
            f"{error}; the checkpoints are whole, and with more room the same "
            "command goes on from the newest"
        )
    return f"{error.filename}: {error.strerror}" if error.filename else None
