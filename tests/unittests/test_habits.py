"""Habits of the repository: files, docstrings, shared YAMLs, commands, links.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import re
from pathlib import Path

import pytest
import yaml
from pages import text_of

from speechbrain_growth import GrowthSchedule, open_blueprint
from speechbrain_growth.experiments.grid import read_sweep

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("speechbrain_growth", "recipes", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "results" not in path.parts
]
# What SpeechBrain's checker reads: files with its name in their path
PACKAGE = [p for p in SOURCES if "speechbrain" in str(p.relative_to(ROOT))]
SHARED = sorted((ROOT / "hparams").rglob("*.yaml"))
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("docs/*.ipynb"),
    *ROOT.glob("recipes/*/*/*/README.md"),
    *ROOT.glob("tests/*/README.md"),
]
INCLUDE = re.compile(r"!include:([^\"'\s]+\.yaml)")


def name_of(path):
    """A path as people write it."""
    return str(path.relative_to(ROOT))


def shared(folder):
    """The shared YAMLs of one kind, as a parametrization."""
    found = [p for p in SHARED if p.is_relative_to(ROOT / "hparams" / folder)]
    assert found
    return pytest.mark.parametrize("path", found, ids=name_of)


@pytest.mark.parametrize("path", SHARED, ids=name_of)
def test_a_shared_file_says_when_to_use_it(path):
    first = path.read_text(encoding="utf-8").split("\n")[0]
    assert first.startswith("# Use it ")
    assert path.relative_to(ROOT / "hparams").parts[0] in (
        "schedules",
        "sweeps",
        "variants",
    )


@shared("schedules")
def test_a_schedule_can_be_read(path):
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert entries and GrowthSchedule(entries)


@shared("sweeps")
def test_a_sweep_names_files_that_exist(path):
    sweep = read_sweep(str(path))
    folder = Path(sweep.script).parent
    assert (folder / sweep.hparams).is_file()
    # As on the command line, from where the recipe's own YAMLs are
    for named in INCLUDE.findall(path.read_text(encoding="utf-8")):
        assert (folder / "hparams" / named).is_file(), named


@shared("variants")
def test_a_variant_changes_keys_of_a_recipe(path):
    blueprint = open_blueprint(str(path))
    assert Path(blueprint.path).is_relative_to(ROOT / "recipes")
    assert blueprint.overrides
    # What only compares networks that grow with others need not grow itself
    assert blueprint.value("growth") or "strategy" in blueprint.overrides


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is_and_by_whom(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    assert re.search(r"\n\nAuthors\n \* \S", ast.get_docstring(tree) or "")


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_everything_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and not node.name.startswith("__"):
            text = ast.get_docstring(node)
            assert text, node.name
            assert "..." not in text.split("\n")[0], node.name


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_no_text_looks_like_a_class_or_a_function(path):
    # SpeechBrain's checker reads lines, and wants a docstring below each
    text = path.read_text(encoding="utf-8")
    kinds = (ast.FunctionDef, ast.ClassDef)
    real = [n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, kinds)]
    lines = enumerate(text.splitlines(), start=1)
    shown = [n for n, line in lines if re.match(r"\s*(def|class) [^_]", line)]
    assert set(shown) <= set(real)


def test_no_file_is_large():
    pages = (ROOT / "docs").iterdir()
    runs = (ROOT / "recipes").rglob("runs/**/*.json*")
    for path in [*SOURCES, *pages, *runs]:
        assert path.stat().st_size < 500_000, path


@pytest.mark.parametrize("kind", ["main job", "tests"])
def test_the_readme_installs_what_it_runs(kind):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(rf"<!-- {kind} -->\s*```bash\n(.*?)```", text, re.S)[1]
    files = re.findall(r"-r (\S+)", command)
    assert "requirements.txt" in files
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    text = text_of(page)
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)  # no code
    for link, anchor in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", text):
        if link.startswith("http"):
            continue
        target = page.parent / link if link else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), anchor


def anchors(page):
    """The addresses of a page's headings, as GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)", text, re.M)
    plain = [re.sub(r"[^\w -]", "", heading.lower()) for heading in headings]
    return {"#" + heading.strip().replace(" ", "-") for heading in plain}


# The list of changes also names files as they were
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_commands_name_files_that_exist(page):
    text = text_of(page)
    for named in re.findall(
        r"(?<![\w/:.])(?:\.\./)*hparams/[\w/]+\.yaml", text
    ):
        # From the page's folder, from the repository's, or from a recipe's
        folders = [page.parent, ROOT, *ROOT.glob("recipes/*/*/*")]
        found = any((folder / named).is_file() for folder in folders)
        assert found or "NAME" in named, named
    for named in INCLUDE.findall(text):
        assert "NAME" in named or (page.parent / "hparams" / named).is_file()


def test_linters_are_of_one_version_everywhere():
    pinned = (ROOT / ".ci" / "requirements.txt").read_text(encoding="utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    found = {
        repo["repo"].split("/")[-1].removesuffix("-pre-commit"): repo["rev"]
        for repo in hooks["repos"]
    }
    expected = dict(re.findall(r"^(\w+)==(\S+)", pinned, re.M))
    assert {k: v.removeprefix("v") for k, v in found.items()} == expected


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{citation["version"]}"' in project
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {citation['version']} - " in changes
