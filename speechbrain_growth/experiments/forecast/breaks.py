"""Finds where a curve leaves the plateau on which many networks begin.

A network that is trained with CTC says only blank at first: its error stays near
100 %, then falls within a few epochs. These epochs follow no power law.

Authors
 * The speechbrain_growth authors 2026
"""


def after_break(losses):
    """Returns how many losses at the beginning of a curve follow no power law.

    Along a power law the first fall is the steepest. If a later one is, what
    comes before it is left out.

    Arguments
    ---------
    losses : list of float
        After each epoch; lower is better.

    Returns
    -------
    int
        0 if the first fall is the steepest.

    Example
    -------
    >>> after_break([100, 99, 100, 97, 60, 42, 33, 28])
    4
    >>> after_break([60, 42, 33, 28])
    0
    """
    falls = [old - new for old, new in zip(losses, losses[1:])]
    steepest = falls.index(max(falls)) if falls else 0
    return steepest + 1 if steepest else 0
