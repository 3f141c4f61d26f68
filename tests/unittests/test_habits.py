"""SpeechBrain's habits, and what the READMEs promise.

SpeechBrain checks its recipes with its own `tests/consistency`; the checks here
are ours, so that a mistake shows without a checkout of SpeechBrain.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import csv
import re
from pathlib import Path

import pytest
import yaml

from speechbrain.utils.run_opts import RunOptions
from speechbrain_growth.experiments.grid import read_sweep

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    (table.stem, row)
    for table in sorted((ROOT / "tests" / "recipes").glob("*.csv"))
    for row in csv.DictReader(table.open(encoding="utf-8"))
]
YAMLS = [
    path
    for path in sorted(ROOT.glob("recipes/**/*.yaml"))
    if "results" not in path.parts
]
SOURCES = [
    path
    for folder in ("speechbrain_growth", "recipes", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "results" not in path.parts
]


def base_of(path):
    """The YAML that another one changes; None if it stands alone."""
    named = re.search(r"^base: (\S+)", path.read_text(encoding="utf-8"), re.M)
    return named and path.parent / named[1]


def name_of(path):
    """A path as people write it."""
    return str(path.relative_to(ROOT))


def test_every_yaml_is_a_recipe_that_is_listed():
    listed = {row["Hparam_file"] for _, row in ROWS}
    assert listed == {name_of(path) for path in YAMLS}


@pytest.mark.parametrize("dataset, row", ROWS)
def test_what_is_listed_exists(dataset, row):
    for field in ("Script_file", "Hparam_file", "Data_prep_file"):
        assert (ROOT / row[field]).is_file()
    assert (ROOT / row["Readme_file"]).is_file()
    assert dataset == row["Dataset"] == Path(row["Hparam_file"]).parts[1]
    assert (
        row["test_debug_flags"] and "file_exists=[" in row["test_debug_checks"]
    )


@pytest.mark.parametrize("dataset, row", ROWS)
def test_every_key_is_read(dataset, row):
    text = (ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
    script = (ROOT / row["Script_file"]).read_text(encoding="utf-8")
    keys = re.findall(r"^([A-Za-z]\w*):", text, re.MULTILINE)
    assert len(keys) == len(set(keys))
    if "base" in keys:  # the rest of the recipe stands there
        keys.remove("base")
        text = base_of(ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
        assert set(keys) <= set(re.findall(r"^(\w+):", text, re.MULTILINE))
    for key in set(keys) - set(RunOptions().as_dict()):
        referred = re.search(rf"<{key}[>\[]", text)
        # hparams[f"{part}_annotation"] reads three keys at once, and the Brain
        # reads its own options
        read = re.search(
            rf"hparams\.{key}\b|modules\.{key}\b|[\"']{key}[\"']", script
        )
        known = key.endswith("_annotation") or key in RunOptions().as_dict()
        assert referred or read or known, key


@pytest.mark.parametrize("path", YAMLS, ids=name_of)
def test_no_key_abbreviates_a_run_option(path):
    """SpeechBrain would take --optimizer for --optimizer_step_limit"""
    keys = set(re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), re.M))
    for option in RunOptions().as_dict():
        for key in keys - {option}:
            assert not option.startswith(key), (key, option)


@pytest.mark.parametrize(
    "path", [path for path in YAMLS if not base_of(path)], ids=name_of
)
def test_a_yaml_begins_with_its_seed(path):
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0].startswith("seed:") and lines[1].startswith("__set_seed:")
    keys = {line.split(":")[0] for line in lines}
    assert {"data_folder", "output_folder", "skip_prep"} <= keys


@pytest.mark.parametrize(
    "path", sorted((ROOT / "hparams").glob("*.yaml")), ids=name_of
)
def test_shared_files_are_schedules_or_sweeps(path):
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(entries, list):
        assert entries and all(isinstance(entry, dict) for entry in entries)
    else:
        sweep = read_sweep(str(path))
        folder = Path(sweep.script).parent
        assert (folder / sweep.hparams).is_file()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is_and_by_whom(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    assert re.search(r"\n\nAuthors\n \* \S", ast.get_docstring(tree) or "")


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.parts[len(ROOT.parts)] == "speechbrain_growth"],
    ids=name_of,
)
def test_everything_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and not node.name.startswith("__"):
            text = ast.get_docstring(node)
            assert text, node.name
            assert "..." not in text.split("\n")[0], node.name


def test_no_file_is_large():
    for path in SOURCES + YAMLS:
        assert path.stat().st_size < 500_000


@pytest.mark.parametrize("kind", ["main job", "tests"])
def test_the_readme_installs_what_it_runs(kind):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(rf"<!-- {kind} -->\s*```bash\n(.*?)```", text, re.S)[1]
    for file in re.findall(r"-r (\S+)", command):
        assert (ROOT / file).is_file()
    assert "requirements.txt" in command


def test_links_of_the_readmes_lead_somewhere():
    for readme in [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("recipes/**/README.md"),
    ]:
        text = readme.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            if not link.startswith("http"):
                assert (readme.parent / link).exists(), (readme, link)
