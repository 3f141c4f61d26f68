"""Finds classes that a YAML names by the path of an earlier version.

Authors
 * The speechbrain_growth authors 2026
"""

import pydoc
import re

import speechbrain_growth

# A key, maybe an anchor, and a tag with a path of at least two names
NAMED = re.compile(
    r"^[\s-]*(?:(?P<key>\w+):\s+)?(?:&\w+\s+)?"
    r"!(?:new|name|apply):(?P<path>speechbrain_growth(?:\.\w+){2,})"
)


def old_names(text):
    """Returns what is wrong with the classes that a YAML names.

    A path that leads nowhere, but ends in a name of the package's public face,
    is one of an earlier version, as ``hyperparams.yaml`` of an old output
    folder has it.

    Arguments
    ---------
    text : str
        The YAML.

    Returns
    -------
    list of str
        One problem for each line.

    Example
    -------
    >>> old_names("log: !new:speechbrain_growth.report.GrowthLog")
    ['line 1: log names speechbrain_growth.report.GrowthLog, which has moved; write speechbrain_growth.GrowthLog']
    """
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = NAMED.match(line)
        if not found:
            continue
        path, name = found["path"], found["path"].split(".")[-1]
        if name in speechbrain_growth.HOMES and pydoc.locate(path) is None:
            problems.append(
                f"line {number}: {found['key'] or 'an entry'} names {path}, "
                f"which has moved; write speechbrain_growth.{name}"
            )
    return problems
