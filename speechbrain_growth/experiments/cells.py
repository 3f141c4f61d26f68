"""Numbers and tables as Markdown.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools

MANY = 5  # kinds of run; of more, only differences from the large one are shown
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


def pairs_shown(names, large=None):
    """Returns the pairs of kinds of run whose difference a report's table has.

    Arguments
    ---------
    names : list of str
        Of all kinds of run.
    large : str
        The one that stands in each pair if there are many kinds; None for none.

    Returns
    -------
    list of tuple

    Example
    -------
    >>> pairs_shown(["a", "b", "c"])
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    >>> pairs_shown(["a", "b", "c", "d", "e", "f"], "b")
    [('a', 'b'), ('b', 'c'), ('b', 'd'), ('b', 'e'), ('b', 'f')]
    """
    pairs = list(itertools.combinations(names, 2))
    if len(names) <= MANY or large not in names:
        return pairs
    return [pair for pair in pairs if large in pair]
