"""Pictures of task matrices, and of what a network of all tasks costs.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import numpy as np
from matplotlib.figure import Figure

from speechbrain_growth.experiments.plots import COLOURS, FORMATS, save

ABREAST = 4  # squares in a row
MARKERS = "o^sD"  # where there are more names than colours
NAMES = ("task_matrices", "tasks_over_time", "capacity")


def draw_tasks(runs, folder):
    """Draws three pictures: matrices, tasks over time, and capacity.

    Arguments
    ---------
    runs : list of TaskRun
        Over the same tasks.
    folder : str
        Folder of the files, each picture as PNG and as SVG.

    Returns
    -------
    dict
        Names of the PNG files by what they show.
    """
    groups = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    metric = runs[0].report["metric"]
    figures = {
        f"{metric} of each task after each task": matrices(groups, metric),
        f"{metric} of each task over time": over_time(groups, metric),
        f"{metric} against capacity": against_capacity(groups, metric),
    }
    files = {}
    for name, (words, figure) in zip(NAMES, figures.items()):
        files[words] = f"{name}.png"
        for kind in FORMATS:
            save(figure, os.path.join(folder, f"{name}.{kind}"), kind)
    return files


def matrices(groups, metric):
    """Draws a heat map of the mean task matrix for each name.

    Arguments
    ---------
    groups : dict
        Runs by name.
    metric : str
        What the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    means = {name: _mean(group) for name, group in groups.items()}
    known = np.concatenate([one[np.isfinite(one)] for one in means.values()])
    figure = _figure(len(means), 2.6)
    for axes, (name, mean) in zip(figure.axes, means.items()):
        image = axes.imshow(
            mean, vmin=known.min(), vmax=known.max(), cmap="viridis"
        )
        for (row, column), value in np.ndenumerate(mean):
            if np.isfinite(value):
                axes.text(
                    *(column, row, f"{value:.0f}"),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if value < known.mean() else "black",
                )
        numbers = range(1, mean.shape[0] + 1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(range(mean.shape[0]), map(str, numbers))
        axes.set_title(name, fontsize=9)
    figure.axes[0].set_ylabel("after task")
    figure.supxlabel("on task", fontsize=9)
    figure.colorbar(image, ax=figure.axes, label=metric, shrink=0.8)
    return figure


def over_time(groups, metric):
    """Draws a line for each task, from the one that trained it on.

    Arguments
    ---------
    groups : dict
        Runs by name.
    metric : str
        What the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure(len(groups), 2.6, sharey=True)
    for axes, (name, group) in zip(figure.axes, groups.items()):
        mean = _mean(group)
        for task in range(mean.shape[1]):
            after = np.arange(task, mean.shape[0])
            axes.plot(
                after + 1,
                mean[task:, task],
                marker="o",
                markersize=3,
                color=COLOURS[task % len(COLOURS)],
                label=f"task {task + 1}",
            )
        axes.set_title(name, fontsize=9)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel(metric)
    figure.axes[-1].legend(fontsize=7)
    figure.supxlabel("after task", fontsize=9)
    return figure


def against_capacity(groups, metric):
    """Draws the mean of all tasks against the numbers that are stored.

    Arguments
    ---------
    groups : dict
        Runs by name.
    metric : str
        What the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for place, (name, group) in enumerate(groups.items()):
        axes.scatter(
            [run.report["capacity"] for run in group],
            [run.matrix.acc for run in group],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place // len(COLOURS) % len(MARKERS)],
            label=name,
        )
    axes.set_xlabel("capacity: numbers stored over those of the first network")
    axes.set_ylabel(f"{metric}, mean of all tasks")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _mean(group):
    """The mean matrix of some runs, without the row from before training."""
    return np.mean([run.report["rows"][1:] for run in group], axis=0)


def _figure(number, side, **options):
    """A figure with as many squares, four in a row at most."""
    columns = min(number, ABREAST)
    rows = -(-number // columns)
    figure = Figure(figsize=(side * columns + 1, side * rows + 0.6))
    figure.set_layout_engine("constrained")
    every = figure.subplots(rows, columns, squeeze=False, **options).flat
    for axes in list(every)[number:]:
        axes.remove()
    return figure
