"""Ctrl-C ends a run, whatever becomes of it on the way.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import signal
import threading
import time

import pytest

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch import interrupting
from speechbrain_growth.launch.plain_errors import INTERRUPTED, plain_errors


def press():
    """Ctrl-C, as the system hands it on."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


def turned_into_another():
    """As ruamel.yaml does, which catches everything."""
    try:
        press()
    except BaseException:
        raise GrowthError("could not determine a constructor")


def forgotten():
    """As C does with what a function of ours raises."""
    try:
        press()
    except BaseException:
        pass
    time.sleep(60)


@pytest.mark.parametrize("way", [press, turned_into_another, forgotten])
def test_it_ends_as_an_interruption(way, monkeypatch, capsys):
    monkeypatch.setattr(interrupting, "AGAIN", 0.05)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as end, plain_errors():
        way()
    assert end.value.code == INTERRUPTED
    assert "interrupted; give the same command" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_another_process_is_interrupted_once(monkeypatch):
    """Such as the worker of a loader, which it began while it lasted."""
    monkeypatch.setattr(interrupting, "AGAIN", 0.05)
    with interrupting.repeated_interrupts():
        worker = os.fork()
        if not worker:
            try:
                press()
            except KeyboardInterrupt:
                time.sleep(0.2)
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 7


def test_other_threads_are_left_alone():
    ended = []

    def work():
        with pytest.raises(SystemExit, match="error: no"), plain_errors():
            raise GrowthError("no")
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended


def test_what_a_shell_has_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupting.repeated_interrupts() as pressed:
            os.kill(os.getpid(), signal.SIGINT)
            assert not pressed()
    finally:
        signal.signal(signal.SIGINT, before)
