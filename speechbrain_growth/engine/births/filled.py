"""New units that begin from gradients; ``engine/filling`` writes them.

They are carried as ``fresh`` units, so that old weights stay as they are.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.engine.births.units import Fresh, Option, way


def _is_number(value):
    """Whether a value is a finite number, not below 0."""
    return type(value) in (int, float) and 0 <= value < math.inf


def _above_0(value):
    """Whether a value is a number above 0."""
    return _is_number(value) and value > 0


THRESHOLD = Option(1e-6, _is_number, "a number, at least 0")
YES_OR_NO = Option(False, lambda value: type(value) is bool, "True or False")


@way("gradmax")
class GradMax(Fresh):
    """Units that nothing enters at first, and whose gradient is then the largest.

    The level is the length of what leaves one, relative to the mean of the old
    units'. Where a norm stands between, its scale is 0 instead. If the
    activation has no slope at 0, as ReLU, the growth is refused, unless
    ``zero_slope`` says how long what enters begins; then it is not exact.
    Directions end at ``threshold`` times the largest; other units are fresh.
    """

    source = "https://arxiv.org/abs/2201.05125"
    takes_level = True  # of the outgoing weights, relative to old ones
    fills = True
    options = {
        "threshold": THRESHOLD,
        "zero_slope": Option(None, _above_0, "a number above 0"),
    }


@way("tiny")
class Tiny(Fresh):
    """Units that lower the loss fastest for what they change.

    The level multiplies what enters and what leaves them, so that the outputs
    change by its square. ``natural_step: True`` also takes the natural-gradient
    step of the layer behind, times that square. If the activation has a kink at
    0, as ReLU and LeakyReLU, the formula does not hold, and the growth is
    refused, unless ``kink: True`` accepts that. ``threshold`` as for
    ``gradmax``; it is also that of the inputs' second moments.
    """

    source = "https://arxiv.org/abs/2405.19816"
    takes_level = True  # of both sides, relative to the paper's
    exact = False
    fills = True
    options = {
        "threshold": THRESHOLD,
        "kink": YES_OR_NO,
        "natural_step": YES_OR_NO,
    }
