"""Tests that docs/literature.md knows what the code cites, and names real files

Authors
 * The speechbrain_growth authors 2026
"""

import re
from pathlib import Path

import pytest

from speechbrain_growth.engine.births.units import WAYS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/literature.md").read_text()
FOLDERS = dict(re.findall(r"(?:^|[ ,])([A-Z])(?: is)?\s+`(recipes/\S+)`", PAGE))
SYSTEMS = sorted((ROOT / "speechbrain_growth/continual/systems").glob("*.py"))


def paths(text):
    """The files that the commands of a text name, from a recipe's folder."""
    found = re.findall(r"(?:\$H|hparams)/[\w/.]+\.yaml", text)
    return [one.replace("$H", "../../../../hparams") for one in found]


def rows():
    """The folder of each row with a command, and its files."""
    folder = None
    for line in PAGE.splitlines():
        given = re.search(r"Commands are for\s+([A-Z])\.", line)
        folder = given[1] if given else folder
        folder = None if line.startswith("## ") else folder
        own = re.search(r"\| ([A-Z]): ", line)
        if line.startswith("|") and paths(line):
            yield pytest.param(own[1] if own else folder, paths(line))


def test_its_folders_are_recipes():
    assert sorted(FOLDERS) == ["A", "C", "M", "S", "T"]
    assert all((ROOT / one / "train.py").is_file() for one in FOLDERS.values())


@pytest.mark.parametrize("folder, files", rows())
def test_a_command_names_files_that_are_there(folder, files):
    for name in files:
        assert (ROOT / FOLDERS[folder] / name).is_file(), name


@pytest.mark.parametrize("name", [n for n, way in WAYS.items() if way.source])
def test_the_paper_of_a_beginning_is_there(name):
    assert WAYS[name].source in PAGE


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda p: p.stem)
def test_the_papers_of_a_system_are_there(path):
    cited = re.findall(r"arxiv\.org/abs/\d+\.\d+", path.read_text())
    assert all(one in PAGE for one in cited)
