"""Tests for what the rehearsal does before it runs SpeechBrain's own tests.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import csv
import io
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "rehearsal"))

import laying  # noqa: E402
from laying import homes_of, lay, package, recipes, with_helpers  # noqa: E402
from pulls import PULLS, rooms_of  # noqa: E402
from rewriting import (  # noqa: E402
    face_of,
    inlined,
    merged,
    needs_of,
    renamed,
    siblings_of,
)
from sizes import table_of_sizes  # noqa: E402
from upstream_checks import FAILED, SUMMARY, Outcome, table, wall  # noqa: E402

FACE = (ROOT / "speechbrain_growth" / "__init__.py").read_text("utf-8")
HERE, HOME = "speechbrain/nnet/growth", "speechbrain.nnet.growth"
UP_TO = range(1, len(PULLS) + 1)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import speechbrain_growth", "import speechbrain.nnet.growth"),
        (
            "from speechbrain_growth.engine import probe",
            "from speechbrain.nnet.growth.engine import probe",
        ),
        (
            "log: !new:speechbrain_growth.RunLogger",
            "log: !new:speechbrain.nnet.growth.RunLogger",
        ),
        (
            "[file](../speechbrain_growth/nnet/ligru.py)",
            "[file](../speechbrain/nnet/growth/nnet/ligru.py)",
        ),
        (
            "python -m speechbrain_growth plan a.yaml",
            "python -m speechbrain.nnet.growth plan a.yaml",
        ),
        (
            r"r'speechbrain_growth(?:\.\w+){2,}'",
            r"r'speechbrain.nnet.growth(?:\.\w+){2,}'",
        ),
        (
            " * The speechbrain_growth authors 2026",
            " * The speechbrain_growth authors 2026",
        ),
        ("my_speechbrain_growths", "my_speechbrain_growths"),
        (
            "from speechbrain.nnet import CNN",
            "from speechbrain.nnet import CNN",
        ),
    ],
)
def test_the_new_name_stands_where_the_old_one_did(text, expected):
    assert renamed(text) == expected == renamed(expected)


def imports_of(text):
    """Modules that a text imports, and names that it imports from them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("number", UP_TO)
def test_a_pull_request_needs_no_later_one(number):
    texts = package(ROOT, rooms_of(PULLS[:number]))
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in texts
        if path.endswith(".py")
    }
    face = homes_of(texts[f"{HERE}/__init__.py"])
    known = modules | {f"{HOME}.{name}" for name in face}
    lacking = {
        (path, module, name)
        for path, text in texts.items()
        if path.endswith(".py")
        for module, name in imports_of(text)
        if module.startswith(HOME)
        if module not in modules
        or (module == HOME and name and f"{HOME}.{name}" not in known)
    }
    assert not lacking and len(modules) > 50
    assert {f"{HOME}.{home}" for home in face.values()} <= modules


def test_all_pull_requests_have_what_the_recipe_names():
    [pull] = [pull for pull in PULLS if pull.recipes]
    face = homes_of(face_of(FACE, rooms_of(PULLS)))
    texts = recipes(ROOT, ROOT / "nowhere", [pull])
    train = texts["recipes/TIMIT/ASR/growing_CTC/train.py"]
    named = {n for m, n in imports_of(train) if m == "speechbrain.nnet.growth"}
    for path, text in texts.items():
        if path.endswith(".yaml"):
            named |= set(re.findall(r":speechbrain\.nnet\.growth\.(\w+)", text))
    assert len(named) > 15 and named <= set(face)


def test_the_face_keeps_the_names_of_its_rooms():
    homes = homes_of(FACE)
    kept = homes_of(face_of(FACE, ("errors", "schedule")))
    assert kept == {
        name: home
        for name, home in homes.items()
        if home.split(".")[0] in ("errors", "schedule")
    }
    assert 0 < len(kept) < len(homes)
    assert homes_of(
        face_of(FACE, {h.split(".")[0] for h in homes.values()})
    ) == (homes)


