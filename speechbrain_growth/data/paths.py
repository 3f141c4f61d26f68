"""What the texts of an annotation become, and where its paths lead.

SpeechBrain fills in every text of an annotation with ``str.format_map``.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import string
from typing import Any, List

from speechbrain_growth.errors import shown

FIELD = "data_root"
DEEPEST = 20  # nested lists and mappings that an annotation may have


def wrong_fields(item: Any) -> List[str]:
    """Returns what is wrong with the fields in the texts of an item.

    Only ``{data_root}`` is accepted, as it is: with a format, a conversion, an
    attribute or an index it could become any text of any size.

    Arguments
    ---------
    item : object
        A text, or texts in lists and mappings.

    Returns
    -------
    list of str
        A message for each wrong text.

    Example
    -------
    >>> wrong_fields({"wav": "{data_root}/a{{1}}.wav", "phn": ["{0}"]})
    ["'{0}' has the field '{0}'; only {data_root} is filled in, other braces are written twice"]
    """
    problems, left = [], [(item, 0)]
    while left:
        value, depth = left.pop(0)
        if depth > DEEPEST:
            return [f"lists and mappings are nested deeper than {DEEPEST}"]
        if isinstance(value, str):
            problems += _wrong_field(value)
        elif isinstance(value, (dict, list)):
            inner = value.values() if isinstance(value, dict) else value
            left += [(each, depth + 1) for each in inner]
    return problems


def fill_in(text: str, data_folder: str) -> str:
    """Returns a text as SpeechBrain fills it in; it has no wrong field.

    Arguments
    ---------
    text : str
        A text of an annotation.
    data_folder : str
        What ``{data_root}`` stands for.

    Returns
    -------
    str

    Example
    -------
    >>> fill_in("{data_root}/a{{1}}.wav", "data")
    'data/a{1}.wav'
    """
    return text.format_map({FIELD: data_folder})


def own_folders(data_folder: str) -> List[str]:
    """Returns the folders in which audio may lie, without links in their paths.

    They are the data folder, and every folder that is linked directly inside
    it: whoever owns the data folder put that link there.

    Arguments
    ---------
    data_folder : str
        The folder.

    Returns
    -------
    list of str

    Example
    -------
    >>> disk = getfixture("tmpdir")
    >>> folder, train = disk.mkdir("TIMIT"), disk.mkdir("train")
    >>> folder.join("TRAIN").mksymlinkto(train)
    >>> own_folders(str(folder)) == [str(folder), str(train)]
    True
    """
    folders = [os.path.realpath(data_folder)]
    if os.path.isdir(data_folder):
        with os.scandir(data_folder) as entries:
            folders += [
                os.path.realpath(entry.path)
                for entry in entries
                if entry.is_symlink() and entry.is_dir()
            ]
    return folders


def leads_out(path: str, data_folder: str, folders: List[str]) -> str:
    """Returns where a path leads if it leads out of some folders.

    Arguments
    ---------
    path : str
        The path, which is to be opened.
    data_folder : str
        The data folder, for the message.
    folders : list of str
        From ``own_folders``.

    Returns
    -------
    str
        A part of a message; empty if the path stays inside.

    Example
    -------
    >>> leads_out("/data/a.wav", "/data", ["/data"])
    ''
    >>> leads_out("/data/../a.wav", "/data", ["/data"])
    ', outside of the data folder /data'
    """
    real, root = os.path.realpath(path), os.path.abspath(data_folder)
    if any(_inside(real, folder) for folder in folders):
        return ""
    if not _inside(os.path.abspath(path), root):
        return f", outside of the data folder {root}"
    return (
        f", which leads to {real}, outside of the data folder {root}; put the "
        "file there, or link its folder directly inside the data folder"
    )


def _inside(path, folder):
    """Whether an absolute path is a folder's or of something in it."""
    return os.path.commonpath([path, folder]) == folder


def _wrong_field(text):
    """A message about the first wrong field of a text; none if all are right."""
    accepted = f"only {{{FIELD}}} is filled in, other braces are written twice"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        return [f"{shown(text)} has a stray brace ({error}); {accepted}"]
    for _, name, form, conversion in parts:
        if name is not None and (name, form, conversion) != (FIELD, "", None):
            field = name + (conversion and f"!{conversion}" or "")
            field = f"{{{field}{form and f':{form}'}}}"
            return [f"{shown(text)} has the field {shown(field)}; {accepted}"]
    return []
