"""A comparison as Markdown.

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
MANY = 5  # kinds of run whose differences from each other still fit a table


def as_markdown(summary):
    """The whole report.

    Arguments
    ---------
    summary : dict
        From ``report``.

    Returns
    -------
    str
    """
    groups = [group for group in summary["groups"] if group["seeds"]]
    metric = summary["metric"]
    logged = [
        key
        for key in COSTS
        if any(group[key]["mean"] is not None for group in groups)
    ]
    parts = [
        f"# {metric} of {len(summary['groups'])} kinds of run",
        f"{summary['better'].capitalize()} is better. Mean over seeds ± half "
        "of the 95 % interval (Student's t). *final*: after the last epoch; "
        "*best*: of all epochs, both on the validation set.",
        *_chosen(summary),
        *_results(groups, metric, logged),
        *_goal(summary, groups, logged),
        *_pairs(summary),
        *_not_there(summary),
    ]
    for label, file in summary.get("plots", {}).items():
        parts.append(f"![{metric} against {label}]({file})")
    return "\n\n".join(parts)


def _chosen(summary):
    """The table of what was chosen on the validation set."""
    found = summary.get("chosen")
    if not found:
        return []
    key = found[0]["key"]
    rows = [
        [
            one["name"],
            one["value"],
            ", ".join(
                f"{value}: {interval(mean)} ({mean['number']})"
                for value, mean in one["tried"].items()
            ),
        ]
        for one in found
    ]
    return [
        f"The {key} of each kind of run was chosen by the mean of its best "
        f"{summary['metric']} on the validation set. What the other values "
        "cost is in no total.",
        table(["run", key, f"tried: best {summary['metric']} (seeds)"], rows),
    ]


def _results(groups, metric, logged):
    """The table of what was reached, and at which cost."""
    if not groups:
        return ["No run is finished."]
    head = ["run", "seeds", "epochs", "parameters"]
    head += [f"final {metric}", f"best {metric}", f"test {metric}"]
    head += [COSTS[key] for key in logged]
    rows = [
        [
            group["name"],
            str(len(group["seeds"])),
            " or ".join(map(str, group["epochs"])),
            " or ".join(f"{n:,}" for n in group["parameters"]) or NONE,
            *(interval(group[key]) for key in ("final", "best", "test")),
            *(interval(group[key], key) for key in logged),
        ]
        for group in groups
    ]
    if not logged:
        return [table(head, rows), "Costs were not logged."]
    return [table(head, rows)]


def _goal(summary, groups, logged):
    """The table of what it costs to reach the large model's final metric."""
    if summary["goal"] is None:
        return ["No goal: no finished run is known to be the large one."]
    head = ["run", "seeds that reach it", *(COSTS[key] for key in logged)]
    head += ["of the large run's MACs"] if "macs" in logged else []
    whole = next(
        group["macs"]["mean"]
        for group in groups
        if group["name"] == summary["large"]
    )
    rows = []
    for group in groups:
        to_goal = group["to_goal"]
        cells = [interval(to_goal[key], key) for key in logged]
        if not to_goal["seeds"]:
            cells = ["never"] * len(logged)
        if "macs" in logged:
            mean = to_goal["macs"]["mean"]
            known = mean is not None and whole
            every = len(to_goal["seeds"]) == len(group["seeds"])
            percent = f"{100 * mean / whole:.0f} %" if known else "-"
            cells.append(percent if every or not known else "not all reach it")
        reached = f"{len(to_goal['seeds'])} of {len(group['seeds'])}"
        rows.append([group["name"], reached, *cells])
    return [
        f"## Cost to reach {summary['metric']} {summary['goal']:.2f}",
        f"The mean final {summary['metric']} of *{summary['large']}*; up to "
        "the first epoch whose validation reaches it. Means are over the "
        "seeds that do.",
        table(head, rows),
    ]


def _pairs(summary):
    """The table of differences, paired over seeds."""
    pairs = [pair for pair in summary["pairs"] if pair["half"] is not None]
    shown, large = pairs, summary["large"]
    if len(summary["groups"]) > MANY:
        shown = [p for p in pairs if large in (p["one"], p["other"])] or pairs
    rows = [
        [
            f"{pair['one']} less {pair['other']}",
            pair["of"],
            str(len(pair["seeds"])),
            interval(pair),
            "-" if pair["p"] is None else f"{pair['p']:.2g}",
        ]
        for pair in shown
    ]
    if not rows:
        return []
    note = "p: two-sided paired t-test, not corrected for how many there are."
    if len(shown) < len(pairs):
        note += (
            f" Shown are those with *{large}*; report.json has all "
            f"{len(pairs)}."
        )
    head = ["difference", "of", "seeds", summary["metric"], "p"]
    return [
        "## Differences, paired over seeds",
        note,
        table(head, rows),
    ]


def _not_there(summary):
    """Whatever is missing, not finished, or to be read with care."""
    lines = [f"* {path}: missing" for path in summary.get("missing", [])]
    lines += [
        f"* {group['name']}, seed {seed}: {state}"
        for group in summary["groups"]
        for seed, state in group["not_finished"].items()
    ]
    untried = summary.get("not_tried", {})
    lines += [f"* {run}: {state}" for run, state in untried.items()]
    parts = []
    if lines:
        parts = [
            "## Not in the tables",
            "\n".join(lines),
        ]
    warnings = summary.get("warnings", [])
    if warnings:
        parts += ["## To be read with care"]
        parts += ["\n".join(f"* {warning}" for warning in warnings)]
    return parts


def table(head, rows):
    """A Markdown table.

    Arguments
    ---------
    head : list of str
        Its first line.
    rows : list of list of str
        The others.

    Returns
    -------
    str

    Example
    -------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, *rows]
    text = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(head), *text[1:]])


def interval(found, kind="metric"):
    """A mean and half of its interval.

    Arguments
    ---------
    found : dict
        From ``mean_and_half``.
    kind : str
        A key of ``COSTS``, or anything else for a metric.

    Returns
    -------
    str

    Example
    -------
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
