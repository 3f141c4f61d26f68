"""Finds dates of growths that do not fit the run.

Authors
 * The speechbrain_growth authors 2026
"""


def late_dates(condition, run):
    """Returns what is wrong with moments at which the run is over.

    Arguments
    ---------
    condition : Condition
        Of a growth.
    run : Run
        Its totals.

    Returns
    -------
    list of str
    """
    found = []
    for key, unit, number in condition.dates(run):
        total = run.totals.get(unit)
        if total is None or number < total:
            continue
        if unit == "epoch":
            found.append(
                f"{key} is {number}, but the last epoch is {total}; a growth "
                f"happens between epochs, after {total - 1} at most"
            )
        else:
            found.append(
                f"{key} is {number:g}, but the run ends at {total:g}; give a "
                "smaller number"
            )
    for one in condition.inside:
        found += late_dates(one, run)
    return found


def early_dates(growth, run, dates):
    """Returns what is wrong with a date that is not later than one before it.

    Arguments
    ---------
    growth : Growth
        The next of the list.
    run : Run
        Its totals.
    dates : dict
        By unit, the dates so far and the numbers of their entries; that of the
        growth is added.

    Returns
    -------
    list of str
    """
    found = []
    if not growth.condition.is_date or growth.time > 1:
        return found
    for _, unit, number in growth.condition.dates(run):
        known = dates.setdefault(unit, {})
        if known and number <= max(known):
            latest = max(known)
            found.append(
                f"comes after growth[{known[latest]}] in the list, whose "
                f"{unit} is {latest}; each date must be later than those "
                "before it"
            )
        known[number] = growth.number
    return found
