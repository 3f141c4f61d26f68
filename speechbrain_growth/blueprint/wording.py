"""Puts what other packages raise into one line that a user can act on.

Authors
 * The speechbrain_growth authors 2026
"""

import difflib
import textwrap

from ruamel.yaml.error import MarkedYAMLError

from speechbrain_growth.errors import shown

LENGTH = 300  # characters


def in_words(error):
    """An exception as one line.

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
    elif isinstance(error, OSError) and error.filename:
        words = f"{error.filename}: {error.strerror}"
    else:
        words = ": ".join(str(arg) for arg in error.args) or repr(error)
    short = textwrap.shorten(words, LENGTH)
    if short == "[...]":  # a long path; what is wrong with it stands behind it
        return f"{words[:100]}...{words[-100:]}"
    return short


def unknown_keys(overrides, known):
    """What is wrong with overrides that have no place in a YAML.

    Arguments
    ---------
    overrides : dict
        Values that are asked for, by key.
    known : dict
        The YAML's own.

    Returns
    -------
    list of str

    Example
    -------
    >>> unknown_keys({"widht": 3, "lr": {"a": 1}}, {"width": 2, "lr": 0.1})
    ["there is no key 'widht'; did you mean width?", "lr is {'a': 1}; the YAML has no mapping there"]
    """
    problems = []
    for key in overrides:
        if key not in known:
            near = difflib.get_close_matches(str(key), map(str, known), n=1)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else (f"its keys are {', '.join(map(str, known))}")
            )
            problems.append(f"there is no key {key!r}; {hint}")
        elif isinstance(overrides[key], dict):
            if not isinstance(known[key], dict):
                problems.append(
                    f"{key} is {shown(overrides[key])}; the YAML has no "
                    "mapping there"
                )
    return problems
