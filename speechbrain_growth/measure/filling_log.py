"""What the growth log says of new units that begin from gradients.

Authors
 * The speechbrain_growth authors 2026
"""


def filling_entry(plan):
    """What the log holds of a filling.

    Arguments
    ---------
    plan : Plan
        What ``fill`` returned is part of it.

    Returns
    -------
    dict
        Empty if nothing was filled; else ``filling`` with ``batches``, and as
        ``Filled`` has them ``units``, ``left`` and ``gain``.
    """
    filled = plan.filled
    if filled is None:
        return {}
    found = {"batches": filled.batches, "gain": filled.gain}
    return {"filling": {**found, "units": filled.units, "left": filled.left}}


def filling_in_words(entry):
    """Describes a filling.

    Arguments
    ---------
    entry : dict
        A line of the growth log.

    Returns
    -------
    list of str
        Empty if nothing was filled.

    Example
    -------
    >>> one = {"filled": 3, "new": 4, "rank": 3, "gain": 0.25, "slope": 1.0}
    >>> found = {"units": {"net": one}, "left": {"rnn": "it is a GRU"}}
    >>> filling_in_words({"filling": {**found, "batches": 8, "gain": 0.25}})
    ['3 of 4 new units of net begin from gradients of 8 batches, the others as fresh ones (gain 0.25)', 'those of rnn begin as fresh ones: it is a GRU']
    """
    found = entry.get("filling")
    if found is None:
        return []
    words = [
        f"{one['filled']} of {one['new']} new units of {name} begin from "
        f"gradients of {found['batches']} batches"
        + ", the others as fresh ones" * (one["filled"] < one["new"])
        + f" (gain {one['gain']:.3g})"
        for name, one in found["units"].items()
    ]
    words += [
        f"those of {name} begin as fresh ones: {why}"
        for name, why in found["left"].items()
    ]
    return words
