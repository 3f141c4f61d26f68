"""Tests that a failing disk ends with one message, and a mistake of ours not.

Authors
 * The speechbrain_growth authors 2026
"""

import errno
import os

import pytest
import torch

from speechbrain_growth.launch.plain_errors import plain_errors

ROOM = "; the checkpoints are intact: make room and give the same command"
AGAIN = "; see to it and give the same command again"


def ends_with(function):
    """The message that a program ends with"""
    with pytest.raises(SystemExit) as end, plain_errors():
        function()
    return end.value.code


def raising(error):
    """A function that raises it"""

    def function():
        raise error

    return function


def write():
    """Writes where the system says that no room is left"""
    with open("/dev/full", "w") as fout:
        fout.write("text")


def read():
    """Reads where there is nothing to read"""
    with open("/proc/self/mem", "rb") as fin:
        fin.read(1)


def test_nothing_to_read():
    assert ends_with(read) == f"error: Input/output error{AGAIN}"


def test_no_room():
    message = ends_with(write)
    assert message.startswith(
        "error: [Errno 28] No space left on device" + ROOM
    )


@pytest.mark.parametrize("size", [1, 10**6])
def test_no_room_for_tensors(size):
    message = ends_with(lambda: torch.save(torch.ones(size), "/dev/full"))
    assert ROOM in message and "\n" not in message


def test_no_room_in_the_memory_that_workers_share():
    words = "unable to write to file </torch_7>: No space left on device (28)"
    assert ends_with(raising(RuntimeError(words))).startswith(
        f"error: {words}{ROOM}"
    )


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ESTALE])
def test_a_failing_disk(code):
    message = ends_with(raising(OSError(code, os.strerror(code))))
    assert message == f"error: {os.strerror(code)}{AGAIN}"


def test_a_failing_file_is_named():
    assert ends_with(lambda: open("/", "rb")) == "error: /: Is a directory"


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(), "OSError"),
        (OSError("no sound card"), "no sound card"),
        (
            OSError("Caught OSError in a worker.\nTraceback:\nOSError: gone\n"),
            "OSError: gone",
        ),
    ],
)
def test_an_error_without_a_number(error, words):
    assert ends_with(raising(error)) == f"error: {words}{AGAIN}"


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, KeyError])
def test_an_error_of_the_program_keeps_its_traceback(kind):
    with pytest.raises(kind), plain_errors():
        raise kind("a mistake of ours")
