"""Numbers and tables as Markdown.

Authors
 * The speechbrain_growth authors 2026
"""

COSTS = {
    "macs": "training MACs",
    "cpu_seconds": "CPU s",
    "gpu_seconds": "GPU s",
    "wall_seconds": "wall s",
}
NONE = "not logged"


def table(head, rows):
    """A Markdown table.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, *rows]
    text = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(head), *text[1:]])


def interval(found, kind="metric"):
    """A mean and half of its interval as text; ``kind`` may be a key of COSTS.

    >>> interval({"mean": 20.4321, "half": 2.5, "number": 3})
    '20.43 ± 2.50'
    >>> interval({"mean": 1.234e13, "half": None, "number": 1}, "macs")
    '1.234e+13'
    """
    mean, half = found["mean"], found["half"]
    if mean is None:
        return NONE
    seconds = ".1f" if kind in COSTS else ".2f"
    digits = {"macs": ".3e"}.get(kind, seconds)
    text = f"{mean:{digits}}"
    return text if half is None else f"{text} ± {half:{digits}}"
