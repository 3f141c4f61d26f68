"""What all tests need.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.utils.importutils import LazyModule

# hypothesis asks every module for its file; a lazy one would then be imported,
# and with it an optional package that is not there
LazyModule.__file__ = None

torch.set_num_threads(1)
