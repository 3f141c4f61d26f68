"""The learning rate that growths ask for.

Authors
 * The speechbrain_growth authors 2026
"""


def lr_factor(growths, steps):
    """Returns the factor of the learning rate after some growths.

    Arguments
    ---------
    growths : list of Growth
        Those that happened, in order.
    steps : int
        Optimizer steps since the last of them.

    Returns
    -------
    float
    """
    factor, rewarm = 1.0, 0
    for growth in growths:
        factor *= growth.lr
        rewarm = growth.rewarm if growth.rewarmed == "all" else 0
    return factor * min((steps + 1) / max(rewarm, 1), 1.0)
