"""What all tests need.

Authors
 * The speechbrain_growth authors 2026
"""

import signal

import torch

from speechbrain.utils.importutils import LazyModule

# hypothesis asks every module for its file; a lazy one would then be imported,
# and with it an optional package that is not there
LazyModule.__file__ = None

torch.set_num_threads(1)
# A shell that runs the tests in the background has Ctrl-C ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
