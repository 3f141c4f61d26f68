"""Ctrl-C that is not lost on its way out.

Some packages catch every exception, an interruption as well: ruamel.yaml goes on
to say that it does not know a tag, and what is raised in a function that C calls
is printed and forgotten.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import signal
import threading

AGAIN = 3.0  # seconds after which a Ctrl-C that led nowhere is repeated


@contextlib.contextmanager
def repeated_interrupts():
    """While it lasts, Ctrl-C is remembered, and repeated until it ends.

    Yields
    ------
    callable
        Whether Ctrl-C was pressed; once asked, it is not repeated any more.

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
        """Interrupts, and will again."""
        if os.getpid() == owner:  # a loader's workers look after themselves
            times.append(number)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise KeyboardInterrupt

    def pressed():
        """Whether it was; then it has been heard."""
        if times:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return bool(times)

    main = threading.current_thread() is threading.main_thread()
    # Only the main one may handle signals; in the background, shells ignore it
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
