"""Says whether growing pays: ``python -m speechbrain_growth forecast``.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.forecast.sources import network_of, read_all


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "forecast",
        help="say from runs of a small and a large network whether growing pays",
        description="Fits one power law to runs of networks that do not grow, "
        "and prints when to grow, what it would gain and how many seeds would "
        "show it. A network is a folder with its runs, of several budgets and "
        "seeds, or a pattern for such folders in quotes, as in "
        "'results/small*'; or it is in a report of compare, as in "
        "'report.json/small*'.",
    )
    parser.add_argument("small", help="runs of the small network")
    parser.add_argument("large", help="runs of the large network")
    parser.add_argument("mid", nargs="*", help="runs of sizes between them")
    parser.add_argument(
        "--budget",
        type=float,
        help="default: the cost of the longest run of the large network",
    )
    parser.add_argument(
        "--unit",
        choices=["macs", "cpu_seconds", "wall_seconds"],
        default="macs",
        help="what cost is counted in",
    )
    parser.add_argument(
        "--curves",
        action="store_true",
        help="fit every validation, not only the tests at the end of runs",
    )
    parser.add_argument("--out", help="folder of a plot, as PNG and SVG")
    parser.add_argument("--metric", help="default: the one that the runs name")
    parser.add_argument("--better", choices=["lower", "higher"])
    parser.set_defaults(run=_print)


def _print(chosen):
    """Prints a forecast."""
    as_text, draw = _require_libraries(chosen.out)
    found = forecast(
        [chosen.small, chosen.large, *chosen.mid],
        chosen.budget,
        chosen.unit,
        chosen.curves,
        (chosen.metric, chosen.better),
    )
    if chosen.out:
        draw(found, chosen.out)
    print(as_text(found))


def forecast(places, budget=None, unit="macs", curves=False, metric=()):
    """Returns what runs of networks that do not grow say of one that does.

    Arguments
    ---------
    places : list of str
        Where the runs of the small network, of the large one and of others
        are; see ``read_all``.
    budget : float
        What a run may cost; None for the cost of the longest run of the large
        network.
    unit : str
        ``macs``, ``cpu_seconds`` or ``wall_seconds``.
    curves : bool
        Whether each validation counts, instead of the test at the end.
    metric : tuple of str
        The metric and which direction is better; empty for what the runs name.

    Returns
    -------
    Forecast

    Raises
    ------
    GrowthError
        If the runs do not determine a forecast.
    """
    from speechbrain_growth.experiments.forecast import checks, outcome, seeds

    problems, networks = [], []
    if budget is not None and not 0 < budget < float("inf"):
        problems.append(f"--budget: found {budget:g}; use a number above 0")
    problems += [
        f"{place}: it is named more than once; name each network once"
        for place in sorted(set(places))
        if places.count(place) > 1
    ]
    runs = read_all(places, *metric)
    names = ["small", "large", *places[2:]]
    for name, place in zip(names, places):
        try:
            found = network_of(place, runs[place], unit, curves, name)
            networks.append(found)
        except GrowthError as error:
            problems += error.problems
    if not problems and (budget or networks[0].cost) < networks[0].cost:
        problems.append(
            f"--budget: {budget:g} is less than one epoch of the small "
            f"network, which costs {networks[0].cost:.4g} {unit}; give more"
        )
    if problems:
        raise GrowthError(list(dict.fromkeys(problems)))
    large, first = networks[1], runs[places[0]][0]
    return outcome.Forecast(
        networks=tuple(networks),
        fit=checks.common_fit(networks),
        resampled=tuple(seeds.resampled(networks)),
        deviation=seeds.paired_deviation(networks),
        budget=budget or large.cost * checks.longest(large),
        unit=unit,
        metric=first.metric,
        better=first.better,
    )


def _require_libraries(plot):
    """Imports what needs SciPy and Matplotlib, which training does not."""
    draw = None
    try:
        from speechbrain_growth.experiments.forecast.report import as_text

        if plot:
            from speechbrain_growth.experiments.forecast.picture import draw
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"{error}; a forecast needs it, so install it with "
            "`pip install -r requirements.txt`"
        )
    return as_text, draw
