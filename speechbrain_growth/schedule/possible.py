"""Checks that growths can still become due, once more is known of the run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError


def check_conditions(growths, run):
    """Raises if a condition cannot be due within the run.

    Arguments
    ---------
    growths : list of Growth
        Those that are left.
    run : Run
        What is known of the run.

    Raises
    ------
    GrowthError
        Naming every such growth.

    Example
    -------
    >>> from speechbrain_growth.schedule.conditions.condition import Run
    >>> from speechbrain_growth.schedule.growth import parse
    >>> growths = parse([{"on_task": 3, "width": 8}])
    >>> check_conditions(growths, Run(tasks=3))
    >>> check_conditions(growths, Run(tasks=2))
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: growth[0] (on_task 3): on_task: task is 3, but the run has 2; drop the growth
    """
    problems = []
    for growth in growths:
        try:
            growth.condition.check(run)
        except GrowthError as error:
            problems += [f"{growth.place}: {p}" for p in error.problems]
    if problems:
        raise GrowthError(problems)
