"""Lets one operation on a file go wrong, in a recipe that knows nothing of it.

Counted are operations below a folder: opening for writing, write, fsync,
rename, remove, rmdir, mkdir and truncate, as Python's ``os``, ``open`` and
files do them, and ``torch.save``, which writes in C++, as one write.

Authors
 * The speechbrain_growth authors 2026
"""

import builtins
import collections
import errno
import functools
import io
import json
import os
import signal
import threading

import torch

KINDS = {
    "open": "open",
    "fsync": "fsync",
    "rename": "rename",
    "replace": "rename",
    "remove": "remove",
    "unlink": "remove",
    "rmdir": "rmdir",
    "mkdir": "mkdir",
    "truncate": "truncate",
    "ftruncate": "truncate",
    "write": "write",
    "sendfile": "write",
}
# "kill" does nothing of the operation, "torn" half of a write and all of
# another one; ENOSPC stays until the end of the process, EIO comes once
WAYS = ["kill", "torn", "ENOSPC", "EIO"]
NEED_ROOM = ["open", "write", "fsync", "rename", "mkdir"]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Faults:
    """Counts operations, and lets one of them fail.

    Arguments
    ---------
    pipe : int
        Where moments are announced; a fault is as well.
    folder : str
        Operations elsewhere are not counted.
    counts : str
        A file that gets, at the end, how often each kind came in each phase:
        after each announced moment.
    fault : list
        Way, kind, phase and number of the operation that fails; None if none.
    """

    def __init__(self, pipe, folder, counts=None, fault=None):
        self.pipe, self.folder = pipe, os.path.realpath(folder)
        self.found, self.counts = collections.Counter(), counts
        self.way, *self.target = fault or [None]
        self.phase, self.full = "start", False
        self.counting = threading.Lock()
        self.write = os.write
        for name in KINDS:
            setattr(os, name, self._faulty(getattr(os, name), name))
        builtins.open = io.open = self._opens(builtins.open)
        torch.save = self._saves(torch.save)

    def end(self):
        """Writes what was counted."""
        if self.counts:
            rows = [[*key, number] for key, number in self.found.items()]
            handle = os.open(self.counts, os.O_WRONLY | os.O_CREAT)
            self.write(handle, json.dumps(rows).encode())

    def is_below(self, path, folder=None):
        """Whether a path, or a descriptor, is below the watched folder."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        if folder is not None:
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        path = os.path.abspath(os.fsdecode(path))
        return f"{path}/".startswith(f"{self.folder}/")

    def due(self, kind):
        """What becomes of the next operation; None if it succeeds."""
        with self.counting:  # several threads wait for the disk
            self.found[kind, self.phase] += 1
            number = self.found[kind, self.phase]
        if self.full and kind in NEED_ROOM:
            return "ENOSPC"
        if self.target != [kind, self.phase, number]:
            return None
        self.write(self.pipe, b"fault\n")
        if self.way == "kill":
            self.die()
        self.full = self.way == "ENOSPC"
        return self.way

    def die(self):
        """Ends this process at once."""
        os.kill(os.getpid(), signal.SIGKILL)

    def fail(self, way, *path):
        """Raises the error of a fault, if it is one that raises."""
        if way in ("ENOSPC", "EIO"):
            code = getattr(errno, way)
            raise OSError(code, os.strerror(code), *path)

    def _faulty(self, function, name):
        """A function of ``os`` that may fail."""

        @functools.wraps(function)
        def faulty(path, *args, **kwargs):
            if name == "write" and path == self.pipe:
                self.phase = args[0].decode().strip()
                return function(path, *args, **kwargs)
            folder = kwargs.get("dir_fd", kwargs.get("src_dir_fd"))
            reads = name == "open" and not args[0] & WRITING
            if reads or not self.is_below(path, folder):
                return function(path, *args, **kwargs)
            way = self.due(KINDS[name])
            self.fail(way, *([] if isinstance(path, int) else [path]))
            if way == "torn" and name == "write":
                args = [args[0][: len(args[0]) // 2]]
            try:
                return function(path, *args, **kwargs)
            finally:
                if way == "torn":
                    self.die()

        return faulty

    def _opens(self, function):
        """``open``, whose files may fail."""

        @functools.wraps(function)
        def opens(
            file, mode="r", buffering=-1, encoding=None, errors=None,
            newline=None, closefd=True, opener=None,
        ):  # fmt: skip
            if not {*mode} & {*"wax+"} or not self.is_below(file):
                return function(
                    file, mode, buffering, encoding, errors, newline, closefd,
                    opener,
                )  # fmt: skip
            way = None if isinstance(file, int) else self.due("open")
            self.fail(way, file)
            raw = File(file, mode.replace("t", ""), closefd, opener)
            raw.faults = self
            if way == "torn":
                self.die()
            if buffering == 0:
                return raw
            kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
            buffer = kind(raw)
            if "b" in mode:
                return buffer
            lines = buffering == 1
            text = io.TextIOWrapper(buffer, encoding, errors, newline, lines)
            text.mode = mode
            return text

        return opens

    def _saves(self, function):
        """``torch.save``, which may fail."""

        @functools.wraps(function)
        def saves(obj, f, *args, **kwargs):
            if not isinstance(f, (str, os.PathLike)) or not self.is_below(f):
                return function(obj, f, *args, **kwargs)
            way = self.due("write")
            function(obj, f, *args, **kwargs)
            if way is not None:
                with io.FileIO(f, "r+") as file:
                    file.truncate(os.path.getsize(f) // 2)
            if way == "torn":
                self.die()
            if way is not None:
                raise RuntimeError(
                    "[enforce fail at inline_container.cc:858] . "
                    "PytorchStreamWriter failed writing file data/0: file "
                    "write failed"
                )

        return saves


class File(io.FileIO):
    """A file below the watched folder."""

    def write(self, data):
        """Writes all, or half, or nothing."""
        full = self.faults.full
        way = self.faults.due("write")
        if full or way == "EIO":
            self.faults.fail(way)
        if way is None:
            return super().write(data)
        done = super().write(memoryview(data).cast("B")[: len(data) // 2])
        if way == "torn":
            self.faults.die()
        self.faults.fail(way if not done else None)
        return done  # as a disk does; the next write fails

    def truncate(self, size=None):
        """Truncates, or not."""
        way = self.faults.due("truncate")
        self.faults.fail(way)
        result = super().truncate(size)
        if way == "torn":
            self.faults.die()
        return result
