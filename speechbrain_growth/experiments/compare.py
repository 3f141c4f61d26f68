"""Compares runs over seeds: ``python -m speechbrain_growth compare RUNS``.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.runs import find_runs, read_run
from speechbrain_growth.experiments.tables import as_markdown
from speechbrain_growth.measure.events import plain

LARGE = "large"
SHOWN = 3  # folders of a warning


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "compare",
        help="compare runs over their seeds",
        description="Writes report.md, report.json and plots into a folder, "
        "and prints the report. Runs called NAME/SEED or NAME-SEED belong "
        "together.",
    )
    parser.add_argument("runs", nargs="+", help="output folders, or above them")
    parser.add_argument("--out", required=True, help="folder of the report")
    parser.add_argument(
        "--large",
        help="name of the runs whose final metric is the goal; if not given, "
        f"those called {LARGE}, if there are any",
    )
    parser.add_argument(
        "--best-of",
        metavar="KEY",
        help="of runs called NAME,KEY@VALUE compare, for each NAME, only those "
        "of the value that is best on the validation set; such as lr",
    )
    parser.add_argument("--metric", help="if not the one that the runs name")
    parser.add_argument("--better", choices=["lower", "higher"])
    parser.add_argument(
        "--format", choices=["markdown", "json"], default="markdown"
    )
    parser.set_defaults(run=compare)


def compare(chosen):
    """Compares runs and prints the report.

    Arguments
    ---------
    chosen : argparse.Namespace
        What ``add_parser`` describes.
    """
    options = {"metric": chosen.metric, "better": chosen.better}
    options["best"] = chosen.best_of
    summary = report(chosen.runs, chosen.out, chosen.large, **options)
    if chosen.format == "json":
        print(json.dumps(plain(summary), indent=2, allow_nan=False))
    else:
        print(as_markdown(summary))


def report(paths, out, large=None, metric=None, better=None, best=None):
    """Writes a comparison into a folder.

    Arguments
    ---------
    paths : list of str
        Output folders of runs, or folders above them.
    out : str
        Where the report goes.
    large : str
        Name of the runs whose final metric is the goal.
    metric : str
        By which runs are judged; None for the one that they name.
    better : str
        ``lower`` or ``higher``; None for what they say.
    best : str
        A setting, such as ``lr``; see ``best_of``.

    Returns
    -------
    dict
        What the report says, as plain numbers.

    Raises
    ------
    GrowthError
        If there is nothing to compare, or it cannot be compared.
    """
    plot_all, summarize, best_of = instruments()
    folders, missing = find_runs(paths)
    runs = [read_run(folder, metric, better) for folder in folders]
    _check(runs, missing)
    every, chosen = runs, []
    if best is not None:
        runs, chosen = best_of(runs, best)
    kept = {run.folder for run in runs}
    names = list(dict.fromkeys(run.name for run in runs))
    large = large or (LARGE if LARGE in names else None)
    if large not in (None, *names):
        raise GrowthError(
            f"there is no run called {large}; there are {', '.join(names)}"
        )
    summary = summarize(runs, large)
    summary["chosen"] = chosen
    summary["missing"] = missing
    summary["not_tried"] = {
        f"{run.name}, seed {run.seed}": run.state
        for run in every
        if run.folder not in kept and not run.finished
    }
    summary["warnings"] = _warnings(runs)
    os.makedirs(out, exist_ok=True)
    summary["plots"] = plot_all(runs, summary["goal"], out)
    contents = {
        "report.md": as_markdown(summary),
        "report.json": json.dumps(plain(summary), indent=2, allow_nan=False),
    }
    for name, text in contents.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as fout:
            fout.write(text + "\n")
    return summary


def instruments():
    """What SciPy and Matplotlib are needed for; training needs neither.

    Returns
    -------
    tuple of callable

    Raises
    ------
    GrowthError
        If one is not installed.
    """
    try:
        from speechbrain_growth.experiments.best_of import best_of
        from speechbrain_growth.experiments.plots import plot_all
        from speechbrain_growth.experiments.statistics import summarize
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"{error}; `pip install -r requirements.txt` brings what a "
            "comparison needs"
        )
    return plot_all, summarize, best_of


def _check(runs, missing):
    """Refuses what cannot be compared."""
    if not runs:
        raise GrowthError(
            f"there is no run in {', '.join(missing)}; a run is a folder with "
            "a run_log.jsonl or a train_log.txt"
        )
    problems = [
        f"{run.folder}: its log does not say by which metric it is judged, or "
        "which direction is better; give --metric and --better"
        for run in runs
        if not (run.metric and run.better)
    ]
    seen = {}
    for run in runs:
        twin = seen.setdefault((run.name, run.seed), run)
        if twin is not run:
            problems.append(
                f"{twin.folder} and {run.folder} are both {run.name} with "
                f"seed {run.seed}; rename one"
            )
    judged = {(run.metric, run.better) for run in runs}
    if len(judged) > 1 and not problems:
        problems = [
            f"{run.folder} is judged by {run.metric}, {run.better} is better; "
            "give --metric and --better, or compare fewer runs"
            for run in runs
        ]
    if problems:
        raise GrowthError(problems)


def _warnings(runs):
    """What makes numbers less comparable than they look."""
    warnings = []
    groups = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    for name, group in groups.items():
        keys = {key for run in group for key in run.settings}
        differ = [
            key
            for key in sorted(keys)
            if any(
                run.settings.get(key) != group[0].settings.get(key)
                for run in group
            )
        ]
        if differ:
            warnings.append(
                f"{name}: its seeds were run with different {', '.join(differ)}"
            )
    if any(run.machine != runs[0].machine for run in runs):
        warnings.append(
            "Runs used different devices, numbers of threads or versions of "
            "torch; their seconds cannot be compared"
        )
    for macs, words in ((True, "is"), (False, "is not logged, and not")):
        found = [
            run.folder
            for run in runs
            if run.before is not None and bool(run.before["macs"]) == macs
        ]
        if found:
            warnings.append(
                f"Started from an earlier run, whose cost {words} in the "
                f"totals: {_few(found)}"
            )
    text_only = [run.folder for run in runs if not run.machine]
    if text_only:
        warnings.append(
            "Read from the text log, with metrics as printed and without "
            f"costs: {_few(text_only)}"
        )
    return warnings


def _few(folders):
    """Some folders in words, the first of many."""
    more = len(folders) - SHOWN
    shown = ", ".join(folders[: SHOWN if more > 1 else None])
    return f"{shown} and {more} more" if more > 1 else shown
