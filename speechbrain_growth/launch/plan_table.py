"""Prints a plan as a table for people.

Authors
 * The speechbrain_growth authors 2026
"""


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
    >>> row = {
    ...     "when": "start",
    ...     "sizes": {"width": 4},
    ...     "exact": "",
    ...     "parameters": 8,
    ...     "macs": 6,
    ...     "share": 1.0,
    ...     "example": "image",
    ... }
    >>> print(as_table([row]))
    when  | sizes   | parameters | MACs per image | of the final | function
    ------|---------|------------|----------------|--------------|---------
    start | width 4 | 8          | 6              | 100 %        |
    """
    head = [
        "when",
        "sizes",
        "parameters",
        f"MACs per {rows[0]['example']}",
        "of the final",
        "function",
    ]
    body = [
        [
            row["when"],
            ", ".join(f"{key} {size}" for key, size in row["sizes"].items()),
            f"{row['parameters']:,}",
            f"{row['macs']:,}",
            f"{100 * row['share']:.0f} %",
            row["exact"],
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths))
        for line in (head, *body)
    ]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
