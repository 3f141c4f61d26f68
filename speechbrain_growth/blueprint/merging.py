"""Puts changes into the tree of a YAML.

Authors
 * The speechbrain_growth authors 2026
"""


def merge(tree, changes):
    """Changes the values of a YAML, in place.

    A mapping without a tag changes the keys that it names, also those of an
    object's arguments; so does one with the object's own tag. An object of
    another class replaces the whole value, and so does anything else.

    Arguments
    ---------
    tree : dict
        As ``ruamel.yaml`` reads a file; tags stay in it.
    changes : dict
        New values by key, read in the same way.

    Returns
    -------
    dict
        The tree.

    Example
    -------
    >>> import ruamel.yaml
    >>> read = ruamel.yaml.YAML().load
    >>> tree = read("opt: !name:torch.optim.Adam {lr: 1, fused: True}")
    >>> changed = merge(tree, read("opt: {lr: 2}"))["opt"]
    >>> changed.tag.value, dict(changed)
    ('!name:torch.optim.Adam', {'lr': 2, 'fused': True})
    >>> changed = merge(tree, read("opt: !name:torch.optim.SGD {lr: 3}"))["opt"]
    >>> changed.tag.value, dict(changed)
    ('!name:torch.optim.SGD', {'lr': 3})
    """
    for key, value in changes.items():
        old = tree.get(key)
        mappings = isinstance(old, dict) and isinstance(value, dict)
        if mappings and tag_of(value) in ("", tag_of(old)):
            merge(old, value)
        else:
            tree[key] = value
    return tree


def tag_of(node):
    """Returns the tag that a YAML gives a value.

    Arguments
    ---------
    node : object
        Of a tree that ``ruamel.yaml`` read.

    Returns
    -------
    str
        Empty if there is none.

    Example
    -------
    >>> import ruamel.yaml
    >>> tag_of(ruamel.yaml.YAML().load("!ref <width>")), tag_of(3)
    ('!ref', '')
    """
    return getattr(getattr(node, "tag", None), "value", None) or ""


def as_logged(node):
    """Returns a value of a YAML for a log, in which a tag is a part of the text.

    Arguments
    ---------
    node : object
        Of a tree that ``ruamel.yaml`` read.

    Returns
    -------
    object

    Example
    -------
    >>> import ruamel.yaml
    >>> as_logged(ruamel.yaml.YAML().load("[!name:torch.optim.SGD {lr: 1}, 2]"))
    ["!name:torch.optim.SGD {'lr': 1}", 2]
    """
    tag, value = tag_of(node), node
    if isinstance(node, dict):
        value = {key: as_logged(item) for key, item in node.items()}
    elif isinstance(node, list):
        value = [as_logged(item) for item in node]
    elif tag:
        value = node.value
    return f"{tag} {value}".strip() if tag else value
