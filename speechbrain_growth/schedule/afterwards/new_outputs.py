"""Reads how new outputs of the model begin: classes, phones, tokens, speakers.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError

FRESH = "fresh"


def read_outputs(value):
    """Says how new outputs begin; a growth of the outputs must have it.

    An output that splits into n gives each its row, and its bias less log n, so
    that their posteriors sum to its own. One without a parent begins with
    almost none. ``fresh`` outputs are as the larger model was built; old ones
    keep row and bias. In a classifier of cosines a parent gives its cosine, and
    null is refused; an embedding gives its row. docs/engine.md has more.

    Values: the layer, and for each new output the index of the old one that it
    splits from, or null, as ``{model.output: [2, 2, null]}``; or ``fresh``
    Default: the outputs do not grow
    """
    if value == FRESH:
        return {"outputs": value}
    fits = isinstance(value, dict) and value
    if not fits or not all(isinstance(name, str) for name in value):
        raise GrowthError(
            f"outputs is {value!r}; it must be fresh, or a mapping such as "
            "{model.output: [2, 2, null]}; a size of that name is given by "
            "adds, as in adds: {outputs: 3}"
        )
    problems = [
        f"outputs: {name} has {parents!r}; it must be a list with the index of "
        "an old output, or null, for each new one"
        for name, parents in value.items()
        if not isinstance(parents, (list, tuple))
        or not all(map(_is_parent, parents))
    ]
    if problems:
        raise GrowthError(problems)
    return {"outputs": {name: list(one) for name, one in value.items()}}


def splits(outputs):
    """Whether some old outputs split, and so change.

    Arguments
    ---------
    outputs : dict or str
        From ``read_outputs``; None if the outputs do not grow.

    Returns
    -------
    bool

    Example
    -------
    >>> splits({"output": [2, None]}), splits({"output": [None]})
    (True, False)
    """
    if not isinstance(outputs, dict):
        return False
    return any(p is not None for one in outputs.values() for p in one)


def _is_parent(one):
    """Whether it is None or could be an index."""
    return one is None or (type(one) is int and one >= 0)
