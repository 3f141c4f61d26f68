"""Compiles a C file of this package once, for the machine it runs on.

The compiler is the system's: ``cc``, or the value of the variable ``CC``. The
library is kept in ``~/.cache/speechbrain_growth`` (``XDG_CACHE_HOME`` moves
it). If that folder cannot be used, it is compiled at each start, and the log
says why.

Authors
 * The speechbrain_growth authors 2026
"""

import ctypes
import functools
import hashlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from speechbrain.utils.logger import get_logger
from speechbrain_growth.nnet.cache import find, keep, own_folder

logger = get_logger(__name__)
OFF = "SPEECHBRAIN_GROWTH_NO_KERNELS"  # any value: nothing is compiled
FLAGS = (
    "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC "
    "-pthread"
).split()


@functools.lru_cache(maxsize=None)
def kernel(name, *macros):
    """Returns a compiled file of this folder; None if it cannot be compiled.

    The reason is logged, once. The attribute ``made_of`` of the result is the
    same for the same source, flags, compiler and kind of processor.

    Arguments
    ---------
    name : str
        The file, without ``.c``.
    *macros : str
        Such as ``REAL=float``.

    Returns
    -------
    ctypes.CDLL

    Example
    -------
    >>> kernel("no_such_file") is None
    True
    """
    if os.environ.get(OFF):
        return None
    source = Path(__file__).with_name(f"{name}.c")
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, *FLAGS, *(f"-D{macro}" for macro in macros)]
    try:
        made_of = _fingerprint(command, source)
        library = _load(command, source, f"{name}-{made_of}")
    except (OSError, subprocess.CalledProcessError) as error:
        printed = getattr(error, "stderr", b"") or str(error).encode()
        logger.warning(
            f"{source.name} was not compiled, so slower code runs: "
            f"{printed.decode(errors='replace').strip()[:500]}"
        )
        return None
    library.made_of = made_of
    return library


def _fingerprint(command, source):
    """A digest of all that decides how a file is compiled."""
    # The compiler's macros tell its version, the processor and most flags
    about = [*command, "-dM", "-E", "-x", "c", os.devnull]
    macros = subprocess.run(about, check=True, capture_output=True).stdout
    flags = shlex.join(command[1:]).encode()
    known = b"\0".join([flags, macros, source.read_bytes()])
    return hashlib.sha256(known).hexdigest()[:16]


def _load(command, source, stem):
    """Loads a compiled file from the cache, or else without it."""
    try:
        with own_folder(_cache()) as folder:
            return _load_from(folder, command, source, stem)
    except (OSError, RuntimeError) as error:  # there may be no home
        logger.warning(
            f"{source.name} is compiled for this start alone: {error}"
        )
    with tempfile.TemporaryDirectory() as folder:
        return _load_from(Path(folder), command, source, stem)


def _cache():
    """The folder where libraries are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "speechbrain_growth"


def _load_from(folder, command, source, stem):
    """Loads a compiled file from a folder, where it is kept first."""
    path = find(folder, stem)
    if path is None:
        path = keep(folder, stem, _compiled(command, source))
    return ctypes.CDLL(str(path))


def _compiled(command, source):
    """Compiles a file; returns the library's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.so"
        subprocess.run(
            [*command, "-o", str(made), str(source), "-lm"],
            check=True,
            capture_output=True,
        )
        return made.read_bytes()
