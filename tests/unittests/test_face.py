"""Tests for the public face: what YAMLs, recipes and users name

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
import pathlib
import pydoc
import re
import typing

import pytest
from pages import text_of

import speechbrain_growth

ROOT = pathlib.Path(__file__).parents[2]
FACE = set(speechbrain_growth.__all__)
IN_YAML = re.compile(r"!(?:new|name|apply):speechbrain_growth([\w.]*)")
IMPORTED = re.compile(
    r"from (speechbrain_growth[\w.]*) import (\([^)]*\)|[^\n#]*)"
)
DOTTED = re.compile(r"speechbrain_growth((?:\.[A-Za-z_]\w*)+)")


def written(*patterns):
    """Files that people wrote, not a run."""
    return [
        path
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
        if not {"results", "data"} & set(path.relative_to(ROOT).parts)
    ]


def name_of(path):
    """A path as people write it."""
    return str(path.relative_to(ROOT))


def strangers(text):
    """What a page or a script names that is not in the face."""
    found = [dotted[1:] for dotted in DOTTED.findall(text)]
    for module, names in IMPORTED.findall(text):
        if module == "speechbrain_growth":
            found += re.findall(r"\w+", re.sub(r" as \w+", "", names))
    # rules are registered by the function that dispatches on the type
    return [n for n in found if n.removesuffix(".register") not in FACE]


YAMLS = written("recipes/**/*.yaml", "hparams/**/*.yaml")
# The list of changes also names modules as they were
PAGES = [
    page
    for page in written("*.md", "docs/*.md", "docs/*.ipynb")
    if page.name != "CHANGELOG.md"
]
SCRIPTS = written("recipes/**/*.py", "recipes/**/*.md")


@pytest.mark.parametrize("name", speechbrain_growth.__all__)
def test_every_name_is_found_as_hyperpyyaml_finds_it(name):
    found = pydoc.locate(f"speechbrain_growth.{name}")
    assert found is not None and found is getattr(speechbrain_growth, name)


def test_what_is_not_there_is_no_attribute():
    assert not hasattr(speechbrain_growth, "carri")
    assert FACE <= set(dir(speechbrain_growth))


@pytest.mark.parametrize(
    "text, names",
    [
        ("from speechbrain_growth import carry, trace", []),
        ("from speechbrain_growth import (\n    carry,\n    x as y,\n)", ["x"]),
        ("from speechbrain_growth import carry  # and more", []),
        ("from speechbrain_growth.engine import carrying", ["engine"]),
        ("see speechbrain_growth.nnet.ligru", ["nnet.ligru"]),
        ("speechbrain_growth.LiGRU, speechbrain_growth/nnet/ligru.py", []),
        ("python -m speechbrain_growth plan.", []),
    ],
)
def test_names_behind_the_face_are_found(text, names):
    assert strangers(text) == names


@pytest.mark.parametrize("path", YAMLS, ids=name_of)
def test_yamls_name_the_face(path):
    named = IN_YAML.findall(path.read_text(encoding="utf-8"))
    assert {name[1:] for name in named} <= FACE


@pytest.mark.parametrize("path", PAGES + SCRIPTS, ids=name_of)
def test_recipes_and_pages_name_the_face(path):
    assert not strangers(text_of(path))


def functions():
    """Every function, constructor and public method of the face."""
    for name in speechbrain_growth.__all__:
        found = getattr(speechbrain_growth, name)
        if inspect.isroutine(found):
            yield name, found
        elif inspect.isclass(found):
            for key, member in vars(found).items():
                method = plain_function(member)
                public = key == "__init__" or not key.startswith("_")
                if public and inspect.isfunction(method):
                    yield f"{name}.{key}", method


def plain_function(member):
    """The function behind a static method or a property."""
    for attribute in ("__func__", "fget", "func"):
        member = getattr(member, attribute, member)
    return member


def without_hints(function):
    """The arguments of a function, and its return, that have no type hint."""
    hints = typing.get_type_hints(function)  # raises if a type is not found
    taken = inspect.signature(function).parameters.values()
    names = [
        p.name for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    return [n for n in [*names, "return"] if n not in {*hints, "self"}]


@pytest.mark.parametrize(
    "function", [pytest.param(f, id=n) for n, f in functions()]
)
def test_the_face_has_type_hints(function):
    assert not without_hints(function)


def test_an_argument_without_a_hint_is_found():
    def half(self, hinted: int, bare, *args, named=None, **kwargs): ...

    assert without_hints(half) == ["bare", "named", "return"]


def test_the_package_says_that_it_has_type_hints():
    assert (ROOT / "speechbrain_growth" / "py.typed").is_file()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'speechbrain_growth = ["py.typed"]' in project
