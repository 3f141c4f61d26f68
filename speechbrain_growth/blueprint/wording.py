"""Puts an error of another package into one line that a user can act on.

Authors
 * The speechbrain_growth authors 2026
"""

import textwrap

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.errors import did_you_mean, shown

LENGTH = 300  # characters
# What reading a YAML may raise
READING = (
    YAMLError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
    RecursionError,
)


def in_words(error):
    """Returns an exception as one line.

    Arguments
    ---------
    error : Exception
        Of any package.

    Returns
    -------
    str

    Example
    -------
    >>> in_words(TypeError("Invalid argument to class Net", "widht"))
    'Invalid argument to class Net: widht'
    >>> in_words(FileNotFoundError(2, "No such file or directory", "a.yaml"))
    'a.yaml: No such file or directory'
    >>> in_words(OSError(36, "File name too long", "a" * 400))[-30:]
    'aaaaaaaaaa: File name too long'
    """
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = f"line {mark.line + 1}: {error.problem or error.context}"
    elif isinstance(error, RecursionError):
        words = "the values are nested too deeply; write them in fewer levels"
    elif isinstance(error, OSError) and error.filename:
        words = f"{error.filename}: {error.strerror}"
    else:
        words = ": ".join(str(arg) for arg in error.args) or repr(error)
    short = textwrap.shorten(words, LENGTH)
    if short == "[...]":  # a long path, and behind it what is wrong
        return f"{words[:100]}...{words[-100:]}"
    return short


def unknown_keys(overrides, known):
    """Returns what is wrong with overrides of keys that a YAML lacks.

    Arguments
    ---------
    overrides : dict
        The overrides.
    known : dict
        The values of the YAML.

    Returns
    -------
    list of str

    Example
    -------
    >>> unknown_keys({"widht": 3}, {"width": 2, "lr": 0.1})
    ["there is no key 'widht'; did you mean width?"]
    """
    problems = []
    for key in overrides:
        if key not in known:
            hint = did_you_mean(key, known)
            hint = hint or f"its keys are {', '.join(map(str, known))}"
            problems.append(f"there is no key {key!r}; {hint}")
    return problems


def wrong_mappings(changes, known, place=""):
    """Returns what is wrong with mappings where a YAML has something else.

    Arguments
    ---------
    changes : dict
        New values by key; a mapping with a tag is an object.
    known : dict
        The values of the YAML.
    place : str
        Where these are, if not at its top.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_mappings({"lr": {"a": 1}}, {"width": 2, "lr": 0.1})
    ["lr is {'a': 1}; the YAML has no mapping there"]
    """
    problems = []
    for key, value in changes.items():
        here = f"{place}[{key}]" if place else str(key)
        if key not in known or not isinstance(value, dict):
            continue
        if isinstance(known[key], dict):
            if tag_of(value) in ("", tag_of(known[key])):
                problems += wrong_mappings(value, known[key], here)
        elif not tag_of(value):
            problems.append(
                f"{here} is {shown(value)}; the YAML has no mapping there"
            )
    return problems
