"""Ends a run after Ctrl-C, even if a package swallows the exception.

Some packages catch every exception, KeyboardInterrupt as well: ruamel.yaml
reports an unknown tag instead, and an exception in a function that C code calls
is printed and dropped.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import signal
import threading

AGAIN = 3.0  # seconds after which a Ctrl-C that had no effect is repeated


@contextlib.contextmanager
def repeated_interrupts():
    """Remembers a Ctrl-C, and raises it again until the context ends.

    Yields
    ------
    callable
        Returns whether Ctrl-C was pressed, and stops the repetition.

    Example
    -------
    >>> _ = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> with repeated_interrupts() as pressed:
    ...     try:
    ...         os.kill(os.getpid(), signal.SIGINT)
    ...     except KeyboardInterrupt:
    ...         print(pressed())
    True
    """
    owner, times = os.getpid(), []

    def interrupt(number, frame):
        """Raises KeyboardInterrupt, and sets a timer to do it again."""
        if os.getpid() == owner:  # not in a forked worker of a loader
            times.append(number)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise KeyboardInterrupt

    def pressed():
        """Whether Ctrl-C was pressed; stops the timer."""
        if times:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return bool(times)

    main = threading.current_thread() is threading.main_thread()
    # Only the main thread may set handlers; a shell lets background jobs ignore
    # the signal
    if not main or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield pressed
        return
    kinds = (signal.SIGINT, signal.SIGALRM)
    before = {kind: signal.signal(kind, interrupt) for kind in kinds}
    try:
        yield pressed
    finally:
        pressed()
        for kind, handler in before.items():
            signal.signal(kind, handler)
