"""Tests that a YAML file builds its modules at other sizes, and nothing else

Authors
 * The speechbrain_growth authors 2026
"""

import os
import random

import numpy as np
import pytest
import ruamel.yaml
import torch
import yaml
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import best_checkpoint, open_blueprint
from speechbrain_growth.schedule.schedule import GrowthSchedule

TEXT = """
seed: 17
__set_seed: !apply:torch.manual_seed [!ref <seed>]
output_folder: !ref results/<seed>
init_from: ""
number_of_epochs: 10
lr: 0.5
batch_size: 4
folder: !apply:os.mkdir ["{made}"]
log: !new:speechbrain.utils.train_logger.FileTrainLogger
    save_file: !ref <output_folder>/log.txt

inputs: 6
width: 4 # units of both layers
channels: [2, 3]
kernel: (3, 4)
dropout: 0.1
bias: True
growth: []

growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>

act: !name:torch.nn.LeakyReLU
conv: !new:torch.nn.Conv2d
    in_channels: 2
    out_channels: 3
    kernel_size: !ref <kernel>
norm: !new:torch.nn.LayerNorm
    normalized_shape: !ref <channels>
first: !new:torch.nn.Linear
    in_features: !ref <inputs>
    out_features: !ref <width>
    bias: !ref <bias>
net: !new:torch.nn.Sequential
    - !ref <first>
    - !new:torch.nn.Dropout
        p: !ref <dropout>
    - !new:torch.nn.Linear [!ref <width>, 2]
body: !ref <net>
unused: 99

modules:
    conv: !ref <conv>
    net: !ref <body>
    norm: !ref <norm>
"""
SIZES = {"inputs": 6, "width": 4, "channels": [2, 3]}
# here one size follows another, as an override of it would show
FOLLOWS = TEXT.replace("<width>", "<hidden>").replace(
    "channels:", "hidden: !ref <width>\nchannels:", 1
)


@pytest.fixture
def made(tmp_path):
    """A folder that the YAML makes if all of it is built"""
    return tmp_path / "made"


@pytest.fixture
def path(tmp_path, made):
    file = tmp_path / "hparams.yaml"
    file.write_text(TEXT.replace("{made}", str(made)))
    return file


def sizes_of(blueprint):
    """Its sizes, but for the tuple, which has tests of its own"""
    return {k: v for k, v in blueprint.sizes.items() if k != "kernel"}


def shapes(modules):
    """Shapes of all tensors"""
    return {k: tuple(v.shape) for k, v in modules.state_dict().items()}


def test_sizes_are_found_through_references(path):
    assert sizes_of(Blueprint(path)) == SIZES


def test_sizes_are_plain_numbers(path):
    def plain(size):
        numbers = size if type(size) is list else [size]
        return all(type(number) is int for number in numbers)

    path.write_text(path.read_text().replace("inputs: 6", "inputs: 0x6"))
    sizes = Blueprint(path, {"channels": [4, 5]}).sizes
    assert sizes["inputs"] == 6
    assert all(plain(size) for size in sizes.values())
    assert yaml.safe_load(yaml.safe_dump(sizes)) == sizes


def test_changing_the_sizes_leaves_the_blueprint_alone(path):
    blueprint = Blueprint(path)
    sizes = blueprint.sizes
    sizes["width"], sizes["channels"][0] = 99, 99
    assert sizes_of(blueprint) == SIZES
    assert blueprint.modules()["net"][0].out_features == 4


@pytest.mark.parametrize(
    "overrides", [{"inputs": 9}, "inputs: 9", "{inputs: 9}"]
)
def test_sizes_follow_overrides(path, overrides):
    assert sizes_of(Blueprint(path, overrides)) == {**SIZES, "inputs": 9}


def test_overrides_of_the_command_line_are_taken(path):
    arguments = [str(path), "--width=5", "--dropout=0.3"]
    file, _, overrides = sb.parse_arguments(arguments)
    blueprint = Blueprint(file, overrides)
    assert sizes_of(blueprint) == {**SIZES, "width": 5}
    assert blueprint.value("dropout") == 0.3
    assert blueprint.modules()["net"][1].p == 0.3


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"width": 7},
        {"channels": [4, 9]},
        {"kernel": [1, 2]},
        {"inputs": 3, "width": 8},
    ],
)
def test_it_builds_what_an_override_would(path, made, sizes):
    modules = Blueprint(path).modules(sizes)
    with open(path, encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin, {**sizes, "folder": None})
    stock = torch.nn.ModuleDict(hparams["modules"])
    assert shapes(modules) == shapes(stock)
    assert str(modules) == str(stock)
    assert list(modules) == ["conv", "net", "norm"]


