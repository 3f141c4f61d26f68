"""Leaves out epochs in which a network still answers nothing.

Authors
 * The speechbrain_growth authors 2026
"""

ERROR_RATES = ("PER", "WER", "CER")  # in percent
BLANK_ABOVE = 70.0


def says_blank(past, most):
    """Whether an epoch has an error rate that says nothing about the sizes.

    A network that is trained by CTC outputs blanks only, for a while, and then
    the commonest label. Its metrics stand still as on any plateau, but a larger
    network would stand still as well.

    Arguments
    ---------
    past : dict
        Metrics of the epoch.
    most : float
        Largest error rate that counts.

    Returns
    -------
    bool

    Example
    -------
    >>> says_blank({"loss": 3.1, "PER": 84.5}, 70)
    True
    >>> says_blank({"loss": 3.1, "PER": 54.5}, 70), says_blank({"loss": 9}, 70)
    (False, False)
    """
    return any(past.get(name, 0) > most for name in ERROR_RATES)
