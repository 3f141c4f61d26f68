"""What a task can do with a layer, and what that is worth.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence, Union

REUSE, COPY, TRAIN = "reuse", "copy", "train"
Action = Union[str, int]


def wrong_actions(actions: Any) -> List[str]:
    """Returns what is wrong with a list of actions.

    Arguments
    ---------
    actions : list
        To choose from, for each layer.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_actions(["reuse", 10]), wrong_actions([10])
    ([], ['actions is [10]; name at least two, each of them once'])
    """
    listed = actions if isinstance(actions, (list, tuple)) else [actions]
    unknown = [
        f"actions names {one!r}; it must be {REUSE}, {COPY}, {TRAIN}, or a "
        "number of new units, at least 1"
        for one in listed
        if one not in (REUSE, COPY, TRAIN) and not is_count(one)
    ]
    if not unknown and not 1 < len(listed) == len(set(listed)):
        return [f"actions is {actions}; name at least two, each of them once"]
    return unknown


def is_count(value: Any) -> bool:
    """Returns whether a value is a whole number, at least 1.

    Arguments
    ---------
    value : object
        From a YAML.

    Returns
    -------
    bool
    """
    return type(value) is int and value > 0


def wider(chosen: Sequence[Action], widths: Sequence[int]) -> List[int]:
    """Returns how many units each layer has after some actions.

    Arguments
    ---------
    chosen : list
        The action of each layer.
    widths : list of int
        Its units so far.

    Returns
    -------
    list of int

    Example
    -------
    >>> wider(["copy", 10], [50, 50])
    [50, 60]
    """
    return [w + (a if is_count(a) else 0) for a, w in zip(chosen, widths)]


def units(chosen: Sequence[Action], widths: Sequence[int]) -> int:
    """Returns how many units some actions store: copies, and new ones.

    Arguments
    ---------
    chosen : list
        The action of each layer.
    widths : list of int
        Its units so far.

    Returns
    -------
    int

    Example
    -------
    >>> units(["copy", 10], [50, 50]), units(["reuse", "train"], [50, 50])
    (60, 0)
    """
    copied = sum(w for a, w in zip(chosen, widths) if a == COPY)
    return copied + sum(wider(chosen, widths)) - sum(widths)


def reward(
    before: Sequence[float],
    after: Sequence[float],
    stored: int,
    c: float,
    xi: float,
) -> float:
    """Returns what a trial is worth.

    Arguments
    ---------
    before : list of float
        The metric of each earlier task before the trial.
    after : list of float
        After it; that of the present task is the last.
    stored : int
        From ``units``.
    c : float
        Worth of what earlier tasks gain.
    xi : float
        Price of a unit.

    Returns
    -------
    float

    Example
    -------
    >>> reward([80.0, 90.0], [79.0, 87.0, 95.0], stored=10, c=1.0, xi=0.1)
    92.0
    """
    gains = [now - then for then, now in zip(before, after)]
    return after[-1] + c * sum(gains) / len(gains) - xi * stored


def in_words(entries: Sequence[Dict[str, Any]], best: Dict[str, Any]) -> str:
    """Returns what came of the trials of a task as a sentence.

    Arguments
    ---------
    entries : list of dict
        What is logged of each trial.
    best : dict
        The one that is taken.

    Returns
    -------
    str

    Example
    -------
    >>> entry = {"task": 2, "trial": 1, "actions": ["reuse", 10], "reward": 9.0}
    >>> in_words([entry], entry)
    'Task 2 takes reuse, 10: a reward of 9, of trial 1. The mean of the last 1 of 1 trials is 9.'
    """
    last = [entry["reward"] for entry in entries[-10:]]
    actions = ", ".join(map(str, best["actions"]))
    return (
        f"Task {best['task']} takes {actions}: a reward of "
        f"{best['reward']:.4g}, of trial {best['trial']}. The mean of the last "
        f"{len(last)} of {len(entries)} trials is {sum(last) / len(last):.4g}."
    )
