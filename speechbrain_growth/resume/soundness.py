"""Knows which folders of checkpoints are undamaged.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import yaml

from speechbrain.utils.checkpoints import METAFNAME
from speechbrain.utils.logger import get_logger
from speechbrain_growth.resume.checksums import damage

logger = get_logger(__name__)
SEALED = "sealed"  # in the metadata of a checkpoint that must have checksums


class Soundness:
    """Checks folders of checkpoints, each once, and again if a file changes.

    Example
    -------
    >>> soundness = Soundness()
    >>> folder = getfixture("tmpdir")
    >>> soundness.of(folder)
    False
    >>> soundness.damaged[folder]
    ['CKPT.yaml is not what was written']
    """

    def __init__(self):
        self.damaged = {}  # folder: what is wrong with it
        self._checked = {}  # folder: its files when it was checked

    def of(self, path):
        """Whether a checkpoint is undamaged; logs what is wrong with it.

        Arguments
        ---------
        path : pathlib.Path
            Its folder. One that does not exist is no checkpoint.

        Returns
        -------
        bool
        """
        found = _look(path)
        if found is None:  # deleted by another process
            return False
        if self._checked.get(path) != found:
            self._checked[path] = found
            self.damaged.pop(path, None)
            problems = _problems(path)
            if problems:
                self.damaged[path] = problems
                logger.warning(f"{path} is skipped: {', '.join(problems)}")
        return path not in self.damaged

    def newer_than(self, path):
        """Whether a damaged checkpoint is newer than another.

        Arguments
        ---------
        path : pathlib.Path
            The folder of the other.

        Returns
        -------
        bool
        """
        return any(saved_at(one) > saved_at(path) for one in self.damaged)

    def trust(self, path):
        """Takes note of a checkpoint that was just written.

        Arguments
        ---------
        path : pathlib.Path
            Its folder.
        """
        self._checked[path] = _look(path)
        self.damaged.pop(path, None)


def saved_at(path):
    """When a checkpoint was saved, by its own metadata.

    Arguments
    ---------
    path : pathlib.Path
        Its folder.

    Returns
    -------
    float
        Zero if its metadata is damaged.
    """
    return float(_metadata(path).get("unixtime", 0))


def _problems(path):
    """What is wrong with a checkpoint."""
    notes = _metadata(path)
    problems = damage(path, must=notes.get(SEALED) is True)
    if not problems and not notes:
        problems = [f"{METAFNAME} is not what was written"]
    return problems


def _metadata(path):
    """The metadata of a checkpoint; empty if they are damaged."""
    try:
        with open(path / METAFNAME, encoding="utf-8") as fin:
            notes = yaml.safe_load(fin)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(notes, dict) or "end-of-epoch" not in notes:
        return {}
    return notes if isinstance(notes.get("unixtime"), (int, float)) else {}


def _look(path):
    """Names, sizes and times of a folder's files, which show a change."""
    try:
        with os.scandir(path) as entries:
            return sorted(_facts(entry) for entry in entries)
    except FileNotFoundError:
        return None


def _facts(entry):
    """The same of one file; of a link that leads nowhere, of the link."""
    try:
        about = entry.stat()
    except OSError:
        about = entry.stat(follow_symlinks=False)
    return entry.name, about.st_size, about.st_mtime_ns
