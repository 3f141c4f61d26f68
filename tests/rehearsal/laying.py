"""Lays the files of pull requests into a SpeechBrain checkout.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from pulls import rooms_of
from rewriting import (
    NEW,
    OLD,
    face_of,
    inlined,
    merged,
    needs_of,
    renamed,
    siblings_of,
)

HERE = NEW.replace(".", "/")
TESTS = "tests/unittests"


class Laid(NamedTuple):
    """What was laid, and what was not."""

    files: list  # paths in the checkout
    left_out: dict  # a test -> the rooms that it lacks


def lay(root, target, pulls):
    """Writes files of the repository `root` into `target`; returns a `Laid`."""
    rooms = rooms_of(pulls)
    texts = {
        **package(root, rooms),
        **pages(root, pulls),
        **recipes(root, target, pulls),
    }
    tests, left_out = tests_of(root, rooms)
    texts.update(tests)
    # In place of a text, a path is where a link leads
    links = {
        path: text for path, text in texts.items() if isinstance(text, Path)
    }
    there = sorted(path for path in texts if os.path.lexists(target / path))
    if there:
        sys.exit(
            f"{target} has {', '.join(there)} already; nothing was changed"
        )
    for path in texts:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if path in links:
            (target / path).symlink_to(links[path])
        else:
            (target / path).write_text(texts[path], encoding="utf-8")
    folders = [f for pull in pulls for f in pull.recipes if (root / f).is_dir()]
    for folder in folders:
        add_rows(root, target, folder)
    sort_imports(target, [path for path in texts if path.endswith(".py")])
    return Laid(sorted(texts), left_out)


def package(root, rooms):
    """Texts of the package by their new paths."""
    face = (root / OLD / "__init__.py").read_text(encoding="utf-8")
    texts = {f"{HERE}/__init__.py": renamed(face_of(face, rooms))}
    for path in tracked(root, *[f"{OLD}/{room}*" for room in rooms]):
        inside = path.removeprefix(f"{OLD}/")
        if inside.split("/")[0].removesuffix(".py") in rooms:
            texts[f"{HERE}/{inside}"] = renamed(read(root / path))
    return texts


def pages(root, pulls):
    """Texts of the pages."""
    names = [f"docs/{name}.md" for pull in pulls for name in pull.docs]
    return {name: renamed(read(root / name)) for name in names}


def recipes(root, target, pulls):
    """Texts of the recipes; a `Path` is a link to one of the other files."""
    wanted, found = [r for pull in pulls for r in pull.recipes], {}
    for name in tracked(root, *wanted) if wanted else []:
        path = root / name
        if "/runs/" in name:  # what our runs logged
            continue
        link = os.path.relpath(path.resolve(), root)
        if path.is_symlink() and not os.path.lexists(target / link):
            found[name] = Path(os.readlink(path))
            continue
        found[name] = renamed(read(path))
        if name.endswith(".yaml"):
            folder = path.parent
            found[name] = inlined(
                found[name], lambda included, here=folder: read(here / included)
            )
    return found


def tests_of(root, rooms):
    """Texts of the unit tests that need nothing but the rooms, and the others."""
    homes = homes_of(read(root / OLD / "__init__.py"))
    texts = {f"{TESTS}/conftest.py": renamed(read(root / "tests/conftest.py"))}
    left_out = {}
    for room in rooms:
        folder = root / TESTS / room
        files = {path.stem: read(path) for path in sorted(folder.glob("*.py"))}
        for name in files:
            used = with_helpers(name, files)
            needs = set().union(*(needs_of(files[n], homes) for n in used))
            if not name.startswith("test_"):
                continue
            if not needs <= {*rooms, "HOMES"}:
                left_out[f"{room}/{name}.py"] = needs - set(rooms)
                continue
            for one in used:
                texts[f"{TESTS}/growth_{room}/{one}.py"] = renamed(files[one])
    return texts, left_out


def with_helpers(name, files):
    """A test and all files beside it that it imports, or that those import."""
    found, waiting = set(), {name}
    while waiting:
        found |= waiting
        waiting = (
            set().union(*(siblings_of(files[one], files) for one in waiting))
            - found
        )
    return sorted(found)


def homes_of(face):
    """The table of the public face, read without importing anything."""
    [table] = [
        node.value
        for node in ast.parse(face).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "HOMES"
    ]
    return ast.literal_eval(table)


def add_rows(root, target, folder):
    """Adds the rows of a recipe to SpeechBrain's table of its data set."""
    table = f"tests/recipes/{folder.split('/')[1]}.csv"
    text = merged(read(target / table), read(root / table), folder)
    (target / table).write_text(text, encoding="utf-8")


def sort_imports(target, paths):
    """Sorts the imports again, since the new name sorts otherwise, and formats."""
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "-q", "--fix", "--select", "I"], ["format", "-q"]):
        subprocess.run([*ruff, *words, *paths], cwd=target, check=True)


def tracked(root, *patterns):
    """The files of the repository that git knows."""
    shown = subprocess.run(
        ["git", "ls-files", "-z", *patterns],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in shown.stdout.split("\0") if name]


def read(path):
    """The text of a file."""
    return path.read_text(encoding="utf-8")
