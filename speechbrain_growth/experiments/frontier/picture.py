"""Draws networks that grow beside the best that does not.

Authors
 * The speechbrain_growth authors 2026
"""

import math
import os

import numpy as np
from matplotlib.figure import Figure

from speechbrain_growth.experiments.forecast.outcome import RHOS
from speechbrain_growth.experiments.frontier.budgets import is_law
from speechbrain_growth.experiments.frontier.findings import labels_of
from speechbrain_growth.experiments.frontier.laws import ends_of, measured
from speechbrain_growth.experiments.networks import in_words
from speechbrain_growth.experiments.plots import (
    AXES,
    COLOURS,
    FORMATS,
    save,
    set_log_ticks,
)
from speechbrain_growth.experiments.statistics import mean_and_half

GREY, MARKS, POINTS = "#999999", "osDvP*", 200
BESIDE = 3  # how far beyond the ends C* and C_x are shown, as a factor
BAND, OWN = (
    f"law, grown {date}, rho {min(RHOS):g} to {max(RHOS):g}"
    for date in ("at C*", "as it was")
)


def draw(found, folder):
    """Writes the picture as PNG and as SVG.

    Arguments
    ---------
    found : Findings
        From ``findings_of``.
    folder : str
        Folder of the files.

    Returns
    -------
    str
        Name of the PNG file.
    """
    figure, stem = picture(found), f"{found.metric}_frontier"
    for kind in FORMATS:
        save(figure, os.path.join(folder, f"{stem}.{kind}"), kind)
    return f"{stem}.png"


