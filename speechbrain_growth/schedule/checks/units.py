"""Finds keys about new units that a growth cannot have.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError

ABOUT_UNITS = ("symmetry", "birth", "fold", "old", "outputs", "batches")
OF_NEW_UNITS = ("natural_gradient", "gradmax_gain")  # what those promise


def check_units(growth, entry):
    """Raises if what a growth is told about new units does not fit together.

    Arguments
    ---------
    growth : Growth
        As it was read.
    entry : dict
        What it was read from.

    Raises
    ------
    GrowthError
        Saying what to use instead.
    """
    if growth.adds_nothing:
        _check_without_units(growth, entry)
    _check_rates(growth)


def _check_without_units(growth, entry):
    """Raises if a growth that only sets something is told about new units."""
    found = [key for key in ABOUT_UNITS if key in entry]
    found += ["freeze: old"] * (entry.get("freeze") == "old")
    if growth.per or growth.rewarmed == "new":
        found.append(f"lr: {entry['lr']}")
    found += [m for m in OF_NEW_UNITS if m in growth.condition.metrics]
    if found:
        raise GrowthError(
            f"found {', '.join(found)}, about new units, but no size grows; "
            "name a size, or use sets or freeze without that"
        )


def _check_rates(growth):
    """Raises if rates that differ by weight do not go with the symmetry."""
    way = growth.symmetry.way
    if growth.per == "norm" and (way == "fresh" or growth.symmetry.fills):
        raise GrowthError(
            f"lr is per_norm, but with symmetry {way} what enters or leaves a "
            "new unit is 0 at first, and so its rate; use pairs or shares"
        )
    if growth.per == "axis" and way not in ("zero_sum", "noise"):
        raise GrowthError(
            f"lr is per_axis, but with symmetry {way} "
            + (
                "no unit is copied, so it changes nothing; leave it out"
                if way in ("fresh", "pairs") or growth.symmetry.fills
                else "the copies of a unit then stay identical for ever; use "
                "symmetry {zero_sum: 0.1}"
            )
        )