def test_sizes_win_over_overrides(path):
    blueprint = Blueprint(path, {"inputs": 5, "width": 5})
    first = blueprint.modules({"width": 8})["net"][0]
    assert (first.in_features, first.out_features) == (5, 8)


@pytest.fixture
def first(monkeypatch):
    """As if the process had not loaded any hyperpyyaml file before"""
    known = [
        r for r in ruamel.yaml.resolver.implicit_resolvers if not is_tuple(r)
    ]
    monkeypatch.setattr(ruamel.yaml.resolver, "implicit_resolvers", known)


def is_tuple(resolver):
    """Whether a resolver is hyperpyyaml's for tuples"""
    return "!tuple" in resolver


@pytest.fixture
def later():
    """When the process has loaded a hyperpyyaml file before"""
    load_hyperpyyaml("a: 1")


TUPLES = [
    pytest.param("first", id="first file of the process"),
    pytest.param("later", id="later file"),
]


@pytest.mark.parametrize("state", TUPLES)
def test_tuples_are_sizes(path, request, state):
    request.getfixturevalue(state)
    sizes = Blueprint(path).sizes
    assert sizes == {**SIZES, "kernel": [3, 4]}


@pytest.mark.parametrize("given", ["(5,6)", "(5, 6)", "[5, 6]"])
def test_tuples_may_be_given_by_the_command_line(given, path):
    hparams = Blueprint(path, f"kernel: {given}").load()
    assert hparams["modules"]["conv"].kernel_size in [(5, 6), [5, 6]]


@pytest.mark.parametrize("state", ["first", "later"])
def test_tuples_stay_tuples(path, request, state):
    request.getfixturevalue(state)
    assert Blueprint(path).modules()["conv"].kernel_size == (3, 4)


def test_tuples_stay_tuples_between_braces(path, first):
    text = path.read_text()
    begin = text.index("modules:")
    path.write_text(text[:begin] + "modules: {conv: !ref <conv>}\n")
    assert Blueprint(path).modules()["conv"].kernel_size == (3, 4)


def test_each_build_is_new(path):
    blueprint = Blueprint(path)
    one, other = blueprint.modules(), blueprint.modules()
    assert one["net"] is not other["net"]
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key])


def test_a_prototype_is_built_once_for_each_of_its_sizes(path):
    blueprint = Blueprint(path)
    one = blueprint.prototype({"width": 8})
    assert blueprint.prototype({"width": 8}) is one
    assert blueprint.prototype({"width": 9})["net"][0].out_features == 9
    both = {**blueprint.sizes, "width": 8}
    turned = dict(reversed(both.items()))
    assert blueprint.prototype(both) is blueprint.prototype(turned)
    anew = blueprint.modules({"width": 8})
    assert anew["net"] is not one["net"]
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, anew.state_dict()[key])


def test_what_is_built_together_is_shared(path):
    modules, net, first = Blueprint(path).build("modules", "net", "first")
    assert modules["net"] is net and net[0] is first


def test_nothing_else_is_built(path, made):
    before = sorted(os.listdir(path.parent))
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    blueprint = Blueprint(path)
    assert blueprint.sizes and blueprint.value("seed") == 17
    blueprint.modules({"width": 8})
    blueprint.build("growth_schedule")
    assert torch.equal(torch.rand(3), expected)
    assert not made.exists()
    assert sorted(os.listdir(path.parent)) == before
    # while building all of the file does make it
    with open(path, encoding="utf-8") as fin:
        load_hyperpyyaml(fin, {"output_folder": str(path.parent)})
    assert made.exists()


def test_random_numbers_are_left_alone(path):
    blueprint = Blueprint(path)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    blueprint.modules({"width": 8})
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2][1]).all()


def test_random_numbers_of_other_devices_are_left_alone(path, monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: False)
    Blueprint(path).modules()
    assert seeded == []


def test_the_file_is_read_once(path):
    blueprint = Blueprint(path)
    path.write_text("width: 99\n")
    assert sizes_of(blueprint) == SIZES
    assert shapes(blueprint.modules({"width": 5}))["net.0.weight"] == (5, 6)
    path.unlink()
    assert blueprint.modules()["net"][0].out_features == 4


def test_values_are_read(path):
    blueprint = Blueprint(path, {"lr": 0.25})
    assert blueprint.value("lr") == 0.25
    assert blueprint.value("number_of_epochs") == 10
    assert blueprint.value("nothing") is None
    assert blueprint.value("nothing", 3) == 3
    assert blueprint.value("output_folder") == "results/17"


INCLUDED = "- after_epoch: 2\n  width: 8\n- after_epoch: 5\n  width: 16\n"


