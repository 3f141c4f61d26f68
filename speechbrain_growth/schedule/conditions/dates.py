"""Conditions that ask for the moment of the run alone, or for nothing.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.schedule.conditions.kinds import (
    Count,
    Epoch,
    Macs,
    Step,
    Task,
    Yes,
)
from speechbrain_growth.schedule.conditions.registry import (
    condition,
    foreseen,
    needs_epochs,
    refuses,
)


@foreseen(lambda values, before, inside: values["epoch"])
@condition
def after_epoch(seen, epoch: Epoch):
    """Due once this epoch is over; 0 means before the first epoch.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    epoch : int
        The last epoch that is trained at the old sizes.

    Returns
    -------
    bool

    Example
    -------
    >>> after_epoch([{"epoch": 3}], epoch=4)
    False
    """
    return seen[-1]["epoch"] >= epoch


@condition
def after_step(seen, step: Step):
    """Due at the end of the epoch in which this optimizer step is taken.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    step : int
        Optimizer steps since the run began.

    Returns
    -------
    bool

    Example
    -------
    >>> after_step([{"epoch": 3, "step": 900}], step=800)
    True
    """
    return seen[-1]["step"] >= step


@condition
def after_macs(seen, macs: Macs):
    """Due at the end of the epoch in which this much compute is spent.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    macs : float
        Multiply-accumulates of training since the run began.

    Returns
    -------
    bool

    Example
    -------
    >>> after_macs([{"epoch": 3, "macs": 5e12}], macs=6e12)
    False
    """
    return seen[-1]["macs"] >= macs


@foreseen(lambda values, before, inside: before + values["epochs"])
@needs_epochs(lambda values: values["epochs"])
@condition
def every_epochs(seen, epochs: Count):
    """Due when so many epochs have passed since the last growth.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    epochs : int
        Number of epochs.

    Returns
    -------
    bool

    Example
    -------
    >>> every_epochs([{"epoch": 7}, {"epoch": 8}], epochs=2)
    True
    """
    return len(seen) >= epochs


def _wrong_task(values, run):
    """What is wrong with a task that the run does not have."""
    task, tasks = values["task"], run.tasks
    if tasks is None or (task == "each" and tasks > 1):
        return []
    if task == "each" or task > tasks:
        return [f"task is {task}, but the run has {tasks}; drop the growth"]
    return []


@refuses(_wrong_task)
@condition
def on_task(seen, task: Task):
    """Due when a task is over and the next one begins.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    task : str or int
        ``each``, or the number of the task that begins.

    Returns
    -------
    bool

    Example
    -------
    >>> on_task([{"epoch": 5, "task": 1, "next_task": 2}], task="each")
    True
    >>> on_task([{"epoch": 5, "task": 1, "next_task": 2}], task=3)
    False
    """
    now, then = seen[-1]["task"], seen[-1]["next_task"]
    return now != then and task in ("each", then)


@condition
def by_hand(seen, wait: Yes):
    """Due only when somebody makes the file ``grow_now`` in the output folder.

    Arguments
    ---------
    seen : list of dict
        Epochs since the last growth, oldest first.
    wait : bool
        Always ``True``.

    Returns
    -------
    bool
        Always False. ``GrowthSchedule.decide`` looks at ``grow_now`` itself,
        for every condition.
    """
    return False
