"""Compares the growths that happened with the list that a run is given now.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.schedule.growth import parse


def refuse_edited_past(past, happened, listed):
    """Raises if the list differs from the growths that happened.

    What comes after them may be edited at will.

    Arguments
    ---------
    past : list of dict
        The entries of the growths that were decided; None if the checkpoint
        is of an earlier version, which did not keep them.
    happened : int
        How many growths happened.
    listed : list of dict
        The entries that the run has now.

    Raises
    ------
    GrowthError
        Naming every growth that was changed or taken away.

    Example
    -------
    >>> past = [{"after_epoch": 1, "width": 8}]
    >>> refuse_edited_past(past, 1, [*past, {"after_epoch": 5, "width": 16}])
    >>> refuse_edited_past(past, 1, [])
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: growth[0] happened as {'after_epoch': 1, 'width': 8}, but the list has none there; ...
    """
    problems = []
    for number in range(happened):
        now = listed[number] if number < len(listed) else None
        then = past[number] if past else None
        if now is None or (past and parse([then]) != parse([now])):
            problems.append(
                f"growth[{number}] happened"
                + (f" as {shown(then)}" if past else "")
                + f", but the list has {'none' if now is None else shown(now)} "
                "there"
            )
    if problems:
        problems[-1] += (
            "; put back what happened (growths behind it may change), or name "
            "another output_folder"
        )
        raise GrowthError(problems)