def picture(found):
    """Returns the picture: each cost in a column, the gain below.

    Above, grey points are the ends of networks that do not grow, and the black
    line is the best of them; a growth is a triangle at its cost, at the height
    of the end that it led to. Below is what growing gains over the best network
    that does not grow, measured and predicted.

    Arguments
    ---------
    found : Findings
        From ``findings_of``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units, ratios = list(found.laws), {"height_ratios": [3, 2]}
    figure = Figure(figsize=(5 * len(units), 8), layout="constrained")
    above, below = figure.subplots(2, len(units), squeeze=False, **ratios)
    for unit, top, bottom in zip(units, above, below):
        law = found.laws[unit] if is_law(found.laws[unit]) else None
        costs = _costs(found, unit, law)
        _draw_static(top, found, unit, costs, law)
        _draw_grown(top, found, unit)
        _mark(top, law, costs)
        _draw_gains(bottom, found, unit, costs, law)
        for axes in (top, bottom):
            axes.set_xscale("log")
            set_log_ticks(axes)
            axes.grid(alpha=0.3)
        top.set_xlabel(AXES[unit])
    above[0].set_ylabel(f"test {found.metric} ({found.better} is better)")
    below[0].set_ylabel("gain over the best that does not grow")
    handles = {}
    for axes in (*above, *below):
        for handle, label in zip(*axes.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    look = {"loc": "outside lower center", "ncols": 2}
    figure.legend(handles.values(), handles, **look)
    return figure


def _costs(found, unit, law):
    """Costs from the least to the most of all ends, C* and C_x if near them."""
    static = [kind for kinds in found.sizes.values() for kind in kinds]
    spent = [kind.cost(unit) for kind in (*static, *found.grown)]
    low, high = min(spent) / BESIDE, max(spent) * BESIDE
    if law is not None:
        near = [law.pair.date(max(RHOS)), law.pair.crossing]
        spent += [place for place in near if low <= place <= high]
    low, high = math.log(min(spent)), math.log(max(spent))
    return np.exp(np.linspace(low, high, POINTS))


def _draw_static(axes, found, unit, costs, law):
    """The ends of each size, and the best of all sizes."""
    names = labels_of(found.sizes)
    for number, (size, kinds) in enumerate(found.sizes.items()):
        kinds = sorted(kinds, key=lambda kind: kind.cost(unit))
        look = {"color": GREY, "marker": MARKS[number % len(MARKS)], "lw": 0.8}
        label = f"{names[size]}, {in_words(size, names)}"
        _draw_ends(axes, kinds, found.sign, unit, label=label, **look)
    ends = ends_of(found.sizes, unit)
    best = [measured(ends, cost) for cost in costs]
    axes.plot(
        costs, found.sign * np.array(best), "k", lw=2, label="the best of them"
    )
    if law is not None:
        best = found.sign * np.array([law.best(cost) for cost in costs])
        axes.plot(costs, best, "k--", lw=0.8, label="the same, by the law")


def _draw_ends(axes, kinds, sign, unit, **look):
    """The mean end of each kind, with its interval over seeds."""
    ends = [mean_and_half(kind.losses.values()) for kind in kinds]
    axes.errorbar(
        [kind.cost(unit) for kind in kinds],
        [sign * end["mean"] for end in ends],
        yerr=[end["half"] or 0.0 for end in ends],
        capsize=2,
        **look,
    )


def _draw_grown(axes, found, unit):
    """The ends of what grew, and where it grew."""
    for name, kinds, colour in _coloured(found):
        look = {"color": colour, "marker": "o", "ls": "", "zorder": 4}
        _draw_ends(axes, kinds, found.sign, unit, label=name, **look)
        for kind in kinds:
            height, end = found.sign * kind.loss, kind.cost(unit)
            for cost in _growths(kind, unit):
                axes.plot([cost, end], [height, height], color=colour, lw=0.8)
                axes.plot(cost, height, "^", color=colour, mec="k", zorder=5)
    axes.plot([], [], "^", color="w", mec="k", label="growth")


def _coloured(found):
    """The grown kinds by name, with a colour for each name."""
    names = list(dict.fromkeys(kind.base for kind in found.grown))
    for number, name in enumerate(names):
        kinds = [kind for kind in found.grown if kind.base == name]
        yield name, kinds, COLOURS[(number + 1) % len(COLOURS)]


def _growths(kind, unit):
    """What runs had cost when they grew, as means over seeds."""
    places = []
    for run in kind.runs:
        at = {epoch["epoch"]: epoch[unit] for epoch in run.epochs}
        at[0] = (run.before or {}).get(unit, 0)
        places.append([at[growth] for growth in run.growths if growth in at])
    means = [sum(some) / len(some) for some in zip(*places)]
    return [mean for mean in means if mean > 0]


def _mark(axes, law, costs):
    """The best growth date and the crossing, if they lie among the costs."""
    if law is None:
        return
    for place, style, label in (
        (law.pair.date(max(RHOS)), ":", "growth date C*"),
        (law.pair.crossing, "-.", "crossing C_x"),
    ):
        if costs[0] <= place <= costs[-1]:
            axes.axvline(place, color="k", ls=style, lw=0.8, label=label)


def _draw_gains(axes, found, unit, costs, law):
    """What growing gains, measured and predicted, against the budget."""
    scale, words = 1.0, AXES[unit]
    if law is not None and math.isfinite(law.pair.crossing):
        scale, words = law.pair.crossing, f"{AXES[unit]} / C_x"
    axes.set_xlabel(words)
    axes.axhline(0.0, color="k", lw=0.8)
    if law is not None:
        axes.plot([], [], "k", lw=6, alpha=0.3, label=OWN)
        band = [[law.gain(cost, rho) for cost in costs] for rho in RHOS]
        look = {"color": "k", "alpha": 0.15, "lw": 0, "label": BAND}
        axes.fill_between(costs / scale, *band, **look)
    for name, _, colour in _coloured(found):
        some = [gain for gain in found.gains[unit] if gain["base"] == name]
        places = [gain["cost"] / scale for gain in some]
        halves = [gain["half"] or 0.0 for gain in some]
        for gain in some:
            if gain["law"]:
                place = gain["cost"] / scale
                axes.plot([place, place], gain["law"], "k", lw=6, alpha=0.3)
        look = {"color": colour, "fmt": "o", "capsize": 2, "zorder": 4}
        axes.errorbar(places, [g["mean"] for g in some], yerr=halves, **look)
        told = [gain for gain in some if gain["predicted"] is not None]
        if told:
            axes.plot(
                [gain["cost"] / scale for gain in told],
                [gain["predicted"] for gain in told],
                "D",
                color=colour,
                mfc="none",
                label=f"{name}, predicted",
            )
