"""A YAML on top of another one is that one with overrides.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import random

import pytest
from hyperpyyaml.core import recursive_update

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.merging import merge
from speechbrain_growth.blueprint.wording import wrong_mappings
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import open_blueprint

BASE = """
width: 4
depth: 1
folder: !ref results/<width>
net: !new:torch.nn.Linear [3, !ref <width>]
modules: {net: !ref <net>}
"""


def random_tree(draw, depth=3):
    """Mappings, lists and numbers within each other"""
    kind = draw.choice("mln") if depth else "n"
    if kind == "m":
        keys = draw.sample("abcd", draw.randint(0, 3))
        return {key: random_tree(draw, depth - 1) for key in keys}
    if kind == "l":
        return [random_tree(draw, depth - 1) for _ in range(2)]
    return draw.randint(0, 9)


@pytest.mark.parametrize("seed", range(50))
def test_without_tags_it_merges_as_hyperpyyaml_does(seed):
    draw = random.Random(seed)
    tree = {key: random_tree(draw) for key in "abcd"}
    changes = {key: random_tree(draw) for key in "abcd"}
    stock = copy.deepcopy(tree)
    try:
        recursive_update(stock, changes)
    except TypeError:
        stock = None  # a mapping where there was none
    assert bool(wrong_mappings(changes, tree)) == (stock is None)
    if stock is not None:
        assert merge(tree, changes) == stock


def test_an_object_is_not_replaced_by_its_arguments(write):
    path = write("grow.yaml", BASE + "acts:\n  relu: !name:torch.nn.ReLU\n")
    message = r"acts\[relu\] is {'inplace': True}; the YAML has no mapping"
    with pytest.raises(GrowthError, match=message):
        open_blueprint(path, "acts: {relu: {inplace: True}}")


@pytest.fixture
def write(tmp_path):
    """Writes a YAML and returns its path"""

    def written(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    written("grow.yaml", BASE)
    return written


CHANGES = [
    ("base: grow.yaml\nwidth: 8\n", None, {"width": 8}),
    ("base: grow.yaml\nwidth: 8\n", "width: 9", {"width": 9}),
    ("base: grow.yaml\n", {"depth": 2}, {"depth": 2}),
    ("width: 8\nfolder: !ref runs/<depth>\nbase: grow.yaml\n", "", None),
]


@pytest.mark.parametrize("text, overrides, same", CHANGES)
def test_it_is_the_base_with_overrides(write, text, overrides, same):
    if same is None:
        same = {"width": 8, "folder": "runs/1"}
    based = open_blueprint(write("own.yaml", text), overrides)
    plain = Blueprint(write("grow.yaml", BASE), same)
    assert based.path == plain.path
    assert based.sizes == plain.sizes
    for key in ("width", "depth", "folder"):
        assert based.value(key) == plain.value(key)
    assert str(based.modules()) == str(plain.modules())


def test_the_nearest_file_has_the_last_word(write):
    write("wide.yaml", "base: grow.yaml\nwidth: 8\ndepth: 2\n")
    path = write("below/wider.yaml", "base: ../wide.yaml\nwidth: 16\n")
    based = open_blueprint(path)
    assert (based.value("width"), based.value("depth")) == (16, 2)


def test_each_file_changes_what_it_names_in_a_mapping(write):
    write("grow.yaml", BASE + "opts: {a: 1, b: 1, c: 1}\n")
    write("wide.yaml", "base: grow.yaml\nopts: {a: 2, b: 2}\n")
    path = write("wider.yaml", "base: wide.yaml\nopts: {b: 3}\n")
    blueprint = open_blueprint(path, "opts: {d: 4}")
    opts = {"a": 2, "b": 3, "c": 1, "d": 4}
    assert dict(blueprint.value("opts")) == opts
    assert blueprint.load()["opts"] == opts


NEW = [
    "patience: 3\n",  # no key is spelt like it
    "width2: 3\nnet: !new:torch.nn.Linear [3, !ref <width2>]\n",
    "depths: {a: 1}\nfolder: !ref results/<depths[a]>/<width>\n",
]


@pytest.mark.parametrize("text", NEW)
def test_a_file_may_add_keys(write, text):
    path = write("own.yaml", f"base: grow.yaml\n{text}")
    key = text.split(":")[0]
    value = open_blueprint(path).value(key)
    assert value in (3, {"a": 1})
    assert open_blueprint(path, {key: value}).value(key) == value
    message = f"no key '{key}z'; did you mean {key}"
    with pytest.raises(GrowthError, match=message):
        open_blueprint(path, {f"{key}z": 4})


def test_a_new_key_is_as_much_a_size_as_another(write):
    path = write("own.yaml", f"base: grow.yaml\n{NEW[1]}")
    assert open_blueprint(path).sizes == {"width2": 3}


@pytest.mark.parametrize(
    "text, message",
    [
        ("base: own.yaml\n", "leads back here"),
        ("base: gone.yaml\n", "gone.yaml: No such file"),
        ("base: grow.yaml\nwidht: 8\n", "widht"),
        ("base: [grow.yaml\n", "own.yaml"),
    ],
)
def test_a_mistake_is_named(write, text, message):
    with pytest.raises(GrowthError, match=message):
        open_blueprint(write("own.yaml", text))


def test_a_circle_is_refused(write):
    write("first.yaml", "base: own.yaml\n")
    with pytest.raises(GrowthError, match="leads back here"):
        open_blueprint(write("own.yaml", "base: first.yaml\n"))
