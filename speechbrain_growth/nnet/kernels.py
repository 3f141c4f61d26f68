"""Compiles a C file of this package once, for the machine it runs on.

The compiler is the system's: ``cc``, or the value of the variable ``CC``. The
library is kept in ``~/.cache/speechbrain_growth`` (``XDG_CACHE_HOME`` moves
it), under a name that depends on the source, the compiler and the processor.

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

logger = get_logger(__name__)
OFF = "SPEECHBRAIN_GROWTH_NO_KERNELS"  # any value: nothing is compiled
FLAGS = (
    "-O3 -march=native -fno-math-errno -fno-trapping-math -shared -fPIC "
    "-pthread"
).split()


@functools.lru_cache(maxsize=None)
def kernel(name, *macros):
    """Returns a compiled file of this folder; None if it cannot be compiled.

    The reason is logged, once.

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
    options = [*FLAGS, *(f"-D{macro}" for macro in macros)]
    try:
        # The compiler's macros tell its version, the processor and the flags
        about = [*compiler, *options, "-dM", "-E", "-x", "c", os.devnull]
        known = subprocess.run(about, check=True, capture_output=True).stdout
        key = hashlib.sha256(known + source.read_bytes()).hexdigest()[:16]
        library = _folder() / f"{name}-{key}.so"
        _compile([*compiler, *options], source, library)
        return ctypes.CDLL(str(library))
    except (OSError, subprocess.CalledProcessError) as error:
        printed = getattr(error, "stderr", b"") or str(error).encode()
        logger.info(
            f"{source.name} was not compiled, so slower code runs: "
            f"{printed.decode(errors='replace').strip()[:500]}"
        )
        return None


def _folder():
    """Where libraries are kept; a temporary folder if there is no cache."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache) / "speechbrain_growth"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # there may be no home
        pass
    return Path(tempfile.mkdtemp())


def _compile(command, source, library):
    """Compiles a file that is not compiled yet; safe in several processes."""
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            made = Path(folder) / library.name
            subprocess.run(
                [*command, "-o", str(made), str(source), "-lm"],
                check=True,
                capture_output=True,
            )
            made.replace(library)
