"""What runs say of growing against the best network, as Markdown.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.experiments.cells import COSTS, interval, table
from speechbrain_growth.experiments.frontier.kinds import UNITS

WORDS = ("small", "best intermediate", "large")


def frontier_as_markdown(summary):
    """Returns the section of a report.

    Arguments
    ---------
    summary : dict
        From ``report``; its ``frontier`` is from ``write_frontier``.

    Returns
    -------
    list of str
        Paragraphs; none if there is no ``frontier``.
    """
    numbers, metric = summary.get("frontier"), summary["metric"]
    if not numbers:
        return []
    family = sum(
        less["p"] is not None
        for one in numbers["tables"]
        for row in one["rows"]
        for less in row["less"]
    )
    parts = [
        "## Growing against the best network that does not grow",
        f"![{metric} against cost]({numbers['picture']})",
        "Grey: networks that do not grow, each annealed to its end; black: the "
        "best of them. A triangle is a growth. *less*: difference of the test, "
        "paired over seeds, and in brackets p of a two-sided t-test, corrected "
        f"for all {family} differences of these tables (Holm). *best needs*: "
        "what the best network that does not grow costs when it is as good, by "
        "the law. *predicted*: noted before the run.",
        "\n".join([*_laws(numbers), *_carried(summary["carry_over"])]),
    ]
    for one in numbers["tables"]:
        words = f"{_amount(one['budget'])} {COSTS[one['unit']]}"
        if one["share"] is not None:
            words += f", {one['share']:.2g} C_x"
        parts += [f"### {words}", _table(one, metric, numbers)]
    return parts


def _laws(numbers):
    """A line for each unit."""
    for unit, law in numbers["laws"].items():
        if "why" in law:
            yield f"* {COSTS[unit]}: C_x is not known: {law['why']}"
            continue
        small, large = list(law["floors"])[:2]
        words = (
            f"* {COSTS[unit]}: an epoch of {large} costs {law['ratio']:.2f} of "
            f"{small}; "
        )
        if law["crossing"] is None:
            yield f"{words}{large} never passes {small}: there is no C_x"
            continue
        dates = [_amount(date) for date in law["dates"]]
        yield (
            f"{words}C_x is {_amount(law['crossing'])}, the best date to "
            f"grow C* {' to '.join(dates)} ({_rhos(numbers)})"
        )


def _rhos(numbers):
    """The carry-overs for which something is computed."""
    return "rho " + " to ".join(f"{rho:g}" for rho in numbers["rhos"])


def _carried(kinds):
    """The measured rho of each kind of run."""
    known = [kind for kind in kinds if "rho" in kind]
    words = [f"{kind['name']} {interval(kind['rho'])}" for kind in known]
    return [f"* rho, measured: {', '.join(words)}"] if words else []


def _table(one, metric, numbers):
    """The table of a budget."""
    sign = numbers["sign"]
    used = [
        word
        for word in WORDS
        if any(
            less["which"] == word for row in one["rows"] for less in row["less"]
        )
    ]
    head = ["run", "seeds", *(COSTS[unit] for unit in UNITS), f"test {metric}"]
    head += [f"less {word}" for word in used]
    head += ["best needs", "predicted", f"law, {_rhos(numbers)}"]
    rows = []
    for row in one["rows"]:
        less = {found["which"]: found for found in row["less"]}
        rows.append(
            [
                row["name"],
                str(row["seeds"]),
                *(interval(row["costs"][unit], unit) for unit in UNITS),
                interval(_signed(row["loss"], sign)),
                *(_less(less.get(word), sign) for word in used),
                _needs(row, one),
                _span(row["predicted"], sign),
                _span(row["law"], sign),
            ]
        )
    return table(head, rows)


def _less(pair, sign):
    """A difference and its corrected p."""
    if pair is None or pair["mean"] is None:
        return ""
    p = "-" if pair["holm"] is None else f"{pair['holm']:.2g}"
    return f"{interval(_signed(pair, sign))} ({p})"


def _needs(row, one):
    """What the best network costs that is as good."""
    needs = row["needs"]
    if needs is None:
        return "-" if row["grew"] else ""
    if not math.isfinite(needs):
        return "never as good"
    times = needs / row["costs"][one["unit"]]["mean"]
    return f"{_amount(needs)} ({times:.2f} times)"


def _signed(found, sign):
    """A mean and its interval, as the metric has them."""
    mean = found["mean"]
    if mean is not None:
        mean = round(sign * mean, 2) + 0.0  # no -0.00
    return {**found, "mean": mean}


def _span(losses, sign):
    """One number, or the lowest and the highest one."""
    if losses is None:
        return ""
    words = [f"{value:.2f}" for value in sorted(sign * loss for loss in losses)]
    return " to ".join(dict.fromkeys(words))


def _amount(cost):
    """A cost as text."""
    return f"{cost:.3g}"
