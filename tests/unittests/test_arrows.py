"""Tests that imports point one way, and that files and folders stay small.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import io
import sys
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "speechbrain_growth"
# A room imports itself and rooms of the lines above it, none of its own line
ORDER = [
    {"errors"},
    {"files"},
    {"engine"},
    {"schedule", "blueprint", "data", "nnet", "measure", "resume"},
    {"launch"},
    {"training"},
    {"export"},
    {"experiments", "continual", "commands"},
    {"__main__"},
]
MOST_LINES, MOST_FILES = 150, 12


def files_of(package):
    """Every file of a package by its dotted name, without the package's"""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(p for p in parts if p != "__init__")] = path
    del found[""]  # the face, which imports lazily
    return found


def imports_of(path, package, files):
    """Names of the files of the package that a file imports"""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            # The package alone is the face, which imports nothing by itself
            names = [a.name for a in node.names if a.name != package]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n if _inside(n) in files else node.module for n in names]
        found |= {n for n in names if n.split(".")[0] == package}
    return set(map(_inside, found))


def _inside(name):
    """A dotted name without the package's"""
    return name.partition(".")[2]


def arrows_of(package):
    """For every file of a package the files that it imports"""
    files = files_of(package)
    return {
        name: imports_of(path, package.name, files)
        for name, path in files.items()
    }


def level(name):
    """How far up a file stands"""
    room = name.split(".")[0]
    return next(i for i, rooms in enumerate(ORDER) if room in rooms)


def points_up(name, imported):
    """Whether an import goes to a room that is not below"""
    same_room = name.split(".")[0] == imported.split(".")[0]
    return not same_room and level(imported) >= level(name)


def wrong_arrows(arrows):
    """Imports that point up or beside"""
    return {
        f"{name} -> {imported}"
        for name, ways in arrows.items()
        for imported in ways
        if imported == "" or points_up(name, imported)
    }


def circle_in(arrows):
    """The names of a circle of imports; none if there is no circle"""
    done, path = set(), []

    def visit(name):
        """Follows every arrow"""
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        path.append(name)
        for imported in sorted(arrows.get(name, ())):
            circle = visit(imported)
            if circle:
                return circle
        done.add(path.pop())
        return []

    return next(filter(None, map(visit, arrows)), [])


def lines_of_code(path):
    """Lines that are neither blank, nor a comment, nor a docstring"""
    text, lines = path.read_text(encoding="utf-8"), set()
    skipped = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


ARROWS = arrows_of(PACKAGE)
FILES = files_of(PACKAGE)


def test_the_engine_imports_errors_and_nothing_else_of_ours():
    engine = {n: ways for n, ways in ARROWS.items() if n.startswith("engine")}
    assert len(engine) > 20 and any(engine.values())
    rooms = {i.split(".")[0] for ways in engine.values() for i in ways}
    assert rooms == {"engine", "errors"}


def outside(room):
    """Names of the packages, not ours, that the files of a room import"""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for name, path in FILES.items()
        if name.split(".")[0] == room
    ]
    names = {
        name.split(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    return names - {PACKAGE.name} - set(sys.stdlib_module_names)


def test_the_engine_could_be_a_part_of_speechbrain_as_it_is():
    assert outside("engine") == {"torch", "speechbrain"}


def test_the_schedule_sees_numbers_and_no_tensors():
    assert "torch" not in outside("schedule")


def test_imports_point_down():
    assert wrong_arrows(ARROWS) == set()


def test_no_imports_run_in_a_circle():
    assert circle_in(ARROWS) == []


@pytest.mark.parametrize(
    "folder",
    [p for p in [PACKAGE, *PACKAGE.rglob("*")] if p.is_dir()],
    ids=lambda folder: folder.name,
)
def test_a_folder_has_twelve_files_at_most(folder):
    files = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
    assert len(files) <= MOST_FILES


def test_a_file_has_150_lines_of_code_at_most():
    lines = {name: lines_of_code(path) for name, path in FILES.items()}
    large = {n: count for n, count in lines.items() if count > MOST_LINES}
    assert large == {}


# The tests above, on a package that breaks every rule


def test_what_is_wrong_is_found(tmp_path):
    package = tmp_path / "grown"
    texts = {
        "errors": "import os\n",
        "engine/rules": "from grown.schedule.growth import parse\n",
        "engine/one": "from grown.engine import two\n",
        "engine/two": "def later():\n    import grown.engine.one\n",
        "schedule/growth": "from grown import errors, trace\n",
        "nnet/gated": "from grown.schedule import growth\n",
    }
    for name, text in texts.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""A docstring."""\n\n# a comment\n{text}')
    (package / "__init__.py").touch()
    arrows = arrows_of(package)
    assert wrong_arrows(arrows) == {
        "engine.rules -> schedule.growth",
        "schedule.growth -> ",  # the face
        "nnet.gated -> schedule.growth",
    }
    assert sorted(circle_in(arrows)) == ["engine.one", "engine.two"]
    assert lines_of_code(package / "engine" / "two.py") == 2
