"""Draws a forecast: the metric against what a run costs.

Authors
 * The speechbrain_growth authors 2026
"""

import math
import os

import numpy as np
from matplotlib.figure import Figure

from speechbrain_growth.experiments.forecast.outcome import RHOS
from speechbrain_growth.experiments.forecast.report import UNITS
from speechbrain_growth.experiments.plots import COLOURS, FORMATS, save

BESIDE = 3  # how far beyond the runs the law is drawn, as a factor


def draw(forecast, folder):
    """Writes the plot of a forecast as PNG and as SVG.

    Arguments
    ---------
    forecast : Forecast
        Of some runs.
    folder : str
        Where ``forecast.png`` and ``forecast.svg`` are written.
    """
    os.makedirs(folder, exist_ok=True)
    figure = picture(forecast)
    for kind in FORMATS:
        save(figure, os.path.join(folder, f"forecast.{kind}"), kind)


def picture(forecast):
    """Returns the plot of a forecast.

    Points are runs, lines are what the law says; vertical lines are the growth
    date, the crossing and the budget.

    Arguments
    ---------
    forecast : Forecast
        Of some runs.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes, pair = figure.subplots(), forecast.pair
    sign = 1 if forecast.better == "lower" else -1
    costs = _costs(forecast)
    grown = COLOURS[1]
    others = [colour for colour in COLOURS if colour != grown]
    for i, network in enumerate(forecast.networks):
        look = {"color": others[i % len(others)]}
        floor = forecast.fit.floors[i]
        losses = [pair.loss(floor, cost / network.cost) for cost in costs]
        axes.plot(costs, sign * np.array(losses), **look, label=network.name)
        places = [point.epochs * network.cost for point in network.points]
        values = [sign * point.loss for point in network.points]
        axes.plot(places, values, ".", **look)
    for rho, style in zip(RHOS, ("-", "--")):
        after = [cost for cost in costs if cost >= pair.date(rho)]
        losses = [pair.grown_at(cost, rho) for cost in after]
        axes.plot(
            after,
            sign * np.array(losses),
            style,
            color=grown,
            label=f"grown, rho {rho:g}",
        )
    for place, style, label in (
        (pair.date(RHOS[0]), ":", "growth date C*"),
        (pair.crossing, "-.", "crossing C_x"),
        (forecast.budget, "-", "budget"),
    ):
        if costs[0] <= place <= costs[-1]:
            axes.axvline(place, color="k", ls=style, lw=0.8, label=label)
    axes.set_xscale("log")
    axes.set_xlabel(UNITS[forecast.unit])
    axes.set_ylabel(f"{forecast.metric} ({forecast.better} is better)")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def _costs(forecast):
    """The budgets at which lines are drawn."""
    known = [
        point.epochs * network.cost
        for network in forecast.networks
        for point in network.points
    ]
    ends = [forecast.budget, *known]
    crossing = forecast.pair.crossing
    if max(ends) < crossing < BESIDE**2 * max(ends):
        ends.append(crossing)
    low, high = math.log(min(ends)), math.log(BESIDE * max(ends))
    return np.exp(np.linspace(low, high, 200))
