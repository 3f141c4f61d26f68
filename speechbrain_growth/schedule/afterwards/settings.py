"""Keys of the YAML that are no sizes, and change with a growth.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError, did_you_mean

# Keys with a way of their own to change, or that make the run what it is
OWN = {
    "lr": "use the key lr of the growth",
    "growth": "a schedule does not change itself",
    "growth_schedule": "a schedule does not change itself",
    "number_of_epochs": "give the schedule a budget",
    "seed": "random numbers go on as they are",
    "output_folder": "a run has one",
}


def read_sets(value):
    """Changes other keys of the YAML with the growth.

    What depends on them is changed in the run: options of the training data
    (from the next epoch on), groups of the optimizer, modules, objects such as
    the features, and numbers that the Brain reads from ``self.hparams``.
    Whatever else is refused before training. A change of modules other than of
    dropout, or of an object, is not exact: the log has the validation right
    before and after it. An entry may have no size beside it.

    Values: a mapping of keys of the YAML, such as ``{batch_size: 16, dropout:
    0.1, weight_decay: 0.01}``.
    Default: nothing else changes
    """
    if not isinstance(value, dict) or not value:
        raise GrowthError(
            f"sets is {value!r}; it must be a mapping of keys of the YAML, "
            "such as {batch_size: 16, dropout: 0.1}"
        )
    found = [
        f"sets: {key} cannot change with a growth; {OWN[key]}"
        for key in value
        if key in OWN
    ]
    found += [
        f"sets: {key} is {new!r}; it must be a number, a text, True or False, "
        "or a list of them"
        for key, new in value.items()
        if key not in OWN and not _is_plain(new)
    ]
    if found:
        raise GrowthError(found)
    return {"sets": {str(key): _listed(new) for key, new in value.items()}}


def _listed(value):
    """A value with lists for tuples."""
    if isinstance(value, (list, tuple)):
        return [_listed(one) for one in value]
    return value


def _is_plain(value):
    """Whether a checkpoint can hold a value as text."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    finite = not isinstance(value, float) or abs(value) < float("inf")
    return isinstance(value, (bool, int, float, str)) and finite


def wrong_settings(sets, known, sizes):
    """Returns what is wrong with the settings of a growth.

    Arguments
    ---------
    sets : dict
        The keys that it changes, and their new values.
    known : dict
        The values of the YAML, by key.
    sizes : dict
        All sizes that grow.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_settings({"dropout": "high"}, {"dropout": 0.1}, {})
    ["sets: dropout is 'high', but the YAML has 0.1; give a number"]
    """
    found = []
    for key, value in sets.items():
        if key not in known:
            hint = did_you_mean(key, known) or "name one that it has"
            found.append(f"sets: the YAML has no key {key!r}; {hint}")
        elif key in sizes:
            found.append(
                f"sets: {key} is a size that grows; give it beside the "
                "condition, not in sets"
            )
        elif _kind(known[key]) not in (None, _kind(value)):
            found.append(
                f"sets: {key} is {value!r}, but the YAML has {known[key]!r}; "
                f"give {_kind(known[key])}"
            )
    return found


def _kind(value):
    """What a value is, in words; None for an object or null."""
    kinds = {
        bool: "True or False",
        (int, float): "a number",
        str: "a text",
        list: "a list",
    }
    for kind, words in kinds.items():
        if isinstance(value, kind):
            return words
    return None
