"""Curves of a metric against epochs, MACs and seconds.

Authors
 * The speechbrain_growth authors 2026
"""

import math
import os

import matplotlib
from matplotlib.figure import Figure

AXES = {
    "epoch": "epoch",
    "macs": "training MACs",
    "cpu_seconds": "CPU seconds",
    "gpu_seconds": "GPU seconds",
    "wall_seconds": "wall seconds",
}
# Okabe and Ito's colours, which colour-blind readers can tell apart; without
# black, which is for text, and with grey instead of yellow, too light for lines
COLOURS = "#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9 #888888".split()
STYLES = ("-", "--", ":", "-.")
FORMATS = ("png", "svg")


def plot_all(runs, goal, folder):
    """Draws the metric against epochs and against every cost that was logged.

    Arguments
    ---------
    runs : list of Run
        Finished or not.
    goal : float
        The metric that the large run reaches, a horizontal line; None for no
        line.
    folder : str
        Folder of the files, each plot as PNG and as SVG.

    Returns
    -------
    dict
        Names of the PNG files by what the metric is drawn against.
    """
    files = {}
    for key, label in AXES.items():
        drawn = [run for run in runs if _points(run, key)]
        if drawn:
            figure = plot(drawn, key, goal)
            for axes in figure.axes:
                axes.set_xlabel(label)
            files[label] = f"{runs[0].metric}_{key}.png"
            for kind in FORMATS:
                name = f"{runs[0].metric}_{key}.{kind}"
                save(figure, os.path.join(folder, name), kind)
    return files


def plot(runs, key, goal):
    """Draws one plot: thin lines are runs, thick lines are means over seeds.

    The axes on the right have the same lines, close up where they end.

    Arguments
    ---------
    runs : list of Run
        In the order of the legend.
    key : str
        What the metric is drawn against.
    goal : float
        The metric that the large run reaches; None for no line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    wide, close = figure.subplots(1, 2, width_ratios=[3, 2])
    for axes in (wide, close):
        _draw(axes, runs, key, goal)
        axes.grid(alpha=0.3)
    wide.set_ylabel(f"validation {runs[0].metric} ({runs[0].better} is better)")
    close.set_title("the same, close up", fontsize="medium")
    close.set_ylim(*_end(runs, key, goal))
    figure.legend(*wide.get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw(axes, runs, key, goal):
    """Draws all lines; those of growing runs lie above that of the small run."""
    names = list(dict.fromkeys(run.name for run in runs))
    for number, name in enumerate(names):
        group = [run for run in runs if run.name == name]
        look = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": STYLES[number // len(COLOURS) % len(STYLES)],
            "zorder": 3 if any(run.growths for run in group) else 2,
        }
        for run in group:
            axes.plot(*zip(*_points(run, key)), **look, lw=0.7, alpha=0.5)
        finished = [_points(run, key) for run in group if run.finished]
        if finished:
            axes.plot(*zip(*_mean(finished)), **look, lw=2, label=name)
        else:
            axes.plot([], [], **look, lw=0.7, label=f"{name} (not finished)")
        for run in group:
            grown = _growths(run, key)
            if grown:
                mark = {"color": look["color"], "mec": "k", "zorder": 4}
                axes.plot(*zip(*grown), "^", **mark)
    if any(_growths(run, key) for run in runs):
        axes.plot([], [], "k^", label="growth")
    if goal is not None:
        axes.axhline(goal, color="k", lw=0.7, ls=(0, (1, 3)), label="goal")


def _growths(run, key):
    """The points at which a run grew, also before its first epoch."""
    points = [
        point
        for epoch, point in zip(run.epochs, _points(run, key))
        if epoch["epoch"] in run.growths
    ]
    if run.at_start is not None:
        points.insert(0, ((run.before or {}).get(key, 0), run.at_start))
    return points


def _end(runs, key, goal):
    """The limits of the close-up: the values of each run's last third."""
    values = [] if goal is None else [goal]
    for run in runs:
        points = [y for _, y in _points(run, key) if y is not None]
        values += points[len(points) * 2 // 3 :]
    values = values or [0.0]
    room = 0.05 * (max(values) - min(values)) or 1.0
    return min(values) - room, max(values) + room


def _points(run, key):
    """A point of the curve for each epoch; none if the cost was not logged."""
    points = list(zip(run.cost(key), run.curve))
    return [] if any(x is None for x, _ in points) else points


def _mean(curves):
    """The mean of several runs at each epoch that all of them have."""
    return [
        tuple(
            float("nan") if None in values else sum(values) / len(values)
            for values in zip(*points)
        )
        for points in zip(*curves)
    ]


def set_log_ticks(axes):
    """Sets ticks that stand apart, on less than a decade as well.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Its x is logarithmic, and everything is drawn.

    Example
    -------
    >>> axes = Figure().subplots()
    >>> axes.set_xscale("log")
    >>> axes.set_xlim(2.5, 14.0)
    (2.5, 14.0)
    >>> set_log_ticks(axes)
    >>> [label.get_text() for label in axes.get_xticklabels()]
    ['3', '4', '6', '8', '10']
    """
    low, high = axes.get_xlim()
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 6, 8)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) > 2:
            break
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def save(figure, path, kind):
    """Writes a figure, without a date, so that it always gives the same file.

    Arguments
    ---------
    figure : matplotlib.figure.Figure
        The figure.
    path : str
        The file.
    kind : str
        ``png`` or ``svg``.
    """
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "growth"}):
        figure.savefig(path, dpi=120, metadata=metadata)
