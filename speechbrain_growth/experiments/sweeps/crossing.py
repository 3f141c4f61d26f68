"""The crossing of two networks, forecast from runs that a sweep file names.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.sweeps.multiples import is_pair


def with_numbers(crossing, folder):
    """Forecasts the crossings that a file gives as runs.

    Arguments
    ---------
    crossing : dict
        A number or the places of a small and a large network, by unit.
    folder : str
        What the places are relative to.

    Returns
    -------
    dict
        A number by unit.

    Raises
    ------
    GrowthError
        If the runs determine no crossing.
    """
    return {
        unit: float(f"{_forecast(unit, amount, folder):.3g}")
        if is_pair(amount)
        else amount
        for unit, amount in crossing.items()
    }


def _forecast(unit, pair, folder):
    """The crossing of two networks."""
    try:  # it needs SciPy, as few sweep files do
        from speechbrain_growth.experiments.forecast.command import forecast

        places = [
            os.path.join(folder, pair[size]) for size in ("small", "large")
        ]
        found = forecast(places, unit=unit).pair.crossing
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"crossing: {error}; a forecast needs it, so install it with "
            "`pip install -r requirements.txt`"
        )
    except GrowthError as error:
        raise GrowthError([f"crossing: {unit}: {p}" for p in error.problems])
    if found == float("inf"):
        raise GrowthError(
            f"crossing: by their {unit}, the large network of {pair} never "
            "passes the small one; give a number"
        )
    return found