def with_include(tmp_path):
    """A YAML two folders below the list that it includes"""
    below = tmp_path / "recipes" / "hparams"
    below.mkdir(parents=True)
    (tmp_path / "growths").mkdir()
    (tmp_path / "growths" / "twice.yaml").write_text(INCLUDED)
    file = below / "grow.yaml"
    include = "growth: !include:../../growths/twice.yaml"
    file.write_text(TEXT.replace("growth: []", include))
    return file


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_growth_list_is_included(tmp_path, monkeypatch, elsewhere):
    file = with_include(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other if elsewhere else file.parent)
    blueprint = Blueprint(str(file) if elsewhere else file.name)
    monkeypatch.chdir(other)
    schedule = blueprint.build("growth_schedule")[0]
    sizes = [growth.amount.sizes for growth in schedule.growths]
    assert sizes == [{"width": 8}, {"width": 16}]
    assert sizes_of(blueprint) == SIZES


def test_an_included_list_is_overridden(tmp_path):
    blueprint = Blueprint(with_include(tmp_path), "growth: []")
    assert blueprint.build("growth_schedule")[0].growths == []


BROKEN = {
    "no file": (None, None, r"nowhere.yaml: No such file.*; it must be a YAML"),
    "an unknown override": (TEXT, {"widht": 8}, r"hparams.yaml: .*'widht'"),
    "an unknown override, as text": (
        TEXT,
        "widht: 8",
        r"no key 'widht'; did you mean w",
    ),
    "an override that cannot be read": (
        TEXT,
        "width: [",
        r"command line, line 1: ",
    ),
    "a bracket left open": (
        "width: [1, 2\nnet: 3\n",
        None,
        r"hparams.yaml, line 2",
    ),
    "a tab": ("modules:\n\tnet: 3\n", None, r"hparams.yaml, line 2: "),
    "a reference to nothing": (
        TEXT.replace("<inputs>", "<input>"),
        None,
        r"hparams.yaml: .*input",
    ),
    "a placeholder": (
        TEXT.replace("width: 4", "width: !PLACEHOLDER"),
        None,
        r"'width' is a !PLACEHOLDER and must be replaced",
    ),
    "no modules": ("width: 4\n", None, r"there is no key 'modules'; it must"),
    "a list": ("- 1\n- 2\n", None, r"it must be a mapping"),
    "no text at all": (b"\xff\xfe\x00", None, r"hparams.yaml: "),
    "nothing": ("", None, r"hparams.yaml"),
    "overrides that are no mapping": (TEXT, "[1]", r"it must be --key=value"),
    "a missing include": (
        TEXT.replace("growth: []", "growth: !include:gone.yaml"),
        None,
        r"gone\.yaml",
    ),
}


def assert_refused(tmp_path, text, overrides, message):
    """Reading raises, with the file's name and what is wrong"""
    file = tmp_path / "hparams.yaml"
    if text is None:
        file = tmp_path / "nowhere.yaml"
    elif isinstance(text, bytes):
        file.write_bytes(text)
    else:
        file.write_text(text)
    with pytest.raises(GrowthError, match=f"(?s){message}"):
        Blueprint(str(file), overrides)


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_is_refused(tmp_path, what):
    assert_refused(tmp_path, *BROKEN[what])


def test_an_override_inside_a_key_keeps_the_sizes(path):
    blueprint = Blueprint(path, {"first": {"bias": False}})
    assert blueprint.modules()["net"][0].bias is None
    assert sizes_of(blueprint) == SIZES


def test_sizes_are_found_behind_other_sizes(path):
    path.write_text(FOLLOWS)
    assert Blueprint(path).sizes["width"] == 4
    assert shapes(Blueprint(path).modules({"width": 8})) == shapes(
        Blueprint(path, {"width": 8}).modules()
    )


def test_a_size_that_follows_another_grows_with_it(path):
    path.write_text(FOLLOWS)
    blueprint = Blueprint(path)
    grown = blueprint.modules({**blueprint.sizes, "width": 8})
    assert shapes(grown) == shapes(Blueprint(path, "width: 8").modules())


def test_a_size_that_another_followed_is_not_forgotten(path):
    path.write_text(FOLLOWS)
    sizes = Blueprint(path).sizes
    assert set(Blueprint(path, sizes).sizes) == set(sizes)


# Starting from an earlier run


def earlier_run(folder, *metrics, widths=None):
    """An output folder with a checkpoint for each metric"""
    schedule = GrowthSchedule()
    saver = Checkpointer(folder / "save", {"growth_schedule": schedule})
    for number, metric in enumerate(metrics):
        width = widths[number] if widths else 4 + number
        schedule.start({**SIZES, "width": width})
        saver.save_checkpoint(meta={"PER": metric}, name=f"epoch_{number}")
    return folder


