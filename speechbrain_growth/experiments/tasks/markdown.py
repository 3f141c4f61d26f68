"""A comparison of runs over several tasks, as Markdown.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.experiments.cells import COSTS, interval, table

COLUMNS = {
    "acc": "mean of all tasks",
    "bwt": "BWT",
    "forgetting": "forgetting",
    "fwt": "FWT",
    "intransigence": "intransigence",
    "routed": "task not told",
    "routing": "task found",
    "capacity": "capacity",
}


def tasks_as_markdown(summary):
    """Returns the report as text.

    Arguments
    ---------
    summary : dict
        From ``summarize_tasks``, with the names of the plots.

    Returns
    -------
    str
    """
    groups = summary["groups"]
    keys = [
        key
        for key in (*COLUMNS, *COSTS)
        if any(g.get(key, {}).get("mean") is not None for g in groups)
    ]
    head = ["strategy", "seeds", *(COLUMNS.get(k) or COSTS[k] for k in keys)]
    rows = [
        [
            group["name"],
            str(len(group["seeds"])),
            *(_cell(group.get(key), key) for key in keys),
        ]
        for group in groups
    ]
    plots = summary.get("plots", {}).items()
    return "\n\n".join(
        [
            f"# {summary['metric']} of {summary['tasks']} tasks",
            f"{summary['better'].capitalize()} is better. Mean over seeds ± "
            "half of the 95 % interval (Student's t). BWT and FWT are above 0 "
            "where other tasks helped; forgetting and intransigence are below "
            "0 then. Capacity: all numbers stored, over those of the first "
            "network.",
            table(head, rows),
            *(f"![{words}]({file})" for words, file in plots),
        ]
    )


def _cell(found, kind):
    """A number with its interval; a dash if it is not there."""
    if found is None or found["mean"] is None:
        return "-"
    if kind == "routing":
        found = {k: v and 100 * v for k, v in found.items()}
        return f"{interval(found)} %"
    return interval(found, kind)
