"""Turns the text of a YAML into a tree, and a tree into text.

Authors
 * The speechbrain_growth authors 2026
"""

import io
import os

import ruamel.yaml


def load(text):
    """Returns the tree of a YAML, with its tags in it.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    object
    """
    return ruamel.yaml.YAML().load(text)


def dump(tree):
    """Returns the text of a YAML.

    Arguments
    ---------
    tree : object
        From ``load``.

    Returns
    -------
    str
    """
    stream = io.StringIO()
    ruamel.yaml.YAML().dump(tree, stream)
    return stream.getvalue()


def in_blocks(node):
    """Returns a tree without braces; within them, ``(3, 4)`` becomes a text.

    Arguments
    ---------
    node : object
        From ``load``; it is changed.

    Returns
    -------
    object
        The same.

    Example
    -------
    >>> print(dump(in_blocks(load("net: {kernel: 3}"))))
    net:
      kernel: 3
    <BLANKLINE>
    """
    for one in _collections(node):
        if hasattr(one, "fa"):
            one.fa.set_block_style()
    return node


def without_comments(node):
    """Returns a tree without comments, and without blank lines.

    HyperPyYAML moves those behind a reference to what it names. If that is a
    list, the tag of its first object then becomes that of the object's first key.

    Arguments
    ---------
    node : object
        From ``load``; it is changed.

    Returns
    -------
    object
        The same.

    Example
    -------
    >>> print(dump(without_comments(load("lr: 1 # high\\n\\n\\nnet: 2"))))
    lr: 1
    net: 2
    <BLANKLINE>
    """
    for one in _collections(node):
        if hasattr(one, "ca"):
            one.ca.comment, one.ca.end = None, []
            one.ca.items.clear()
    return node


def _collections(node):
    """The mappings and lists of a tree, outer ones first."""
    if isinstance(node, (dict, list)):
        yield node
        for item in node.values() if isinstance(node, dict) else node:
            yield from _collections(item)


def compose(text):
    """Returns the nodes of a YAML; each has its tag, and nothing is built.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    ruamel.yaml.nodes.Node
        None if the text is empty.

    Example
    -------
    >>> compose("!apply:os.system [ls]").tag
    '!apply:os.system'
    """
    return ruamel.yaml.YAML().compose(text)


def folder_of(path):
    """Returns the folder in which HyperPyYAML looks for included files.

    Arguments
    ---------
    path : str
        Path of the YAML that includes them.

    Returns
    -------
    str
        That of the file itself, even if the path is a link to it.
    """
    return os.path.dirname(os.path.realpath(path))
