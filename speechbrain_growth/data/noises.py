"""Checks a list of noises before training begins.

Authors
 * The speechbrain_growth authors 2026
"""

import csv
import math
import os

from speechbrain_growth.data.annotations import listed
from speechbrain_growth.data.audio import examine
from speechbrain_growth.errors import GrowthError

COLUMNS = ("ID", "duration", "wav", "wav_format", "wav_opts")
FORMATS = ("wav", "flac")


def check_noise(path: str, sample_rate: int) -> None:
    """Reads a CSV of noises and raises if adding one of them would fail.

    SpeechBrain unpickles files with the format ``pkl``, which may run any code;
    they are refused.

    Arguments
    ---------
    path : str
        Columns ``ID``, ``duration``, ``wav``, ``wav_format`` and ``wav_opts``.
    sample_rate : int
        Sample rate that the noises must have, on one channel.

    Raises
    ------
    GrowthError
        Naming every mistake, or the first twenty.

    Example
    -------
    >>> path = getfixture("tmpdir") / "noise.csv"
    >>> _ = path.write(
    ...     "ID,duration,wav,wav_format,wav_opts\\na,1,a.pkl,pkl,\\n"
    ... )
    >>> check_noise(str(path), 16000)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: ...noise.csv: a: wav_format is 'pkl'; ...
    """
    try:
        with open(path, encoding="utf-8", newline="") as fin:
            reader = csv.DictReader(fin, skipinitialspace=True)
            rows, fields = list(reader), reader.fieldnames or []
    except OSError as error:
        raise GrowthError(
            f"noise_annotation: {path}: {error.strerror}; it must be a CSV of "
            "noises, or left out"
        )
    except (UnicodeDecodeError, csv.Error) as error:
        raise GrowthError(f"noise_annotation: {path}: this is no CSV: {error}")
    missing = [name for name in COLUMNS if name not in fields]
    if missing or not rows:
        raise GrowthError(
            f"noise_annotation: {path}: there is no "
            f"{', '.join(missing) or 'noise'}; it must have the columns "
            f"{', '.join(COLUMNS)} and one noise at least"
        )
    problems, seen = [], set()
    for row in rows:
        if row["ID"] in seen:
            problems.append(f"{row['ID']}: has two rows; leave one out")
        seen.add(row["ID"])
        if row["wav_format"] not in FORMATS:
            problems.append(
                f"{row['ID']}: wav_format is {row['wav_format']!r}; "
                f"use {' or '.join(FORMATS)}"
            )
        if not _positive(row["duration"]):
            problems.append(
                f"{row['ID']}: duration is {row['duration']!r}; it must be a "
                "number above 0"
            )
        if not os.path.isfile(row["wav"] or ""):
            problems.append(f"{row['ID']}: there is no file {row['wav']!r}")
            continue
        words, _ = examine(row["wav"], sample_rate)
        problems += [f"{row['ID']}: {row['wav']!r}; {word}" for word in words]
    if problems:
        raise GrowthError(listed(path, problems))


def _positive(text):
    """Whether a text is a number above 0."""
    try:
        return 0 < float(text) < math.inf
    except (TypeError, ValueError):
        return False
