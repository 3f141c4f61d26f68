"""Whether the values of a run are such as can be run with.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Real

from speechbrain_growth.blueprint.blueprint import whole
from speechbrain_growth.errors import shown

KINDS = {
    bool: "True or False",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}
OBJECTS = ("!new:", "!name:", "!apply:")
SAY_MORE = ("growth", "number_of_epochs")  # others check these
WHOLE = "a whole number"
PATHS = ("_folder", "_file", "_annotation", "_log")  # how their names end
# Names that recipes share: what they must be, least, and most
RANGES = {
    "seed": (WHOLE, 0, 2**32 - 1),
    "batch_size": (WHOLE, 1, None),
    "num_workers": (WHOLE, 0, None),
    "sample_rate": (WHOLE, 1, None),
    "n_fft": (WHOLE, 1, None),
    "n_mels": (WHOLE, 1, None),
    "blank_index": (WHOLE, 0, None),
    "lr": ("a number", 0, None),
    "final_lr": ("a number", 0, None),
    "weight_decay": ("a number", 0, None),
    "dropout": ("a number", 0, 1),
    "label_smoothing": ("a number", 0, 1),
    "shift": (WHOLE, 0, None),
}


def wrong_values(blueprint):
    """What is wrong with the values of a run.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    list of str
        Empty if nothing is.

    Example
    -------
    >>> from speechbrain_growth.blueprint.blueprint import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write("seed: 1\\nlr: 0.1\\nmodules: {}\\n")
    >>> wrong_values(Blueprint(str(path), {"seed": -1, "lr": "high"}))
    ["lr is 'high'; the YAML has a number there", 'seed is -1; it must be a whole number from 0 to 4294967295']
    """
    written = blueprint.written
    problems = {
        key: f"{key} is {shown(value)}; the YAML has {wanted} there"
        for key, value in blueprint.overrides.items()
        for wanted in [_wanted(written.get(key), value)]
        if wanted and key not in SAY_MORE
    }
    for key in written:
        value = blueprint.value(key)
        if key in problems:
            continue
        if key.endswith(PATHS) and isinstance(value, (int, float)):
            problems[key] = (
                f"{key} is {shown(value)}; it must be a path, such as ./{value}"
            )
        limits = RANGES.get(key)
        if limits and value is not None and not _within(value, limits):
            problems[key] = (
                f"{key} is {shown(value)}; it must be {_say(limits)}"
            )
    return list(problems.values())


def wrong_sizes(blueprint, names):
    """What is wrong with the sizes that are to grow.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.
    names : iterable of str
        YAML keys.

    Returns
    -------
    list of str
        Empty if each is a whole number above 0, or a list of them.
    """
    values = {name: blueprint.value(name) for name in sorted(names)}
    return [
        f"{name} is {shown(value)}; it is to grow, so it must be a whole "
        "number above 0, or a list of them"
        for name, value in values.items()
        if value is not None and not _counts(value)
    ]


def _counts(value):
    """Whether a value is a whole number, or a list of those above 0.

    A number alone may be 0: that of blocks that are yet to be inserted.
    """
    units = whole(value)
    if isinstance(units, list):
        return None not in units and min(units) > 0
    return units is not None and units >= 0


def _kind(value):
    """The plain type of a YAML value; None for a tagged one, or for null."""
    if isinstance(whole(value), list):
        return list  # also a tuple, which YAML takes for a text
    if getattr(getattr(value, "tag", None), "value", None):
        return None
    return next((kind for kind in KINDS if isinstance(value, kind)), None)


def _wanted(before, value):
    """What a value must be to stand where another one did; None if it may."""
    kind, found = _kind(before), _kind(value)
    tag = getattr(getattr(before, "tag", None), "value", "") or ""
    empty = value is None and before not in (None, "", [])
    if tag.startswith(OBJECTS) and (empty or found not in (None, dict)):
        return f"an object ({tag})"
    if empty:
        return KINDS.get(kind, "something")
    if kind is found is list and _numbers(before) and not _numbers(value):
        return "a list of numbers"
    if kind is None or found is None or KINDS[kind] == KINDS[found]:
        return None
    return KINDS[kind]


def _numbers(values):
    """Whether a list holds numbers only."""
    return all(
        isinstance(value, Real) and not isinstance(value, bool)
        for value in whole(values) or values
    )


def _within(value, limits):
    """Whether a value is the right kind of number, and in its range."""
    kind, least, most = limits
    if getattr(value, "tag", None) is not None and not isinstance(value, Real):
        return True  # made by the YAML, not written in it
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    if kind == WHOLE and not isinstance(value, int):
        return False
    return least <= value < float("inf") and (most is None or value <= most)


def _say(limits):
    """A range in words."""
    kind, least, most = limits
    return (
        f"{kind}, at least {least}"
        if most is None
        else (f"{kind} from {least} to {most}")
    )
