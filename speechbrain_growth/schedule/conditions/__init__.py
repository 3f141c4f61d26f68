"""When a growth is due: one function for each condition of the YAML.

Importing this package imports every file with conditions, so that all of them
are registered.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions import (
    dates,
    metrics,
    plateaus,
    together,
)
