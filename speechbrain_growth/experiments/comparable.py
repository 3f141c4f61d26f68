"""Checks whether runs can be compared, and what makes it less meaningful.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.experiments.cells import COSTS
from speechbrain_growth.measure.lines import is_number

SHOWN = 3  # folders that a warning names
NEAR = 0.05  # share of a budget by which a run may miss it


def check_runs(runs, missing):
    """Raises if runs cannot be compared.

    Arguments
    ---------
    runs : list of Run
        The runs.
    missing : list of str
        Paths below which there is none.

    Raises
    ------
    GrowthError
        If there is no run, if two have the same name and seed, or if they do
        not have one metric, numbers for it, and one direction.
    """
    if not runs:
        raise GrowthError(
            f"there is no run in {', '.join(missing)}; name folders with a "
            "run_log.jsonl or a train_log.txt"
        )
    problems = [
        f"{run.folder}: its log does not name the metric that runs are compared "
        "by, or which direction is better; give --metric and --better"
        for run in runs
        if not (run.metric and run.better)
    ]
    problems += [
        f"{run.folder}: the metric {run.metric} is {shown(value)}; it must be "
        "a number"
        for run in runs
        for value in (*run.curve, run.test.get(run.metric), run.at_start)
        if value is not None and not is_number(value)
    ]
    seen = {}
    for run in runs:
        twin = seen.setdefault((run.name, run.seed), run)
        if twin is not run:
            problems.append(
                f"{twin.folder} and {run.folder} are both {run.name} with "
                f"seed {run.seed}; rename one"
            )
    if len({(run.metric, run.better) for run in runs}) > 1 and not problems:
        problems = [
            f"{run.folder} is compared by {run.metric}, {run.better} is better; "
            "give --metric and --better, or compare fewer runs"
            for run in runs
        ]
    if problems:
        raise GrowthError(problems)


def warnings_of(runs):
    """Returns what makes the numbers of runs less comparable than they look.

    Arguments
    ---------
    runs : list of Run
        The runs that are compared.

    Returns
    -------
    list of str
    """
    return [
        *_different_settings(runs),
        *_different_machines(runs),
        *_earlier_runs(runs),
        *_off_budget(runs),
        *_text_logs(runs),
    ]


def _different_settings(runs):
    """Names whose seeds were run with different settings."""
    groups, warnings = {}, []
    for run in runs:
        groups.setdefault(run.name, []).append(run.settings)
    for name, group in groups.items():
        first = group[0]
        differ = [
            key
            for key in sorted({key for settings in group for key in settings})
            if any(settings.get(key) != first.get(key) for settings in group)
        ]
        if differ:
            warnings.append(
                f"{name}: its seeds were run with different {', '.join(differ)}"
            )
    return warnings


def _different_machines(runs):
    """Runs whose seconds do not compare."""
    if all(run.machine == runs[0].machine for run in runs):
        return []
    return [
        "Runs used different devices, numbers of threads or versions of torch; "
        "their seconds cannot be compared"
    ]


def _earlier_runs(runs):
    """Runs that start from another one, whose cost counts or does not."""
    warnings = []
    for logged, words in ((True, "is"), (False, "is not logged, and not")):
        found = [
            run.folder
            for run in runs
            if run.before is not None and bool(run.before["macs"]) == logged
        ]
        if found:
            warnings.append(
                f"Started from an earlier run, whose cost {words} in the "
                f"totals: {_few(found)}"
            )
    return warnings


def _off_budget(runs):
    """Runs that cost less or more than they were to cost."""
    warnings = []
    for run in runs:
        if not run.finished or not run.budget or run.budget.unit not in COSTS:
            continue
        spent, amount = run.cost(run.budget.unit)[-1] or 0, run.budget.amount
        if abs(spent - amount) > NEAR * amount:
            why = (
                "its epochs ended before; raise number_of_epochs"
                if spent < amount
                else "its last step and validation are long"
            )
            warnings.append(
                f"{run.name}, seed {run.seed}, spent {spent:.3g} of its budget "
                f"of {run.budget}: {why}"
            )
    return warnings


def _text_logs(runs):
    """Runs that have only a text log."""
    found = [run.folder for run in runs if not run.machine]
    if not found:
        return []
    return [
        "Read from the text log, with metrics as printed and without costs: "
        f"{_few(found)}"
    ]


def _few(folders):
    """The first of many folders, in words."""
    more = len(folders) - SHOWN
    shown = ", ".join(folders[: SHOWN if more > 1 else None])
    return f"{shown} and {more} more" if more > 1 else shown
