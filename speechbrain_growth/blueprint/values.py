"""Checks the values of a YAML: their types, ranges and paths.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Real

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.sizes import PATHS, as_size
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
CHECKED_LATER = ("growth", "number_of_epochs")  # by GrowthSchedule, plan_run
INTEGER = "a whole number"
# Keys that recipes share: the kind of number, the least and the largest value.
# They are not in train.py: the command `plan` checks a YAML without it.
RANGES = {
    "seed": (INTEGER, 0, 2**32 - 1),
    "batch_size": (INTEGER, 1, None),
    "num_workers": (INTEGER, 0, None),
    "sample_rate": (INTEGER, 1, None),
    "n_fft": (INTEGER, 1, None),
    "n_mels": (INTEGER, 1, None),
    "blank_index": (INTEGER, 0, None),
    "lr": ("a number", 0, None),
    "final_lr": ("a number", 0, None),
    "weight_decay": ("a number", 0, None),
    "dropout": ("a number", 0, 1),
    "label_smoothing": ("a number", 0, 1),
    "shift": (INTEGER, 0, None),
}


def wrong_values(blueprint):
    """Returns what is wrong with the values of a run.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML and its overrides.

    Returns
    -------
    list of str
        Empty if nothing is wrong.

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
        for key, value in blueprint.changes.items()
        for wanted in [_wanted(written.get(key), value)]
        if wanted and key not in CHECKED_LATER
    }
    for key in {**written, **blueprint.overrides}:
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
                f"{key} is {shown(value)}; it must be {_in_words(limits)}"
            )
    return [blueprint.where(key) + text for key, text in problems.items()]


def wrong_sizes(blueprint, names):
    """Returns what is wrong with the sizes that a growth changes.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML and its overrides.
    names : iterable of str
        YAML keys of the sizes.

    Returns
    -------
    list of str
        Empty if each is a whole number above 0, or a list of them.
    """
    values = {name: blueprint.value(name) for name in sorted(names)}
    return [
        f"{blueprint.where(name)}{name} is {shown(value)}; it is to grow, so it must be a whole "
        "number above 0, or a list of them"
        for name, value in values.items()
        if value is not None and not _counts(value)
    ]


def _counts(value):
    """Whether a value is a size that can grow.

    A number on its own may be 0, such as the number of extra blocks.
    """
    units = as_size(value)
    if isinstance(units, list):
        return None not in units and min(units) > 0
    return units is not None and units >= 0


def _kind(value):
    """The plain type of a YAML value; None for a tagged one, or for null."""
    if isinstance(as_size(value), list):
        return list  # also a tuple, which YAML reads as a text
    if tag_of(value):
        return None
    return next((kind for kind in KINDS if isinstance(value, kind)), None)


def _wanted(before, value):
    """What an override must be to replace a value; None if it may."""
    kind, found = _kind(before), _kind(value)
    tag = tag_of(before)
    empty = value is None and before not in (None, "", [])
    if tag.startswith(OBJECTS) and (empty or found not in (None, dict)):
        return f"an object ({tag})"
    if empty:
        return KINDS.get(kind, "something")
    # An empty list says nothing of its items
    of_numbers = kind is found is list and before and _numbers(before)
    if of_numbers and not _numbers(value):
        return "a list of numbers"
    if kind is None or found is None or KINDS[kind] == KINDS[found]:
        return None
    return KINDS[kind]


def _numbers(values):
    """Whether a list holds numbers only."""
    return all(
        isinstance(value, Real) and not isinstance(value, bool)
        for value in as_size(values) or values
    )


def _within(value, limits):
    """Whether a value is of the right kind and in its range."""
    kind, least, most = limits
    if getattr(value, "tag", None) is not None and not isinstance(value, Real):
        return True  # an object that the YAML builds
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    if kind == INTEGER and not isinstance(value, int):
        return False
    return least <= value < float("inf") and (most is None or value <= most)


def _in_words(limits):
    """A range in words."""
    kind, least, most = limits
    if most is None:
        return f"{kind}, at least {least}"
    return f"{kind} from {least} to {most}"
