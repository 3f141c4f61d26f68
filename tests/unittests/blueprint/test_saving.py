"""Tests for the YAML with which a trained model is loaded

Authors
 * The speechbrain_growth authors 2026
"""

import json
import subprocess
import sys

import pytest
from hyperpyyaml import load_hyperpyyaml, resolve_references

from speechbrain_growth import Blueprint
from speechbrain_growth.blueprint.saving import plain_tuples, yaml_at
from speechbrain_growth.measure.events import plain
from speechbrain_growth.measure.run_log import run_facts

TEXT = """
output_folder: results
save_folder: !ref <output_folder>/save
kernel: (3, 3)
width: 4 # units
blocks: [4, 5]
growth: !include:list.yaml
other: !include:other.yaml
net: !new:torch.nn.Conv2d
    in_channels: 1
    out_channels: !ref <width>
    kernel_size: !ref <kernel>
same: !ref <kernel>
modules:
    net: !ref <net>
    blocks: !ref <blocks>
"""


@pytest.fixture
def blueprint(tmp_path):
    """A YAML with a tuple, a list and two included files"""
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "hparams.yaml").write_text(TEXT)
    (folder / "list.yaml").write_text("- {after_epoch: 1, width: 8}\n")
    (folder / "other.yaml").write_text("a: 3\n")
    return Blueprint(str(folder / "hparams.yaml"), {"blocks": [6, 7]})


def load(text, folder):
    """Loads a YAML from another folder"""
    path = folder / "model.yaml"
    path.write_text(text)
    with open(path, encoding="utf-8") as fin:
        return load_hyperpyyaml(fin)


def test_sizes_overrides_and_included_files_are_there(
    blueprint, tmp_path, monkeypatch
):
    text = yaml_at(blueprint, {"width": 8, "blocks": [6, 7], "kernel": [3, 3]})
    monkeypatch.chdir("/")
    hparams = load(text, tmp_path)
    assert hparams["net"].out_channels == 8
    assert hparams["net"].kernel_size == (3, 3)
    assert hparams["blocks"] == [6, 7]
    assert hparams["growth"] == [] and hparams["other"] == {"a": 3}
    assert "width: 8 # units" in text  # comments stay


def test_the_folder_is_found_from_anywhere(blueprint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = yaml_at(blueprint, {"width": 4})
    monkeypatch.chdir("/")
    assert load(text, tmp_path)["save_folder"] == f"{tmp_path}/results/save"


def test_a_tuple_survives_a_new_process(blueprint, tmp_path):
    load_hyperpyyaml("a: (1, 2)")  # from here on, tuples get anchors
    with open(blueprint.path, encoding="utf-8") as fin:
        saved = resolve_references(fin).read()
    assert "&id" in saved
    path = tmp_path / "hyperparams.yaml"
    path.write_text(plain_tuples(saved))
    script = (
        "from hyperpyyaml import load_hyperpyyaml\n"
        f"found = load_hyperpyyaml(open({str(path)!r}))\n"
        "assert found['net'].kernel_size == found['same'] == (3, 3), found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


OBJECTS = """
output_folder: results
lr: 0.5
width: 4
opt_class: !name:torch.optim.Adam
    lr: !ref <lr>
    amsgrad: True
annealing: !new:speechbrain.nnet.schedulers.NewBobScheduler
    initial_value: !ref <lr>
    patient: 3
model: !new:speechbrain_growth.MLP
    inputs: 3
    hidden: [!ref <width>]
    outputs: 2
act: !name:torch.nn.LeakyReLU
modules: {model: !ref <model>}
"""
# The override, and what stock HyperPyYAML finds in the files that are saved
CHANGED = [
    (
        "opt_class: !name:torch.optim.AdamW {lr: 0.001}",
        "found['opt_class'].func.__name__, found['opt_class'].keywords",
        ("AdamW", {"lr": 0.001}),
    ),
    (
        "opt_class: !name:torch.optim.Adam {lr: 0.001}",
        "found['opt_class'].func.__name__, found['opt_class'].keywords",
        ("Adam", {"lr": 0.001, "amsgrad": True}),
    ),
    (
        "opt_class: {lr: 0.001}",
        "found['opt_class'].func.__name__, found['opt_class'].keywords",
        ("Adam", {"lr": 0.001, "amsgrad": True}),
    ),
    (
        "annealing: !new:speechbrain.nnet.schedulers.StepScheduler\n"
        "    initial_value: !ref <lr>\n    decay_factor: 0.25",
        "type(found['annealing']).__name__, found['annealing'].decay_factor",
        ("StepScheduler", 0.25),
    ),
    (
        "model: !new:torch.nn.Linear {in_features: 3, out_features: 2}",
        "type(found['modules']['model']).__name__, "
        "found['modules']['model'].in_features",
        ("Linear", 3),
    ),
    (
        "act: !name:torch.nn.ELU {alpha: 0.5}",
        "found['act'].func.__name__, found['act'].keywords",
        ("ELU", {"alpha": 0.5}),
    ),
]


def test_the_log_tells_classes_apart(tmp_path):
    """Runs are compared by the overrides that their logs have"""
    path = tmp_path / "hparams.yaml"
    path.write_text(OBJECTS)
    logged = []
    for name in ("Adam", "AdamW"):
        text = f"opt_class: !name:torch.optim.{name} {{lr: 0.1}}\nwidth: 5"
        facts = run_facts(Blueprint(str(path), text), "cpu")
        logged.append(json.loads(json.dumps(plain(facts)))["overrides"])
        assert name in logged[-1]["opt_class"] and logged[-1]["width"] == 5
    assert logged[0] != logged[1]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["an override", "a base"])
def test_what_is_saved_says_what_ran(how, tmp_path):
    path = tmp_path / "hparams.yaml"
    path.write_text(OBJECTS)
    script = ["from hyperpyyaml import load_hyperpyyaml"]
    for number, (text, found, wanted) in enumerate(CHANGED):
        own = tmp_path / f"{number}.yaml"
        own.write_text(f"base: hparams.yaml\n{text}\n")
        given = (path, text) if how == "an override" else (own, None)
        blueprint = Blueprint(str(given[0]), given[1])
        saved = {
            "hyperparams": plain_tuples(blueprint.resolved()),
            "model": yaml_at(blueprint, {"width": 8}),
        }
        for name, yaml in saved.items():
            file = tmp_path / f"{name}{number}.yaml"
            file.write_text(yaml)
            script += [
                f"found = load_hyperpyyaml(open({str(file)!r}))",
                f"assert ({found}) == {wanted}, {str(file)!r}",
            ]
        built = blueprint.load()  # what the run itself builds
        assert eval(found, {"found": built}) == wanted
    line = [sys.executable, "-c", "\n".join(script)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
