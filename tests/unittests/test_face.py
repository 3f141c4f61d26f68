"""Tests for the public face: what YAMLs, recipes and users name

Authors
 * The speechbrain_growth authors 2026
"""

import pathlib
import pydoc
import re

import pytest

import speechbrain_growth

ROOT = pathlib.Path(__file__).parents[2]
NAMES = re.compile(r"!(?:new|name|apply):(speechbrain_growth[\w.]*)")
YAMLS = sorted(
    path
    for folder in ("recipes", "hparams")
    for path in (ROOT / folder).rglob("*.yaml")
    if "results" not in path.parts and "data" not in path.parts
)


@pytest.mark.parametrize("name", speechbrain_growth.__all__)
def test_every_name_is_found_as_hyperpyyaml_finds_it(name):
    found = pydoc.locate(f"speechbrain_growth.{name}")
    assert found is not None and found is getattr(speechbrain_growth, name)
    assert not name[0].isupper() or getattr(found, "__module__", "x")


def test_what_is_not_there_is_no_attribute():
    assert not hasattr(speechbrain_growth, "carri")
    assert set(speechbrain_growth.__all__) <= set(dir(speechbrain_growth))


@pytest.mark.parametrize("path", YAMLS, ids=lambda p: str(p.relative_to(ROOT)))
def test_yamls_name_the_face(path):
    named = NAMES.findall(path.read_text(encoding="utf-8"))
    faces = {f"speechbrain_growth.{n}" for n in speechbrain_growth.__all__}
    assert set(named) <= faces


def test_recipes_import_from_the_face():
    for path in (ROOT / "recipes").rglob("*.py"):
        if "results" not in path.parts and "data" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert "from speechbrain_growth." not in text, path
