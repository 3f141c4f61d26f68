"""What all tests need.

Authors
 * The speechbrain_growth authors 2026
"""

import gc
import os
import signal
import sys

import pytest

# The CPU gives the same bits on any machine; so a GPU is asked for, by -m cuda
if not os.environ.get("PYTEST_XDIST_WORKER"):  # which inherits what is set here
    if not any("cuda" in argument for argument in sys.argv):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
# With it, and not without, products on a GPU have the same bits each time
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# Two workers, and the processes that tests start, share two cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402

from speechbrain.utils import distributed  # noqa: E402
from speechbrain.utils.importutils import LazyModule  # noqa: E402

# hypothesis asks every module for its file; a lazy one would then be imported,
# and with it an optional package that is not there
LazyModule.__file__ = None

torch.set_num_threads(1)
# Tests that also run on a GPU take `device`; `pytest -m cuda` runs those alone
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
if os.environ.get("PRETENDED_CARD"):
    import pretended_card  # beside this file

    DEVICES = [pretended_card.NAME]
    distributed.infer_device = lambda: f"{pretended_card.NAME}:0"
# A shell that runs the tests in the background has Ctrl-C ignored
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Runs whole folders on two workers (pytest-xdist), a file at a time.

    Single files and tests, debuggers, and runs with `-n` of their own stay as
    asked for; without pytest-xdist there is one process.
    """
    options = config.option
    alone = options.usepdb or options.trace or options.collectonly
    if (
        config.pluginmanager.hasplugin("xdist")
        and not hasattr(config, "workerinput")  # a worker starts no workers
        and options.numprocesses is None
        and not alone
        and all(map(os.path.isdir, config.args))
    ):
        options.numprocesses, options.dist = 2, "loadfile"
        # The longest files stand in tests/integration, which comes first
        options.loadscopereorder = False


def pytest_generate_tests(metafunc):
    """Gives `device` the name of each; in SpeechBrain, an option names one."""
    named = hasattr(metafunc.config.option, "device")
    if "device" in metafunc.fixturenames and not named:
        metafunc.parametrize("device", DEVICES)


def pytest_runtest_setup(item):
    """Skips what needs a GPU where there is none, for one and the same reason."""
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a GPU, and `-m cuda` to use it")


def pytest_collection_finish():
    """Hides what was imported from the garbage collector.

    It would look at all of that again and again, and in a forked child every
    page that it looks at is copied: a quarter of the time of such tests.
    """
    gc.collect()
    gc.freeze()
