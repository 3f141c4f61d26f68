"""Puts what other packages raise into one line that a user can act on.

Authors
 * The speechbrain_growth authors 2026
"""

import difflib
import textwrap

from ruamel.yaml.error import MarkedYAMLError

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
    """
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = f"line {mark.line + 1}: {error.problem or error.context}"
    elif isinstance(error, OSError) and error.filename:
        words = f"{error.filename}: {error.strerror}"
    else:
        words = ": ".join(str(arg) for arg in error.args) or repr(error)
    return textwrap.shorten(words, LENGTH)


def unknown_keys(overrides, known):
    """What is wrong with overrides that name no key.

    Arguments
    ---------
    overrides : iterable of str
        Keys that are asked for.
    known : iterable of str
        Keys that there are.

    Returns
    -------
    list of str

    Example
    -------
    >>> unknown_keys(["widht"], ["width", "lr"])
    ["there is no key 'widht'; did you mean width?"]
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
    return problems