def test_a_list_that_is_included_stands_in_the_yaml():
    text = "lr: 1\ngrowth: !include:../a.yaml\nb: 2\n"
    files = {
        "../a.yaml": "# Use it often\n- after_epoch: 1\n  n: 2\n\n- b: 3\n"
    }
    found = inlined(text, files.get)
    assert yaml.safe_load(found) == {
        "lr": 1,
        "growth": [{"after_epoch": 1, "n": 2}, {"b": 3}],
        "b": 2,
    }
    assert inlined("a: 1\n", None) == "a: 1\n"


def test_the_recipe_includes_no_yaml_that_speechbrain_lacks():
    [pull] = [pull for pull in PULLS if pull.recipes]
    texts = recipes(ROOT, ROOT / "nowhere", [pull])
    name = "recipes/TIMIT/ASR/growing_CTC/hparams/grow_timit.yaml"
    assert "!include" not in texts[name]
    block = re.search(r"^growth:\n((?:    .*\n|\n)+)", texts[name], re.M)[1]
    [path] = re.findall(r"growth: !include:(\S+)", (ROOT / name).read_text())
    shared = (ROOT / name).parent / path
    assert yaml.safe_load(textwrap.dedent(block)) == yaml.safe_load(
        shared.read_text("utf-8")
    )


THEIRS = 'Task,Hparam_file,flags\nASR,recipes/T/CTC/a.yaml,"--a=1, b"\n'
OURS = (
    "Task,Hparam_file,flags\n"
    'ASR,recipes/T/new/b.yaml,"--a=[1, 2]"\n'
    "ASR,recipes/T/newer/c.yaml,--c\n"
)


def test_our_rows_stand_below_theirs():
    found = merged(THEIRS, OURS, "recipes/T/new")
    assert found.startswith(THEIRS)
    rows = list(csv.reader(io.StringIO(found)))
    assert rows[2:] == [["ASR", "recipes/T/new/b.yaml", "--a=[1, 2]"]]
    assert merged(found, OURS, "recipes/T/new") == found
    with pytest.raises(ValueError, match="columns are"):
        merged(THEIRS.replace("flags", "more"), OURS, "recipes/T/new")


@pytest.mark.parametrize(
    "text, rooms",
    [
        ("from speechbrain_growth import carry", {"engine"}),
        (
            "from speechbrain_growth import (\n    carry,\n    MLP as M,\n)",
            None,
        ),
        ("from speechbrain_growth.schedule.growth import x", {"schedule"}),
        ("from speechbrain_growth import schedule", {"schedule"}),
        ("import speechbrain_growth\nspeechbrain_growth.MLP", {"nnet"}),
        ("import speechbrain_growth.data.audio as a", {"data"}),
        ("run(['-m', 'speechbrain_growth.__main__'])", {"__main__"}),
        ("from speechbrain.nnet import CNN", set()),
    ],
)
def test_rooms_that_a_test_needs(text, rooms):
    homes = {"carry": "engine.carrying", "MLP": "nnet.mlp"}
    assert needs_of(text, homes) == (
        {"engine", "nnet"} if rooms is None else rooms
    )


def test_helpers_of_a_test_go_with_it():
    files = {
        "test_a": "import torch\nfrom one import x\n",
        "one": "import two\n",
        "two": "",
        "three": "",
    }
    assert siblings_of(files["test_a"], files) == {"one"}
    assert with_helpers("test_a", files) == ["one", "test_a", "two"]


