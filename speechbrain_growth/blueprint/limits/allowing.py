"""Refuses overrides that could run code, before anything is built.

HyperPyYAML runs whatever a tag names. A YAML is a program, and is trusted like
one; an override may come from a stranger's sweep file or command.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from speechbrain_growth.blueprint.limits.classes import wrong_class
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.text import compose, folder_of
from speechbrain_growth.blueprint.wording import READING
from speechbrain_growth.errors import shown

PLAIN = re.compile(
    r"tag:yaml\.org,2002:(str|int|float|bool|null|seq|map|timestamp|merge|value)"
    r"|!tuple"
)
INCLUDE = re.compile(r"!include:([^%]+)")  # a % could hide another path
ENDLESS = re.compile(r"\*\*|['\"]\s*\*|\*\s*['\"]")  # 9**9**9, 'a' * 9999999999
OBJECT = re.compile(r"!(new|name):([\w.]+)")
SCHEDULES = os.path.join("hparams", "schedules")
WANTED = (
    "use a plain value, !ref <key>, !include: of a schedule, or another class "
    "where the YAML names one"
)


def forbidden(text, tree, folder):
    """Returns what is wrong with the tags of some overrides.

    Arguments
    ---------
    text : str
        The overrides as a YAML.
    tree : dict
        The YAML that they change; its objects may get other classes.
    folder : str
        That of the YAML.

    Returns
    -------
    list of str

    Example
    -------
    >>> forbidden("seed: !apply:os.system [ls]", {"seed": 3}, ".")
    ['seed is !apply:os.system; use a plain value, !ref <key>, !include: of a schedule, or another class where the YAML names one']
    """
    problems, within = [], []
    seen = {}  # the nodes are kept, so that no other gets an id

    def look(node, own, folder, place):
        """Looks at a node, which replaces the YAML's own value at a place."""
        if id(node) in within:
            problems.append(f"{place} contains itself; write out its values")
        if id(node) in within or (id(node), id(own)) in seen:
            return
        seen[id(node), id(own)] = node
        wrong, included = _wrong(node, own, folder)
        if wrong:
            problems.append(f"{place} is {wrong}")
        if included and included not in seen:
            seen[included] = True
            look(_nodes(included), None, folder_of(included), place)
        within.append(id(node))
        for child, part, where in _children(node, own, place):
            look(child, part, folder, where)
        within.pop()

    look(compose(text), tree, folder, "")
    return problems


def code_in_tuples(node, place=""):
    """Returns what is wrong with the tuples of a YAML.

    HyperPyYAML reads the inside of each as a YAML of its own, with all tags
    that there are.

    Arguments
    ---------
    node : object
        A tree whose references are resolved.
    place : str
        Where it stands.

    Returns
    -------
    list of str

    Example
    -------
    >>> code_in_tuples({"a": "(1, 2)", "b": ["(!!python/name:os.system )"]})
    ['b[0] is (!!python/name:os.system ); a tuple may hold plain values only, and no !']
    """
    if isinstance(node, (dict, list)):
        parts = node.items() if isinstance(node, dict) else enumerate(node)
        return [
            problem
            for key, value in parts
            for part in (key, value)
            for problem in code_in_tuples(
                part, f"{place}[{key}]" if place else str(key)
            )
        ]
    text = node.value if tag_of(node) == "!tuple" else node
    if isinstance(text, str) and re.fullmatch(r"\(.*!.*\)", text, re.DOTALL):
        return [
            f"{place} is {text}; a tuple may hold plain values only, and no !"
        ]
    return []


def _children(node, own, place):
    """The parts of a node, the YAML's own values of them, and their places."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            name = str(key.value)
            where = f"{place}[{name}]" if place else name
            part = own.get(name) if isinstance(own, dict) else None
            yield key, None, f"the key {where}"
            yield value, part, where
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            here = isinstance(own, list) and number < len(own)
            yield value, own[number] if here else None, f"{place}[{number}]"


def _wrong(node, own, folder):
    """What is wrong with one node, and the file that it includes."""
    if node is None:
        return None, None
    tag = str(node.tag)
    if tag == "!ref" and isinstance(node, ScalarNode):
        return _wrong_reference(node.value), None
    if PLAIN.fullmatch(tag):
        return _wrong_text(node.value), None
    if INCLUDE.fullmatch(tag):
        path = os.path.join(folder, INCLUDE.fullmatch(tag)[1])
        if os.path.dirname(os.path.realpath(path)) in _open_folders(folder):
            return None, path
        return (
            f"{tag}; an override may include a file of the YAML's own folder "
            f"or of {SCHEDULES} above it"
        ), None
    found, before = OBJECT.fullmatch(tag), OBJECT.fullmatch(tag_of(own))
    if not found or not before or found[1] != before[1]:
        return f"{tag}; {WANTED}", None
    wrong = wrong_class(found[2], before[2])
    if wrong:
        return f"{tag}, but {wrong}; name another one of the same kind", None
    return None, None


def _wrong_reference(text):
    """What is wrong with a reference of an override."""
    if re.search(r"<[^<>]*\.", text):
        return f"!ref {text}; it may refer to keys, not to attributes"
    if re.search(r"\*\*|['\"]", text):
        return f"!ref {text}; it may use + - * / and no power or quotes"
    return None


def _wrong_text(text):
    """What is wrong with a plain value, which a !ref may compute with."""
    if isinstance(text, str) and ENDLESS.search(text):
        return f"{shown(text)}; it may have no ** and no * beside a quote"
    return None


def _open_folders(folder):
    """The folders of which an override may include a file."""
    here = os.path.realpath(folder)
    folders, above = [here], here
    while above != os.path.dirname(above):
        above = os.path.dirname(above)
        folders.append(os.path.join(above, SCHEDULES))
    return folders


def _nodes(path):
    """The nodes of an included file; HyperPyYAML says if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as fin:
            return compose(fin.read())
    except READING:
        return None