def test_an_earlier_runs_best_sizes_are_taken(tmp_path, path):
    folder = earlier_run(tmp_path / "earlier", 30.0, 10.0, 20.0)
    assert best_checkpoint(str(folder)).meta["PER"] == 10.0
    blueprint = open_blueprint(path, {"init_from": str(folder), "lr": 0.1})
    assert sizes_of(blueprint) == {**SIZES, "width": 5}
    assert blueprint.value("lr") == 0.1
    assert blueprint.modules()["net"][0].out_features == 5


def test_without_an_earlier_run_the_file_decides(path):
    assert open_blueprint(path, {"width": 7}).sizes["width"] == 7


def test_an_override_against_an_earlier_run_is_refused(tmp_path, path):
    folder = earlier_run(tmp_path / "earlier", 30.0, widths=[5])
    overrides = {"init_from": str(folder), "width": 6}
    message = "was trained with width 5, but the command line says 6"
    with pytest.raises(GrowthError, match=message):
        open_blueprint(path, overrides)
    assert open_blueprint(path, {**overrides, "width": 5}).sizes["width"] == 5


def test_an_earlier_run_of_another_model_is_refused(tmp_path, path):
    schedule = GrowthSchedule()
    schedule.start({"depth": 3})
    folder = tmp_path / "earlier"
    saver = Checkpointer(folder / "save", {"growth_schedule": schedule})
    saver.save_checkpoint(meta={"PER": 1.0})
    message = "was trained with depth 3, but the model has no such size; it has"
    with pytest.raises(GrowthError, match=message):
        open_blueprint(path, {"init_from": str(folder)})


@pytest.mark.parametrize("save", [None, "save", "save/nothing"])
def test_an_earlier_run_without_checkpoints_is_refused(tmp_path, path, save):
    folder = tmp_path / "earlier"
    (folder / (save or "")).mkdir(parents=True)
    with pytest.raises(GrowthError, match="holds no checkpoint of a growing"):
        open_blueprint(path, {"init_from": str(folder)})
    assert (folder / "save").exists() == bool(save)


def test_a_metric_that_is_no_number_is_never_the_best(tmp_path):
    nan = float("nan")
    for number, metrics in enumerate([(nan, 10.0), (10.0, nan)]):
        folder = earlier_run(tmp_path / str(number), *metrics)
        assert best_checkpoint(str(folder)).meta["PER"] == 10.0


def test_what_does_not_change_keeps_its_kind(tmp_path):
    """TorchScript takes a tuple where eager code takes a list as well."""
    path = tmp_path / "hparams.yaml"
    path.write_text(
        "width: 3\nkernel: (3, 4)\nconv: !new:torch.nn.Conv2d\n"
        "    in_channels: 1\n    out_channels: !ref <width>\n"
        "    kernel_size: !ref <kernel>\nmodules: {conv: !ref <conv>}\n"
    )
    blueprint = Blueprint(str(path))
    sizes = {**blueprint.sizes, "width": 5}
    (built,) = blueprint.build("conv", sizes=sizes)
    assert built.out_channels == 5 and built.kernel_size == (3, 4)
    (kernel,) = blueprint.build("kernel", sizes=sizes)
    assert kernel == (3, 4)


@pytest.mark.parametrize("where", ["the file", "an override"])
def test_a_path_from_home_is_not_a_folder_called_tilde(
    where, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "hparams.yaml"
    written = "~/runs" if where == "the file" else "results"
    path.write_text(
        f"output_folder: {written}\nsave_folder: !ref <output_folder>/save\n"
        "title: ~/runs\nmodules: {}\n"
    )
    chosen = {} if where == "the file" else {"output_folder": "~/runs"}
    blueprint = Blueprint(str(path), chosen)
    home = str(tmp_path / "home" / "runs")
    assert blueprint.value("output_folder") == home
    assert blueprint.load()["save_folder"] == f"{home}/save"
    assert blueprint.value("title") == "~/runs"  # a text, no path


@pytest.mark.parametrize("behind", ["\n", " # so far\n", "\n# and\n\n"])
def test_a_list_of_layers_may_stand_before_a_comment(tmp_path, behind):
    """HyperPyYAML alone takes the first layer's class for that of its size."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "width: 3\n"
        "model: !new:torch.nn.Sequential\n"
        "    - !new:torch.nn.Linear\n"
        "        in_features: 2\n"
        "        out_features: !ref <width>\n"
        "modules:\n"
        f"    model: !ref <model>{behind}"
        "last: 1\n"
    )
    blueprint = Blueprint(str(path))
    assert blueprint.modules({"width": 5}).model[0].weight.shape == (5, 2)
    assert blueprint.load()["modules"]["model"][0].weight.shape == (3, 2)
