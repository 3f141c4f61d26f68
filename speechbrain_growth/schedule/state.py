"""The state of a schedule: what a checkpoint holds of it, as text.

Authors
 * The speechbrain_growth authors 2026
"""

import os
from typing import Dict, Union

import yaml

from speechbrain_growth.errors import GrowthError

STATE = "growth_schedule"  # name of the schedule among the recoverables
Sizes = Dict[str, Union[int, list]]  # by YAML key
NoneType = type(None)
# Keys that states of earlier versions lack
LATER = {
    "past": None,
    "targets": None,
    "settings": {},
    "restarted": {},
    "inserted": [],
    "frozen": None,
}
KINDS = {  # the keys of a state, and the types that each may have
    "sizes": (dict,),  # of the weights in the same checkpoint
    "decided": (int,),  # how many growths of the list
    "refused": (list,),  # numbers of the growths that were not done
    "grown_at_step": (int, NoneType),  # optimizer step of the last growth
    "last": (dict,),  # the last epoch and its metrics
    "seen": (list,),  # the same of all epochs since the last growth
    "hand": (int, NoneType),  # number of the last grow_now
    "past": (list, NoneType),  # the growths that were decided, as in the YAML
    "targets": (list, NoneType),  # the sizes that each of them set, or sets
    "settings": (dict,),  # other keys that growths changed, as the run has them
    "restarted": (dict,),  # when the scheduler of the rate began anew
    "inserted": (list,),  # growths that training asked for, and their places
    "frozen": (list, NoneType),  # what growths froze, as the weights have it
}
WORDS = {
    dict: "a mapping",
    list: "a list",
    int: "a whole number",
    NoneType: "null",
}


def as_text(entries):
    """Turns the entries of a list of growths into what a checkpoint can hold.

    Arguments
    ---------
    entries : list of dict
        As in the YAML.

    Returns
    -------
    list of dict
        With lists for tuples.

    Example
    -------
    >>> as_text([{"after_epoch": 1, "cnn_channels": (4, 8)}])
    [{'after_epoch': 1, 'cnn_channels': [4, 8]}]
    """
    if isinstance(entries, dict):
        return {key: as_text(value) for key, value in entries.items()}
    if isinstance(entries, (list, tuple)):
        return [as_text(value) for value in entries]
    return entries


def write_state(state, path):
    """Writes the state of a schedule as text.

    Arguments
    ---------
    state : dict
        Its keys are those of ``KINDS``.
    path : str
        The file in the checkpoint.

    Example
    -------
    >>> path = getfixture("tmpdir") / "state"
    >>> state = {"sizes": {"width": 4}, "decided": 0, "refused": []}
    >>> state.update(grown_at_step=None, last={}, seen=[], hand=None, past=[])
    >>> state.update(
    ...     targets=[], settings={}, restarted={}, inserted=[], frozen=[]
    ... )
    >>> write_state(state, path)
    >>> read_state(path) == state
    True
    """
    with open(path, "w", encoding="utf-8") as fout:
        yaml.safe_dump(state, fout, sort_keys=False)


def read_state(path):
    """Reads the state of a schedule, and checks it.

    Arguments
    ---------
    path : str
        The file in the checkpoint.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If the file does not hold the state of a schedule.
    """
    here = os.fspath(path)
    with open(path, encoding="utf-8") as fin:
        try:
            state = yaml.safe_load(fin)
        except (yaml.YAMLError, UnicodeDecodeError):
            state = None
    if isinstance(state, dict):
        state = {**LATER, **state}
    if not isinstance(state, dict) or set(state) != set(KINDS):
        raise GrowthError(
            f"{here}: this is not the state of a growth schedule; it must "
            f"hold {', '.join(sorted(KINDS))}"
        )
    problems = [
        f"{here}: {key} is {state[key]!r}; it must be "
        + " or ".join(WORDS[kind] for kind in kinds)
        for key, kinds in KINDS.items()
        if type(state[key]) not in kinds
    ]
    problems = problems or [
        f"{here}: the size {key} is {size!r}; it must be a whole number, or a "
        "list of them"
        for key, size in state["sizes"].items()
        for number in (size if isinstance(size, list) else [size])
        if type(number) is not int
    ]
    if problems:
        raise GrowthError(problems)
    return state
