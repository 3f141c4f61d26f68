"""Checks annotations before training begins.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import sys
from typing import Collection, Dict, List, Optional

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth.data import paths
from speechbrain_growth.data.audio import examine
from speechbrain_growth.errors import GrowthError

MOST = 20  # mistakes that a message lists
BLANK = "<blank>"
# What training computes of each item
COMPUTED = {
    "id",
    "sig",
    "label_list",
    "label_encoded",
    "phn_list",
    "phn_encoded",
}


def check_annotation(
    path: str,
    data_folder: str,
    texts: Collection[str] = (),
    numbers: Collection[str] = (),
    sample_rate: Optional[int] = None,
) -> Dict[str, int]:
    """Reads a JSON annotation and raises if training with it would fail.

    The audio file of every item must lie in the data folder, or in a folder
    that is linked directly inside it: an annotation may come from a stranger,
    and must not reach other files.

    Arguments
    ---------
    path : str
        The annotation.
    data_folder : str
        The folder that ``{data_root}`` in the annotation stands for.
    texts : collection of str
        Fields of an item that must be a text of labels, and not an empty one.
    numbers : collection of str
        Fields that must be a number above 0, or a text of one: see
        ``read_numbers``.
    sample_rate : int
        Sample rate that the files must have, on one channel. None: the files
        are not opened.

    Returns
    -------
    dict
        Samples of the audio of each item; 0 if the files are not opened.

    Raises
    ------
    GrowthError
        Naming every mistake, or the first twenty.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = (folder / "a.wav").write("")
    >>> path = folder / "train.json"
    >>> _ = path.write('{"a": {"wav": "{data_root}/a.wav", "phn": "sil"}}')
    >>> check_annotation(str(path), str(folder), texts=["phn"])
    {'a': 0}
    >>> _ = path.write('{"a": {"wav": "{data_root}/../b.wav", "phn": ""}}')
    >>> check_annotation(str(path), str(folder), texts=["phn"])
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: 2 problems:
      - ...train.json: a: wav is '{data_root}/../b.wav', outside of ...
      - ...train.json: a: phn is ''; it must be a text
    """
    items = read_items(path)
    folders = paths.own_folders(data_folder)
    lacking = _lacking(items, texts)
    problems = [
        f"no utterance has a text {key}, which its labels are made of; use a "
        "corpus that has it"
        for key in lacking
    ]
    texts, samples = [key for key in texts if key not in lacking], {}
    for name, item in items.items():
        if not isinstance(item, dict):
            problems.append(f"{name}: found {item!r}; it must be a mapping")
            continue
        fields = paths.wrong_fields(item)
        fields += [
            f"has the field {key}, which training computes; rename it"
            for key in sorted(COMPUTED & item.keys())
        ]
        problems += [f"{name}: {words}" for words in fields]
        if fields:
            continue
        if not _is_text(name):
            problems.append(f"{name!r}: it must be a text that names the item")
        found, samples[name] = _audio(item, data_folder, folders, sample_rate)
        problems += [f"{name}: wav is {words}" for words in found]
        problems += [
            f"{name}: {key} is {item.get(key)!r}; it must be a text"
            for key in texts
            if not _is_text(item.get(key))
        ]
        problems += [
            f"{name}: {key} has the label {BLANK}, which CTC adds; rename it"
            for key in texts
            if BLANK in str(item.get(key)).split()
        ]
        problems += [
            f"{name}: {key} is {item.get(key)!r}; it must be a number above 0"
            for key in numbers
            if not _is_positive(item.get(key))
        ]
    if problems:
        raise GrowthError(listed(path, problems))
    return samples


def read_numbers(data: DynamicItemDataset, fields: Collection[str]) -> None:
    """Makes numbers of fields of a dataset that are texts of numbers.

    The samples of SpeechBrain's own tests have such durations; sorted as texts,
    10 seconds are less than 9.

    Arguments
    ---------
    data : speechbrain.dataio.dataset.DynamicItemDataset
        Its items are changed.
    fields : collection of str
        As ``numbers`` of ``check_annotation``, which has accepted them.

    Example
    -------
    >>> items = {"a": {"duration": "10.0"}, "b": {"duration": "9.0"}}
    >>> data = DynamicItemDataset(items)
    >>> read_numbers(data, ["duration"])
    >>> list(data.filtered_sorted(sort_key="duration").data_ids)
    ['b', 'a']
    """
    for item in data.data.values():
        item.update({field: float(item[field]) for field in fields})


def listed(path: str, problems: List[str]) -> List[str]:
    """Returns all mistakes of a file, or the first of many.

    Arguments
    ---------
    path : str
        The file.
    problems : list of str
        What is wrong in it.

    Returns
    -------
    list of str
        At most 21 messages, which name the file.

    Example
    -------
    >>> listed("train.json", ["a"] * 30)[19:]
    ['train.json: a', 'train.json: and 10 more']
    """
    problems = [f"{path}: {problem}" for problem in problems]
    if len(problems) > MOST:
        problems[MOST:] = [f"{path}: and {len(problems) - MOST} more"]
    return problems


def read_items(path: str) -> Dict[str, dict]:
    """Returns the items of an annotation by name.

    Arguments
    ---------
    path : str
        The annotation, in JSON.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If it is none, or has no items.
    """
    try:
        with open(path, encoding="utf-8") as fin:
            items = json.load(fin)
    except OSError as error:
        raise GrowthError(
            f"{path}: {error.strerror}; it must be a JSON annotation, which is "
            "written when skip_prep is False"
        )
    except (ValueError, RecursionError) as error:
        raise GrowthError(f"{path}: this is no JSON: {error}")
    if not isinstance(items, dict) or not items:
        raise GrowthError(
            f"{path}: it must be a mapping from names to utterances, with one "
            "at least"
        )
    return items


def _audio(item, data_folder, folders, sample_rate):
    """What is wrong with the audio file of an item, and its samples."""
    wav = item.get("wav")
    if not isinstance(wav, str) or not wav:
        return [f"{wav!r}; it must be the path of an audio file"], 0
    full = paths.fill_in(wav, data_folder)
    try:
        outside = paths.leads_out(full, data_folder, folders)
    except ValueError:  # a zero byte, for one
        return [f"{wav!r}, which no file can have as its path"], 0
    if outside:
        return [f"{wav!r}{outside}"], 0
    if not os.path.isfile(full):
        return [f"{wav!r}; there is no file {os.path.abspath(full)}"], 0
    if sample_rate is None:
        return [], 0
    problems, samples = examine(full, sample_rate)
    return [f"{wav!r}; {words}" for words in problems], samples


def _lacking(items, texts):
    """The texts that no item has, which are named once for all of many."""
    known = [item for item in items.values() if isinstance(item, dict)]
    return [
        key
        for key in texts
        if len(known) > 1 and not any(_is_text(i.get(key)) for i in known)
    ]


def _is_text(value):
    """Whether a value is a text, not an empty one, that a file can hold."""
    try:
        return isinstance(value, str) and bool(value.encode().strip())
    except UnicodeEncodeError:  # a half of a character
        return False


def _is_positive(value):
    """Whether a value is a number above 0 that a float can be, or its text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 < value <= sys.float_info.max
