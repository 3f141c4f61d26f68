"""A condition that grows a network which does not reach a goal.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.directions import which_is_better
from speechbrain_growth.schedule.conditions.kinds import (
    Better,
    Count,
    Metric,
    Number,
)
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    needs_epochs,
)


@needs_epochs(lambda values: values["after"])
@condition
def on_missed_goal(
    seen, metric: Metric, goal: Number, after: Count = 5, better: Better = None
):
    """Due when a metric has not reached a goal in so many epochs.

    They are counted since the last growth, and since the present task began.
    One epoch that reaches the goal is enough, also if later ones lose it. This
    is how CPG (2019) and DEN (2018) decide that a task needs more units.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    metric : str
        Name of a metric of the validation.
    goal : float
        Reached by a value that is as good, or better.
    after : int
        Number of epochs in which the goal may be reached.
    better : str
        As for ``on_plateau``.

    Returns
    -------
    bool

    Example
    -------
    >>> seen = [{"epoch": n, "task": 1, "error": 9.0 - n} for n in (1, 2, 3)]
    >>> on_missed_goal(seen, "error", goal=5.5, after=3)
    True
    >>> on_missed_goal(seen, "error", goal=6.0, after=3)
    False
    """
    lower = which_is_better("on_missed_goal", metric, better) == "lower"
    sign, task = 1 if lower else -1, seen[-1].get("task")
    tried = [sign * past[metric] for past in seen if past.get("task") == task]
    return len(tried) >= after and not any(now <= sign * goal for now in tried)
