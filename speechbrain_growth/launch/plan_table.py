"""Prints a plan as a table for people.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools


def as_table(rows):
    """Writes the plan as a table for people.

    Arguments
    ---------
    rows : list of dict
        From ``plan_run``.

    Returns
    -------
    str

    Example
    -------
    >>> start = {
    ...     "when": "start",
    ...     "sizes": {"width": 4},
    ...     "exact": "",
    ...     "parameters": 8,
    ...     "macs": 6,
    ...     "share": 0.5,
    ...     "example": "image",
    ...     "growth": None,
    ...     "epochs": 10,
    ...     "total": (8.0, 8.0),
    ... }
    >>> grown = {
    ...     "when": "after_epoch 4",
    ...     "sizes": {"width": 8},
    ...     "exact": "exact",
    ...     "parameters": 16,
    ...     "macs": 12,
    ...     "share": 1.0,
    ...     "growth": 0,
    ...     "span": (4, 4),
    ...     "trial": 0,
    ...     "bytes": 2_000_000,
    ... }
    >>> print(as_table([start, grown]))
    when          | epoch | sizes   | parameters | MACs per image | of the largest | MB to grow | function
    --------------|-------|---------|------------|----------------|----------------|------------|---------
    start         |       | width 4 | 8          | 6              | 50 %           |            |
    after_epoch 4 | 4     | width 8 | 16         | 12             | 100 %          | 2          | exact
    In all, 10 epochs cost as much as 8.0 of the largest model (80 %).
    """
    head = [
        "when",
        "epoch",
        "sizes",
        "parameters",
        f"MACs per {rows[0]['example']}",
        "of the largest",
        "MB to grow",
        "trained",
        "function",
    ]
    body = [
        [
            row["when"],
            _epochs(row.get("span"), rows[0].get("budget")),
            ", ".join(f"{key} {size}" for key, size in row["sizes"].items()),
            f"{row['parameters']:,}",
            f"{row['macs']:,}",
            f"{100 * row['share']:.0f} %",
            _megabytes(row.get("bytes")),
            f"{100 * row['trained']:.0f} %" if row.get("trained") else "",
            row["exact"],
        ]
        for row in rows
    ]
    told = [any(column) for column in zip(*body)]  # not of every recipe
    table = [list(itertools.compress(line, told)) for line in (head, *body)]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths))
        for line in table
    ]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    lines += _sentences(rows) if len(rows) > 1 else []
    return "\n".join(line.rstrip() for line in lines)


def _epochs(span, budget):
    """After which epochs a growth may happen."""
    if not span:
        return ""
    first, last = span
    if last is None:
        return f"{first} or later, or never"
    words = str(first) if first == last else f"{first} to {last}"
    return f"{words}, or never" if budget else words  # if it is spent before


def _megabytes(number):
    """Bytes in millions, with one digit if there are few."""
    if number is None:
        return ""
    return f"{number / 1e6:.1f}" if number < 1e6 else f"{number / 1e6:,.0f}"


def _end_of(budget):
    """When a run ends that has a budget in MACs or in seconds."""
    by = "" if budget.unit == "macs" else " by time,"
    return (
        f"The run ends{by} as soon as its budget of {budget} is spent; growths "
        "that are still ahead then do not happen."
    )


def _sentences(rows):
    """What the run costs in all, and what choices add to it."""
    epochs, (least, most) = rows[0]["epochs"], rows[0]["total"]
    shares = 100 * least / epochs, 100 * most / epochs
    budget, epochs = rows[0].get("budget"), f"{epochs:g}"
    if budget:
        found = [
            f"In all, at most {epochs} epochs cost at most as much as {most:.1f} "
            f"of the largest model ({shares[1]:.0f} %).",
            _end_of(budget),
        ]
    elif f"{least:.1f}" == f"{most:.1f}":
        found = [
            f"In all, {epochs} epochs cost as much as {least:.1f} of the "
            f"largest model ({shares[0]:.0f} %)."
        ]
    else:
        found = [
            f"In all, {epochs} epochs cost as much as {least:.1f} to {most:.1f} "
            f"of the largest model ({shares[0]:.0f} to {shares[1]:.0f} %): "
            "their sizes are not fixed beforehand."
        ]
    names = [name for row in rows for name in row.get("measured", ())]
    if names:
        found.append(
            f"Until its growth, {', '.join(dict.fromkeys(names))} is measured "
            "after each validation, on top of that."
        )
    found += [
        text for row in rows if row.get("filling") for text in _filling(row)
    ]
    found += [
        text for row in rows if row.get("search") for text in _search(row)
    ]
    found += [
        f"{row['when']}: {name} is frozen, and reads none of the new units."
        for row in rows
        for name in row.get("blind", ())
    ]
    found += [
        f"{row['when']}: what an epoch costs with the new "
        f"{' and '.join(row['objects'])} is not known to the plan, which counts "
        "one example of a fixed shape."
        for row in rows
        if row.get("objects")
    ]
    steps = sum(row.get("trial", 0) for row in rows)
    if steps:
        found.append(
            f"Choices take {steps} steps of training on top of that, and as "
            "many batches to measure."
        )
    return found


def _search(row):
    """What a search costs, what it may touch, and what is not known."""
    one = row["search"]
    layers = [f"{', '.join(n)} ({size})" for size, n in one["layers"].items()]
    may = [f"units to {', '.join(one['slots'])}"] * bool(one["slots"])
    may += [f"the layers {', '.join(layers)}"] * bool(layers)
    found = [
        f"{row['when']}: firefly may add {'; and '.join(may)}; {one['limit']} "
        "at most. Only training tells which, so what is said of the time after "
        "it is of the sizes before.",
        f"{row['when']}: the search costs about as much as training on "
        f"{one['cost']:.1f} batches before the growth, and two epochs at most.",
    ]
    found += [
        f"{row['when']}: firefly leaves {name} alone: {why}."
        for name, why in one["left"].items()
    ]
    return found


def _filling(row):
    """What the filling of new units costs, and which begin without it."""
    one = row["filling"]
    left, number = one["left"], one["batches"]
    found = [
        f"{row['when']}: new units begin from the gradients of {number} batches; "
        f"on top of that, this costs about as much as training on {one['cost']:.1f} "
        "before the growth."
    ]
    found += [
        f"{row['when']}: those of {name} begin as fresh ones: {why}."
        for name, why in left.items()
    ]
    return found
