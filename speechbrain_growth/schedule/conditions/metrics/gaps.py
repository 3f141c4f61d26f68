"""A condition on how far training and validation are apart.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.schedule.conditions.kinds import Count, Metric, Number
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    least_or_most,
    needs_epochs,
    refuses,
)


@refuses(least_or_most("on_gap"))
@needs_epochs(lambda values: values["window"])
@condition
def on_gap(
    seen,
    metric: Metric = "loss",
    above: Number = None,
    below: Number = None,
    window: Count = 1,
):
    """Due when the losses of training and validation part, or stay together.

    The gap is the loss of the validation minus that of training, averaged over
    the last epochs. ``below`` grows a network that underfits: both losses stay
    together. ``above`` grows when they part, and may be what a network needs
    whose new units come with more data or more noise. After the policy of
    FRAGrow (AAAI 2024), which asks both risks when it grows. Dropout and
    augmentation raise the loss of training, so a gap may be below 0.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of the loss of the validation.
    above : float
        Due if the gap is larger.
    below : float
        Due if the gap is smaller.
    window : int
        Number of epochs over which the gap is averaged.

    Returns
    -------
    bool

    Example
    -------
    >>> seen = [{"epoch": 4, "train_loss": 1.0, "loss": 1.25}]
    >>> on_gap(seen, above=0.2), on_gap(seen, below=0.2)
    (True, False)
    """
    last = seen[-window:]
    gap = sum(past[metric] - past["train_loss"] for past in last) / window
    if len(last) < window or not math.isfinite(gap):
        return False
    parted = above is not None and gap > above
    return parted or (below is not None and gap < below)
