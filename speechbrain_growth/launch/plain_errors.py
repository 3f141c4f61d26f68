"""Ends a program with one message, without a traceback.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import errno
import logging
import sys
from typing import Iterator, Type

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import is_full_in_torch
from speechbrain_growth.launch.interrupting import repeated_interrupts

logger = logging.getLogger(__name__)  # SpeechBrain's would import torch

INTERRUPTED = 130  # as in a shell: 128 plus the number of the signal
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def plain_errors(*kinds: Type[BaseException]) -> Iterator[None]:
    """Ends the program with a message instead of a traceback.

    It does so for mistakes of the user, for a full or failing disk, for a file
    that cannot be opened, and after Ctrl-C. The traceback goes to the log file,
    at level DEBUG.

    Arguments
    ---------
    *kinds : exception classes
        Exceptions that are mistakes of the user, beside ``GrowthError``.

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
                _keep_traceback("it was interrupted here")
                sys.stderr.write(
                    "interrupted; give the same command to resume from the "
                    "newest checkpoint\n"
                )
                sys.exit(INTERRUPTED)
            words = _in_words(error, kinds)
            if words is None:
                raise
            _keep_traceback("the error below was raised here")
            sys.exit(f"error: {words}")


def _keep_traceback(words):
    """Writes the traceback into the log, which may be what cannot be written."""
    with contextlib.suppress(OSError):
        logger.debug(words, exc_info=True)


def _in_words(error, kinds):
    """The message for a user; None for an error of the program."""
    if isinstance(error, (GrowthError, *kinds)):
        return str(error)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if _is_full(error):
        return (
            f"{lines[0]}; the checkpoints are intact: make room and give the "
            "same command to resume from the newest"
        )
    if not isinstance(error, OSError):
        return None
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    # A worker of a loader sends its traceback as text; what it is of stands last
    return (
        f"{error.strerror or lines[-1]}; see to it and give the same command "
        "again"
    )


def _is_full(error):
    """Whether an error says that there is no room left."""
    numbered = isinstance(error, OSError) and error.errno in FULL
    return numbered or is_full_in_torch(error)
