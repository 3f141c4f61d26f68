"""Finds numbers that a YAML writes into the model, instead of naming a key.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.sizes import as_size


def inline_sizes(blueprint):
    """Returns the numbers that are written into the modules of a YAML.

    No growth can name them: a size is a key at the top, and the model refers to
    it.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML.

    Returns
    -------
    dict
        By the place where each is written.

    Example
    -------
    >>> from speechbrain_growth.blueprint.blueprint import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write(
    ...     "width: 4\\nnet: !new:torch.nn.Linear\\n"
    ...     "    in_features: 3\\n    out_features: !ref <width>\\n"
    ...     "modules: {net: !ref <net>}\\n"
    ... )
    >>> inline_sizes(Blueprint(str(path)))
    {'net.in_features': 3}
    """
    found = {}
    for key, node in blueprint._reached("modules").items():
        if as_size(node) is None:
            found.update(_below(node, str(key)))
    return found


def _below(node, place):
    """The sizes below a node of the YAML, by their places."""
    if not isinstance(node, (dict, list)):
        return {}
    named = node.items() if isinstance(node, dict) else enumerate(node)
    found = {}
    for key, value in named:
        size, here = as_size(value), f"{place}.{key}"
        found.update(_below(value, here) if size is None else {here: size})
    return found
