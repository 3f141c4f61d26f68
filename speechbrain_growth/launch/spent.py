"""A budget that another run says: what it has spent, or what comes after it.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.events import RUN_LOG, read_events
from speechbrain_growth.measure.meter import METER, read_totals
from speechbrain_growth.schedule.afterwards.budget import UNITS, read_budget

NEW = "new_"  # before a unit: what an earlier run has spent is not counted


def with_amount(budget):
    """Puts a number in place of the folder of a run, if a budget names one.

    Arguments
    ---------
    budget : object
        The key ``budget`` of a YAML. If it is one unit and a text that is no
        number, the text is the output folder of a finished run.

    Returns
    -------
    dict
        The unit, and how much of it that run has spent; None if the budget
        names no run.

    Raises
    ------
    GrowthError
        If the run is not there or not finished, or did not log the unit.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> log = folder / "run_log.jsonl"
    >>> _ = log.write(
    ...     '{"event": "epoch", "epoch": 1, "macs": 40}\\n'
    ...     '{"event": "epoch", "epoch": 2, "macs": 90}\\n'
    ...     '{"event": "test", "test": {"PER": 20.0}}\\n'
    ... )
    >>> with_amount({"macs": str(folder)})
    {'macs': 90}
    >>> with_amount({"macs": "1e6"}), with_amount({"macs": 10}), with_amount({})
    (None, None, None)
    """
    if not isinstance(budget, dict) or len(budget) != 1:
        return None
    ((unit, folder),) = budget.items()
    if not isinstance(folder, str) or _is_number(folder):
        return None
    return {unit: _spent(folder, unit)}


def from_here(budget, checkpoint):
    """Adds what an earlier run had spent to a budget that leaves it out.

    Arguments
    ---------
    budget : object
        The key ``budget`` of a YAML, such as ``{"new_macs": 1e13}``.
    checkpoint : speechbrain.utils.checkpoints.Checkpoint
        From which the run starts; None if it starts anew.

    Returns
    -------
    dict
        The unit, and what may be spent in all. The new unit has None, as an
        override is merged with what the YAML has. None if the budget counts all.

    Raises
    ------
    GrowthError
        If the amount is no number above 0, or the checkpoint does not say what
        was spent.

    Example
    -------
    >>> from_here({"new_macs": 1e6}, None), from_here({"macs": 1e6}, None)
    ({'new_macs': None, 'macs': 1000000.0}, None)
    """
    if not isinstance(budget, dict) or len(budget) != 1:
        return None
    ((unit, amount),) = budget.items()
    old = str(unit).removeprefix(NEW)
    if old == unit or old not in UNITS or old == "epochs":
        return None
    try:
        new = read_budget({old: amount}).amount
    except GrowthError as error:
        found = [
            p.replace(f": {old} is", f": {unit} is") for p in error.problems
        ]
        raise GrowthError(found) from None
    if checkpoint is None:
        return {unit: None, old: new}
    if METER not in checkpoint.paramfiles:
        raise GrowthError(
            f"budget: {unit} needs to know what was spent before, but "
            f"{checkpoint.path} does not say it; use {old}"
        )
    state = read_totals(checkpoint.paramfiles[METER])
    before = sum(part.get(old, 0) for part in state.values())
    return {unit: None, old: before + new}


def _spent(folder, unit):
    """What a finished run has spent, in one unit."""
    events = read_events(os.path.join(folder, RUN_LOG))
    epochs = [event for event in events if event["event"] == "epoch"]
    if not epochs or not any(event["event"] == "test" for event in events):
        raise GrowthError(
            f"budget: {unit} is {folder}, which is no number, and no folder of "
            "a finished run; give one of the two"
        )
    if not epochs[-1].get(unit):
        raise GrowthError(
            f"budget: {folder} has not logged any {unit}; give another unit"
        )
    return epochs[-1][unit]


def _is_number(text):
    """Whether a text is a number, as YAML takes 1e13 for a text."""
    try:
        float(text)
    except ValueError:
        return False
    return True
