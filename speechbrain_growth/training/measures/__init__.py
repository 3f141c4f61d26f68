"""Numbers that a Brain measures because a condition names them.

Importing this package imports every file with measurements, so that all of
them are registered.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.measured import MEASURES
from speechbrain_growth.training.measures import gains, gradients, shifts
