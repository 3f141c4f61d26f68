"""A forecast as Markdown, with one sentence at its end.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.experiments.cells import table
from speechbrain_growth.experiments.forecast.checks import FAR
from speechbrain_growth.experiments.forecast.outcome import RHOS
from speechbrain_growth.experiments.forecast.seeds import MOST, seeds_needed

NO_GAIN = 1e-9  # what rounding leaves of a difference of 0
UNITS = {
    "macs": "training MACs",
    "cpu_seconds": "CPU seconds",
    "wall_seconds": "wall seconds",
}


def as_text(forecast):
    """Returns a forecast as text.

    Arguments
    ---------
    forecast : Forecast
        Of some runs.

    Returns
    -------
    str
    """
    unit = UNITS[forecast.unit]
    parts = [
        "# Does growing pay?",
        "\n".join(f"* {n.name}: {n.place}" for n in forecast.networks[:2]),
        f"{forecast.metric} = F {'+' if forecast.better == 'lower' else '-'} "
        f"{forecast.fit.scale:.3g} n^-{forecast.fit.exponent:.2f} after n "
        f"epochs; F is the floor of a size. Costs are {unit}.",
        table(["", "value", "95 % interval"], _facts(forecast)),
        f"At a budget of {_amount(forecast.budget)} {unit}:",
        table(
            ["", "epochs", forecast.metric, "95 % interval"], _ends(forecast)
        ),
        *_notes(forecast),
        sentence(forecast),
    ]
    return "\n\n".join(parts)


def sentence(forecast):
    """Returns what to do at the budget, in one sentence.

    Arguments
    ---------
    forecast : Forecast
        Of some runs.

    Returns
    -------
    str
    """
    pair, budget = forecast.pair, forecast.budget
    if pair.delta <= 0:
        return (
            "The floor of the large network is not below that of the small "
            "one: growing never pays, at no budget."
        )
    share = budget / pair.crossing
    head = f"Your budget is {share:.2g} of the crossing"
    if share >= FAR:
        return (
            f"{head}, far past it: train the large network from the start; "
            "growing cannot be told from it."
        )
    name = "small" if share < 1 else "large"
    head = f"{head}: the {name} network is the best of the two"
    if pair.date(RHOS[0]) >= budget:
        return f"{head}, and it is too early to grow."
    gains = [max(forecast.gain(rho), 0.0) for rho in sorted(RHOS)]
    if max(gains) <= NO_GAIN:
        return f"{head}, and growing would gain nothing over all of them."
    gains = " to ".join(f"{gain:.2g}" for gain in gains)
    date = pair.date(RHOS[0]) / pair.small_cost
    return (
        f"{head}, and one that grows after {date:.0f} small epochs would be "
        f"{gains} better than any of them (rho {RHOS[1]:g} to {RHOS[0]:g})."
    )


def _facts(forecast):
    """Rows of what does not depend on the budget."""
    pair = forecast.pair
    rows = [["r, cost of a large epoch in small ones", f"{pair.ratio:.2f}", ""]]
    numbers = {
        f"F of {network.name}": lambda fit, _, i=i: _sided(
            fit.floors[i], forecast
        )
        for i, network in enumerate(forecast.networks)
    }
    numbers["Delta, F of small and of large apart"] = lambda _, p: p.delta
    numbers["b"] = lambda _, p: p.exponent
    costs = {"crossing C_x": lambda _, p: p.crossing}
    for rho in RHOS:
        costs[f"growth date C*, rho {rho:g}"] = lambda _, p, rho=rho: p.date(
            rho
        )
        costs[f"saved by it, rho {rho:g}"] = lambda _, p, rho=rho: p.saved(rho)
    for words, function in numbers.items():
        rows.append([words, *_cells(forecast.of(function), "{:.2f}".format)])
    for words, function in costs.items():
        found = forecast.of(function)
        cost, spread = _cells(found, _amount)
        if math.isfinite(found[0]):
            cost += f", {found[0] / pair.small_cost:.0f} small epochs"
        rows.append([words, cost, spread])
    return rows


def _ends(forecast):
    """Rows of what is reached at the budget."""
    pair, rows = forecast.pair, []
    epochs = [f"{forecast.budget / n.cost:.0f}" for n in forecast.networks]
    for rho in RHOS:
        date = min(pair.date(rho), forecast.budget)
        rest = (forecast.budget - date) / pair.large_cost
        epochs.append(f"{date / pair.small_cost:.0f} + {rest:.0f}")
    for (name, (end, spread)), count in zip(forecast.ends().items(), epochs):
        shown = [_sided(value, forecast) for value in spread or ()]
        cells = _cells((_sided(end, forecast), sorted(shown)), "{:.2f}".format)
        rows.append([name, count, *cells])
    return rows


def _notes(forecast):
    """What the numbers do not say."""
    notes = []
    for rho in RHOS:
        gain = forecast.gain(rho)
        words = "no difference to the best other network"
        if gain > NO_GAIN and forecast.deviation is None:
            words = f"{gain:.2g} better; two seeds in common would say how many show it"
        elif gain > NO_GAIN:
            seeds = seeds_needed(gain, forecast.deviation)
            seeds = f"{seeds:,}" if seeds else f"more than {MOST:,}"
            words = (
                f"{gain:.2g} better than the best other network; {seeds} seeds "
                "show it (paired t-test, power 80 %)"
            )
        notes.append(f"* grown, rho {rho:g}: {words}")
    lost = sum(fit is None for fit in forecast.resampled)
    if not forecast.resampled:
        notes.append("* one seed: there are no intervals")
    elif lost:
        notes.append(
            f"* intervals: seeds drawn {len(forecast.resampled)} times; "
            f"{lost} draws follow no common law and are left out"
        )
    for network in forecast.networks:
        notes += [
            f"* {run}: not finished, left out" for run in network.left_out
        ]
    low = forecast.of(lambda _, pair: pair.delta)[1]
    if forecast.pair.delta > 0 and low and low[0] <= 0:
        notes.append("* Delta may be 0: its interval has 0 in it; add seeds")
    return ["\n".join(notes)]


def _sided(loss, forecast):
    """The metric that a loss stands for."""
    return loss if forecast.better == "lower" else -loss


def _cells(found, shown):
    """A number and its interval as two cells."""
    value, spread = found
    texts = [_never(v, shown) for v in (value, *(spread or ()))]
    return texts[0], " to ".join(texts[1:])


def _never(value, shown):
    """A number as text, or that it is never reached."""
    return shown(value) if math.isfinite(value) else "never"


def _amount(cost):
    """A cost as text."""
    return f"{cost:.3g}"
