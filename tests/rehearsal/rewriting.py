"""Rewrites texts of this package as they are in SpeechBrain. Only functions.

Authors
 * The speechbrain_growth authors 2026
"""

import csv
import io
import re

OLD, NEW = "speechbrain_growth", "speechbrain.nnet.growth"
# Who wrote a file does not change by moving it
NAMED = re.compile(rf"\b{OLD}\b(?! authors)")
PATH = re.compile(rf"\b{OLD}/")
HOME = re.compile(r'^    "\w+": "(\w+)[\w.]*",\n', re.M)
INCLUDED = re.compile(r"^(\w+): !include:(\S+)$", re.M)
FROM = re.compile(rf"from {OLD}([\w.]*) import (\([^)]*\)|[^\n#]*)")
DOTTED = re.compile(rf"(?<!from )\b{OLD}\.(\w+)")
IMPORTED = re.compile(r"^(?:from|import) (\w+)", re.M)


def renamed(text):
    """A text with the package's new name, in imports, YAML tags and paths.

    >>> print(renamed("from speechbrain_growth.engine import probe"))
    from speechbrain.nnet.growth.engine import probe
    >>> print(renamed("!new:speechbrain_growth.RunLogger"))
    !new:speechbrain.nnet.growth.RunLogger
    >>> print(renamed("../speechbrain_growth/nnet/ligru.py"))
    ../speechbrain/nnet/growth/nnet/ligru.py
    """
    text = PATH.sub(NEW.replace(".", "/") + "/", text)
    return NAMED.sub(NEW, text)


def face_of(text, rooms):
    """The public face without the names whose home is in no room."""
    return HOME.sub(lambda m: m[0] if m[1] in rooms else "", text)


def inlined(text, read):
    """A YAML with the lists that it includes, as SpeechBrain shares no YAMLs.

    `read` returns the text of a path, as the YAML has it.
    """

    def lines(match):
        """An included list, below its key."""
        rows = [
            f"    {row}" if row else ""
            for row in read(match[2]).rstrip("\n").split("\n")
        ]
        return "\n".join([f"{match[1]}:", *rows])

    return INCLUDED.sub(lines, text)


def merged(theirs, ours, folder):
    """A table of recipes with our rows of one folder below theirs."""
    header, *rows = csv.reader(io.StringIO(ours))
    known = next(csv.reader(io.StringIO(theirs)))
    if header != known:
        raise ValueError(f"columns are {known}, ours are {header}")
    place = header.index("Hparam_file")
    added = io.StringIO()
    writer = csv.writer(added, lineterminator="\n")
    for row in rows:
        if row[place].startswith(f"{folder}/") and row[place] not in theirs:
            writer.writerow(row)
    return theirs.rstrip("\n") + "\n" + added.getvalue()


def needs_of(text, homes):
    """The rooms that a test imports, directly or by the face.

    `homes` has the module of each name of the face.

    >>> text = "from speechbrain_growth import carry, trace as plan"
    >>> sorted(
    ...     needs_of(text, {"carry": "engine.carrying", "trace": "engine.a"})
    ... )
    ['engine']
    """
    found = set(DOTTED.findall(text))
    for module, names in FROM.findall(text):
        if module:
            found.add(module.split(".")[1])
        else:
            found |= set(re.findall(r"\w+", re.sub(r" as \w+", "", names)))
    return {homes.get(name, name).split(".")[0] for name in found}


def siblings_of(text, names):
    """Those of some files, by their names, that a test imports."""
    return set(IMPORTED.findall(text)) & set(names)