def toy(folder):
    """A checkout with what ours meets there."""
    texts = {
        "tests/recipes/TIMIT.csv": (ROOT / "tests/recipes/TIMIT.csv")
        .read_text("utf-8")
        .split("\n")[0]
        + "\n",
        "recipes/TIMIT/timit_prepare.py": "# theirs\n",
        "speechbrain/nnet/__init__.py": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return texts


def content(folder):
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_nothing_of_theirs_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(laying, "sort_imports", lambda *_: None)  # needs ruff
    theirs = toy(tmp_path)
    laid = lay(ROOT, tmp_path, PULLS)
    recipe = tmp_path / "recipes/TIMIT/ASR/growing_CTC"
    assert (
        tmp_path / "recipes/TIMIT/timit_prepare.py"
    ).read_text() == "# theirs\n"
    # Theirs is another one, so that ours stands in the recipe
    assert not (recipe / "timit_prepare.py").is_symlink()
    assert "CorpusError" in (recipe / "timit_prepare.py").read_text("utf-8")
    assert (recipe / "mini_timit.py").resolve() == (
        tmp_path.resolve() / "recipes/TIMIT/mini_timit.py"
    )
    assert not (recipe / "runs").exists()
    rows = (tmp_path / "tests/recipes/TIMIT.csv").read_text().splitlines()
    assert len(rows) == 4 and all("growing_CTC" in row for row in rows[1:])
    assert (tmp_path / "speechbrain/nnet/growth/nnet/recurrence.c").is_file()
    assert set(content(tmp_path)) == {*theirs, *laid.files}
    before = content(tmp_path)
    with pytest.raises(SystemExit, match="already; nothing was changed"):
        lay(ROOT, tmp_path, PULLS[:1])
    assert content(tmp_path) == before


def test_tests_are_laid_with_the_rooms_that_they_need(tmp_path, monkeypatch):
    monkeypatch.setattr(laying, "sort_imports", lambda *_: None)
    toy(tmp_path)
    laid = lay(ROOT, tmp_path, PULLS[:1])
    tests = "tests/unittests/growth_engine/"
    assert f"{tests}test_widths.py" in laid.files
    assert f"{tests}test_layers.py" not in laid.files
    assert laid.left_out["engine/test_layers.py"] >= {"nnet"}
    assert not [name for name in laid.files if name.startswith("recipes")]


def test_the_old_package_is_behind_a_wall(tmp_path):
    target, folder = tmp_path / "a b", tmp_path / "wall"
    (target / "speechbrain").mkdir(parents=True)
    (target / "speechbrain/__init__.py").write_text("HERE = True\n")
    folder.mkdir()
    path = wall(folder, target)

    def said(code):
        """What Python says where a recipe's test has set its PYTHONPATH."""
        done = subprocess.run(
            ["python", "-c", code],
            cwd=target,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    assert said("import speechbrain; print(speechbrain.HERE)") == "True\n"
    assert "is the old name" in said("import speechbrain_growth")


OUTPUT = """\
..F.                                       [100%]
=========================== short test summary info ============================
FAILED tests/a.py::test_x[1, or 2] - TypeError: no - none
ERROR tests/b.py
=================== 1 failed, 3 passed, 1 error in 2.06s ====================
"""


def test_what_pytest_says_is_read():
    assert FAILED.findall(OUTPUT) == [
        "tests/a.py::test_x[1, or 2]",
        "tests/b.py",
    ]
    assert SUMMARY.findall(OUTPUT) == ["1 failed, 3 passed, 1 error"]
    assert SUMMARY.findall("5 passed in 0.1s\n") == ["5 passed"]


@pytest.mark.parametrize(
    "before, after, worse",
    [
        (None, Outcome("", True), True),
        (None, Outcome("", False), False),
        (Outcome("", False), Outcome("", True, ("a",)), True),
        (Outcome("", True, ("a",)), Outcome("", True, ("a",)), False),
        (Outcome("", True, ("a",)), Outcome("", True, ("a", "b")), True),
        (Outcome("", True, ("a", "b")), Outcome("", True, ("b",)), False),
    ],
)
def test_what_failed_before_is_not_ours(before, after, worse):
    assert after.is_worse(before) is worse


def test_the_tables_have_a_row_for_each():
    found = table({"a": Outcome("1", True)}, {"a": Outcome("2", False)})
    assert found.splitlines()[2:] == ["| a | 1 | 2 |"]
    rows = table_of_sizes(ROOT).splitlines()
    assert [row.split(".")[0] for row in rows[2:]] == [f"| {n}" for n in UP_TO]
