"""The learning rate that growths ask for.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError

WORDS = ("per_axis", "per_norm", "restart")  # each of them may stand alone


def lr_factor(growths, steps):
    """Returns the factor of the learning rate after some growths.

    Arguments
    ---------
    growths : list of Growth
        Those that happened, in order.
    steps : int
        Optimizer steps since the last of them.

    Returns
    -------
    float
    """
    factor, rewarm = 1.0, 0
    for growth in growths:
        factor = growth.lr * (1.0 if growth.restart else factor)
        rewarm = growth.rewarm if growth.rewarmed == "all" else 0
    return factor * min((steps + 1) / max(rewarm, 1), 1.0)


def read_lr(value):
    """Changes the learning rate from this growth on.

    ``rewarm`` starts at 1/N of the rate, and reaches it after N optimizer
    steps; with ``units: new`` for the new units only. ``per_axis`` multiplies
    the rate of each weight by the power of its unit's share with which the
    grown network learns as the small one did: the share itself for what leaves
    a unit under Adam, nothing under Adadelta. ``per_norm`` multiplies the rate
    of the weights that are new in a tensor by their norm, relative to that of
    the others, at every step (https://arxiv.org/abs/2306.12700). ``restart``
    starts the scheduler anew, without the factors of earlier growths.

    Values: ``keep``; a factor above 0; ``per_axis``, ``per_norm`` or
    ``restart``; or several of them in a mapping, such as ``{factor: 0.5,
    rewarm: 20, units: new, per_axis: True, restart: True}``.
    Default: ``keep``
    """
    given = _as_mapping(value)
    if given is None or not all(_is_right(k, v) for k, v in given.items()):
        raise GrowthError(
            f"lr is {value!r}; it must be keep, a factor above 0, "
            f"{', '.join(WORDS)}, {{rewarm: number of steps}}, or {{rewarm: "
            "number of steps, units: new}; a mapping may also have factor, "
            f"{', '.join(f'{word}: True' for word in WORDS)}"
        )
    found = []
    if "units" in given and "rewarm" not in given:
        found.append("lr is given units and no rewarm; add rewarm, or drop it")
    if given.get("per_axis") and given.get("per_norm"):
        found.append("lr is given per_axis and per_norm; keep one of them")
    if found:
        raise GrowthError(found)
    kinds = [kind for kind in ("axis", "norm") if given.get(f"per_{kind}")]
    return {
        "lr": float(given.get("factor", 1.0)),
        "rewarm": given.get("rewarm", 0),
        "rewarmed": given.get("units", "all"),
        "per": kinds[0] if kinds else "",
        "restart": given.get("restart", False),
    }


def _as_mapping(value):
    """A value of ``lr`` as a mapping; None if it is none."""
    if isinstance(value, dict):
        return value or None
    if value in WORDS:
        return {value: True}
    return {} if value == "keep" else {"factor": value}


def _is_right(key, value):
    """Whether a key of ``lr`` exists, and its value is allowed."""
    if key == "factor":
        return type(value) in (int, float) and 0 < value < float("inf")
    if key == "rewarm":
        return type(value) is int and value > 0
    if key == "units":
        return value in ("all", "new")
    return key in WORDS and type(value) is bool
