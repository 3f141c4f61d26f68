"""A comparison as Markdown.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.experiments.cells import (
    COSTS,
    NONE,
    interval,
    pairs_shown,
    table,
)
from speechbrain_growth.experiments.frontier.markdown import (
    frontier_as_markdown,
)


def as_markdown(summary):
    """Returns the report as text.

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
    logged = [k for k in COSTS if any(_known(group[k]) for group in groups)]
    plots = summary.get("plots", {}).items()
    parts = [
        f"# {metric} of {len(summary['groups'])} kinds of run",
        f"{summary['better'].capitalize()} is better. Mean over seeds ± half "
        "of the 95 % interval (Student's t). *final*: after the last epoch; "
        "*best*: of all epochs, both on the validation set.",
        *_chosen(summary),
        *_results(groups, metric, logged),
        *_goal(summary, groups, logged),
        *frontier_as_markdown(summary),
        *_pairs(summary),
        *_carry_over(summary),
        *_not_there(summary),
        *(f"![{metric} against {label}]({file})" for label, file in plots),
    ]
    return "\n\n".join(parts)


def _chosen(summary):
    """The table of the values that were chosen on the validation set."""
    found = summary.get("chosen")
    if not found:
        return []
    key, rows = found[0]["key"], []
    for one in found:
        tried = [
            f"{value}: {interval(mean)} ({mean['number']})"
            for value, mean in one["tried"].items()
        ]
        rows.append([one["name"], one["value"], ", ".join(tried)])
    return [
        f"The {key} of each kind of run was chosen by the mean of its best "
        f"{summary['metric']} on the validation set. What the other values "
        "cost is in no total.",
        table(["run", key, f"tried: best {summary['metric']} (seeds)"], rows),
    ]


def _results(groups, metric, logged):
    """The table of metrics and costs."""
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
    return [table(head, rows), *([] if logged else ["Costs were not logged."])]


def _goal(summary, groups, logged):
    """The table of the cost at which runs reach the large run's final metric."""
    if summary["goal"] is None:
        return ["No goal: no finished run is known to be the large one."]
    head = ["run", "seeds that reach it", *(COSTS[key] for key in logged)]
    head += ["of the large run's MACs"] if "macs" in logged else []
    by_name = {group["name"]: group for group in groups}
    macs = by_name[summary["large"]]["macs"]["mean"]
    rows = []
    for group in groups:
        seeds, found = len(group["seeds"]), group["to_goal"]
        cells = [interval(found[key], key) for key in logged]
        if not found["seeds"]:
            cells = ["never"] * len(logged)
        if "macs" in logged:
            cells.append(_share(found, macs, seeds))
        reached = f"{len(found['seeds'])} of {seeds}"
        rows.append([group["name"], reached, *cells])
    return [
        f"## Cost to reach {summary['metric']} {summary['goal']:.2f}",
        f"The mean final {summary['metric']} of *{summary['large']}*; up to "
        "the first epoch whose validation reaches it. Means are over the "
        "seeds that do.",
        table(head, rows),
    ]


def _share(found, macs, seeds):
    """The MACs to the goal as a share of all MACs of the large run."""
    if not macs or not _known(found["macs"]):
        return "-"
    if len(found["seeds"]) < seeds:
        return "not all reach it"
    return f"{100 * found['macs']['mean'] / macs:.0f} %"


def _known(found):
    """Whether there is a mean."""
    return found["mean"] is not None


def _pairs(summary):
    """The table of differences, paired over seeds."""
    large, names = summary["large"], [g["name"] for g in summary["groups"]]
    pairs = [pair for pair in summary["pairs"] if pair["half"] is not None]
    in_table = pairs_shown(names, large)
    shown = [p for p in pairs if (p["one"], p["other"]) in in_table]
    rows = [
        [
            f"{pair['one']} less {pair['other']}",
            pair["of"],
            str(len(pair["seeds"])),
            interval(pair),
            *(
                "-" if pair[key] is None else f"{pair[key]:.2g}"
                for key in ("p", "holm")
            ),
        ]
        for pair in shown
    ]
    if not rows:
        return []
    family = sum(pair["p"] is not None for pair in shown)
    note = (
        "p: two-sided paired t-test; p, Holm: corrected for the "
        f"{family} differences of this table."
    )
    if len(shown) < len(pairs):
        note += f" Only those with *{large}*; report.json has all {len(pairs)}."
    head = ["difference", "of", "seeds", summary["metric"], "p", "p, Holm"]
    return ["## Differences, paired over seeds", note, table(head, rows)]


def _carry_over(summary):
    """The table of what growths carry over."""
    rows = [
        [kind["name"], kind["after"], kind.get("why") or interval(kind["rho"])]
        for kind in summary.get("carry_over", [])
    ]
    note = "1: from its growth on, a run is like a large one of the same loss."
    found = table(["run", "grew after epoch", "rho"], rows)
    return ["## Carry-over rho of growths", note, found] if rows else []


def _not_there(summary):
    """The runs that are in no table, and the warnings."""
    lines = [f"* {path}: missing" for path in summary.get("missing", [])]
    lines += [
        f"* {group['name']}, seed {seed}: {state}"
        for group in summary["groups"]
        for seed, state in group["not_finished"].items()
    ]
    untried = summary.get("not_tried", {})
    lines += [f"* {run}: {state}" for run, state in untried.items()]
    warnings = [f"* {warning}" for warning in summary.get("warnings", [])]
    parts = [["## Not in the tables", "\n".join(lines)]] if lines else []
    if warnings:
        parts.append(["## To be read with care", "\n".join(warnings)])
    return sum(parts, [])
