"""Compares runs over seeds: ``python -m speechbrain_growth compare RUNS``.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
from typing import Callable, NamedTuple

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.comparable import check_runs, warnings_of
from speechbrain_growth.experiments.runs import find_runs, read_run
from speechbrain_growth.experiments.tables import as_markdown
from speechbrain_growth.experiments.tasks.markdown import tasks_as_markdown
from speechbrain_growth.experiments.tasks.reading import has_tasks, read_tasks
from speechbrain_growth.measure.events import plain

LARGE = "large"  # usual name of the runs that are large from the start


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
        "and prints the report. Runs called NAME/SEED or NAME-SEED are the "
        "seeds of one kind of run.",
    )
    parser.add_argument(
        "runs", nargs="+", help="output folders, or folders above them"
    )
    parser.add_argument("--out", required=True, help="folder of the report")
    parser.add_argument(
        "--large",
        help="name of the runs whose final metric is the goal; default: "
        f"{LARGE}, if there are any",
    )
    parser.add_argument(
        "--best-of",
        metavar="KEY",
        help="of the runs called NAME,KEY@VALUE, compare for each NAME only "
        "those with the value that is best on the validation set; such as lr",
    )
    parser.add_argument("--metric", help="default: the one that the runs name")
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
        print(text_of(chosen.out))


def text_of(out):
    """Returns the text of a report.

    Arguments
    ---------
    out : str
        Folder of the report.

    Returns
    -------
    str
        In Markdown.
    """
    with open(os.path.join(out, "report.md"), encoding="utf-8") as fin:
        return fin.read().rstrip("\n")


def report(paths, out, large=None, metric=None, better=None, best=None):
    """Writes a comparison into a folder.

    Arguments
    ---------
    paths : list of str
        Output folders of runs, or folders above them.
    out : str
        Folder of the report.
    large : str
        Name of the runs whose final metric is the goal.
    metric : str
        What runs are compared by; None for the one that they name.
    better : str
        ``lower`` or ``higher``; None for what the runs name.
    best : str
        A setting, such as ``lr``, of which only the best value is compared; see
        ``best_of``.

    Returns
    -------
    dict
        The numbers of the report.

    Raises
    ------
    GrowthError
        If there is no run, or the runs cannot be compared.
    """
    library = require_libraries()
    folders, missing = find_runs(paths)
    if any(map(has_tasks, folders)):
        return report_tasks(folders, missing, out)
    runs = [read_run(folder, metric, better) for folder in folders]
    check_runs(runs, missing)
    every, chosen = runs, []
    if best is not None:
        runs, chosen = library.best_of(runs, best)
    kept = {run.folder for run in runs}
    names = list(dict.fromkeys(run.name for run in runs))
    large = large or (LARGE if LARGE in names else None)
    if large not in (None, *names):
        raise GrowthError(
            f"there is no run called {large}; name one of {', '.join(names)}"
        )
    summary = library.summarize(runs, large)
    summary["carry_over"] = library.carry_overs(runs)
    summary["chosen"] = chosen
    summary["missing"] = missing
    summary["not_tried"] = {
        f"{run.name}, seed {run.seed}": run.state
        for run in every
        if run.folder not in kept and not run.finished
    }
    summary["warnings"] = warnings_of(runs)
    os.makedirs(out, exist_ok=True)
    summary["plots"] = library.plot_all(runs, summary["goal"], out)
    summary["frontier"] = library.write_frontier(runs, out)
    return written(summary, as_markdown(summary), out)


def report_tasks(folders, missing, out):
    """Writes a comparison of runs over several tasks into a folder.

    Arguments
    ---------
    folders : list of str
        Output folders of runs.
    missing : list of str
        Paths without any.
    out : str
        Folder of the report.

    Returns
    -------
    dict
        The numbers of the report.

    Raises
    ------
    GrowthError
        If the runs cannot be compared.
    """
    # They need SciPy and Matplotlib, which are there if this is called
    from speechbrain_growth.experiments.tasks.pictures import draw_tasks
    from speechbrain_growth.experiments.tasks.summary import summarize_tasks

    runs = read_tasks(folders)
    summary = {**summarize_tasks(runs), "missing": missing}
    os.makedirs(out, exist_ok=True)
    summary["plots"] = draw_tasks(runs, out)
    return written(summary, tasks_as_markdown(summary), out)


def written(summary, text, out):
    """Writes the numbers and the text of a report.

    Arguments
    ---------
    summary : dict
        The numbers.
    text : str
        In Markdown.
    out : str
        The folder.

    Returns
    -------
    dict
        The numbers.
    """
    contents = {
        "report.md": text,
        "report.json": json.dumps(plain(summary), indent=2, allow_nan=False),
    }
    for name, content in contents.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as fout:
            fout.write(content + "\n")
    return summary


class Library(NamedTuple):
    """The functions that need SciPy and Matplotlib."""

    plot_all: Callable
    summarize: Callable
    best_of: Callable
    carry_overs: Callable
    write_frontier: Callable


def require_libraries():
    """Imports the functions that need SciPy and Matplotlib.

    Training needs neither library.

    Returns
    -------
    Library

    Raises
    ------
    GrowthError
        If a library is not installed.
    """
    try:
        from speechbrain_growth.experiments.best_of import best_of
        from speechbrain_growth.experiments.forecast.carry_over import (
            carry_overs,
        )
        from speechbrain_growth.experiments.frontier.writing import (
            write_frontier,
        )
        from speechbrain_growth.experiments.plots import plot_all
        from speechbrain_growth.experiments.statistics import summarize
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"{error}; comparing runs needs it, so install it with "
            "`pip install -r requirements.txt`"
        )
    return Library(plot_all, summarize, best_of, carry_overs, write_frontier)
