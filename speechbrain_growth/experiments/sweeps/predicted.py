"""What the tests of runs are predicted to give, before they are run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import shown
from speechbrain_growth.experiments.sweeps.points import (
    at_point,
    of_points,
    points_of,
)
from speechbrain_growth.experiments.sweeps.words import PREDICTED
from speechbrain_growth.measure.lines import is_number

WANTED = "a number, or a list of the lowest and the highest"


def predicted_of(found):
    """Returns what is predicted.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    dict
        A number, or the lowest and the highest one, by the name of the run.

    Example
    -------
    >>> runs = {"grow": {"predicted": {"macs@1": [16.4, 16.7]}}}
    >>> file = {"crossing": {"macs": 1e9}, "multiples": [0.3, 1], "runs": runs}
    >>> predicted_of(file)
    {'grow,macs@1': [16.4, 16.7]}
    """
    values = {
        at_point(name, point): value.get(point)
        if isinstance(value, dict)
        else value
        for name, point, value in of_points(PREDICTED, found)
    }
    return {name: value for name, value in values.items() if value is not None}


def wrong_predictions(found):
    """Returns what is wrong with the key ``predicted`` of runs.

    Arguments
    ---------
    found : dict
        The keys of a sweep file.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_predictions({"runs": {"grow": {"predicted": "low"}}})
    ["runs: grow: predicted is 'low'; it must be a number, or a list of the lowest and the highest"]
    """
    points = [point for point, _ in points_of(found)]
    problems = [
        f"{place}: predicted is of single runs; give it to those"
        for place in ("common", "grid")
        if PREDICTED in found.get(place, {})
    ]
    for name, run in found["runs"].items():
        if PREDICTED in run:
            words = _wrong(run[PREDICTED], points)
            problems += [f"runs: {name}: predicted{word}" for word in words]
    return problems


def _wrong(value, points):
    """What is wrong with the prediction of one run."""
    if not isinstance(value, dict):
        if not _is_prediction(value):
            return [f" is {shown(value)}; it must be {WANTED}"]
        if len(points) > 1:
            return [
                f" is {value}, but the run is done {len(points)} times; say of "
                f"which, as in {{{points[0]}: {value}}}"
            ]
        return []
    return [
        f": {point} is {shown(one)}; it must be {WANTED}"
        for point, one in value.items()
        if not _is_prediction(one)
    ] + [
        f": there is no {point}; use one of {', '.join(points)}"
        if points != [""]
        else f" is {shown(value)}, but the run is done once; give {WANTED}"
        for point in value
        if point not in points
    ]


def _is_prediction(value):
    """Whether a value is a number, or two in order."""
    if isinstance(value, list):
        return (
            len(value) == 2
            and all(map(is_number, value))
            and value[0] <= value[1]
        )
    return is_number(value)
