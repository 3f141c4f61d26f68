"""How the units and layers that a growth adds begin.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.births import batchnorm, filled, identity
