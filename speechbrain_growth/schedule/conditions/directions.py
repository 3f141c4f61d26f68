"""Whether a lower or a higher value of a metric is better.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError

# The metrics whose direction is known by name
LOWER = ("loss", "error", "PER", "WER", "CER", "EER")
HIGHER = ("accuracy", "ACC")


def which_is_better(condition, metric, better=None):
    """Returns which values of a metric are better.

    Arguments
    ---------
    condition : str
        Name of the condition that asks, for the message.
    metric : str
        Name of the metric.
    better : str
        What the YAML or the run's logger says; None to go by the name.

    Returns
    -------
    str
        ``lower`` or ``higher``.

    Raises
    ------
    GrowthError
        If neither the YAML, nor the logger, nor the name tells.

    Example
    -------
    >>> which_is_better("on_plateau", "PER")
    'lower'
    """
    if better is None and metric not in (*LOWER, *HIGHER):
        raise GrowthError(
            f"{condition}: it is not known which values of {metric} are "
            "better; give better: lower or better: higher"
        )
    return better or ("lower" if metric in LOWER else "higher")
