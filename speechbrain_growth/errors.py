"""Errors that a user can act on, and a way to show them without a traceback.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import errno
import logging
import sys

logger = logging.getLogger(__name__)  # SpeechBrain's would need all of torch

INTERRUPTED = 130  # as a shell has it: 128 and the signal's number
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class GrowthError(ValueError):
    """A growth that cannot be done as asked: where, what, what would be.

    Arguments
    ---------
    problems : str or list of str
        One message, or all that were found.

    Example
    -------
    >>> print(GrowthError(["a: one", "b: two"]))
    2 problems:
      - a: one
      - b: two
    """

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else problems
        text = self.problems[0]
        if len(self.problems) > 1:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            text = f"{len(self.problems)} problems:{lines}"
        super().__init__(text)


class NoRuleError(GrowthError, NotImplementedError):
    """A layer, or an entry of an optimizer's state, that has no rule."""


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
    try:
        yield
    except (GrowthError, *kinds) as error:
        logger.debug("the mistake below was raised here", exc_info=True)
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        logger.debug("it was interrupted here", exc_info=True)
        sys.stderr.write(
            "interrupted; the same command goes on from the newest checkpoint\n"
        )
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in FULL and not error.filename:
            raise
        logger.debug("the system refused something here", exc_info=True)
        if error.errno not in FULL:
            sys.exit(f"error: {error.filename}: {error.strerror}")
        sys.exit(
            f"error: {error}; the checkpoints are whole, and with more room "
            "the same command goes on from the newest"
        )
