"""Means over seeds of what the literature reads from task matrices.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.experiments.statistics import mean_and_half

SINGLE, JOINT = "independent", "joint"  # usual names of the references


def summarize_tasks(runs):
    """Returns the numbers of a comparison.

    Forward transfer is against the run called ``independent`` with the same
    seed, and intransigence against that called ``joint``.

    Arguments
    ---------
    runs : list of TaskRun
        Over the same tasks.

    Returns
    -------
    dict
        ``metric``, ``better``, ``tasks`` and ``groups``: for each name its
        seeds and a mean with half of its interval for each number.
    """
    groups = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    singles = {run.seed: run.matrix.diagonal for run in groups.get(SINGLE, ())}
    joints = {run.seed: run.matrix.last for run in groups.get(JOINT, ())}
    return {
        "metric": runs[0].report["metric"],
        "better": runs[0].report["better"],
        "tasks": runs[0].matrix.tasks,
        "groups": [
            {
                "name": name,
                "seeds": [run.seed for run in group],
                **_numbers(group, singles, joints),
            }
            for name, group in groups.items()
        ],
    }


def _numbers(group, singles, joints):
    """The numbers of all seeds of one name."""
    matrices = [run.matrix for run in group]
    found = {
        "acc": [one.acc for one in matrices],
        "bwt": [one.bwt for one in matrices],
        "forgetting": [one.forgetting for one in matrices],
        "fwt": _against(group, singles, "fwt"),
        "intransigence": _against(group, joints, "intransigence"),
        "capacity": [run.report["capacity"] for run in group],
        "routing": [_mean(run.report.get("routing")) for run in group],
        "routed": [_mean(run.report.get("routed")) for run in group],
    }
    costs = {key for run in group for key in run.report["training"]}
    for key in sorted(costs):
        found[key] = [run.report["training"].get(key) for run in group]
    return {key: mean_and_half(values) for key, values in found.items()}


def _against(group, references, number):
    """A number against the reference of the same seed; None without one."""
    return [
        getattr(run.matrix, number)(references[run.seed])
        if run.seed in references
        else None
        for run in group
    ]


def _mean(values):
    """The mean over tasks; None if there are none."""
    return sum(values) / len(values) if values else None
