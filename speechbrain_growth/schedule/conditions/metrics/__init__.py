"""Conditions that look at what a metric was, but for plateaus.

Importing this package imports every file with conditions, so that all of them
are registered.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.metrics import (
    changes,
    floors,
    gaps,
    goals,
    slopes,
)
