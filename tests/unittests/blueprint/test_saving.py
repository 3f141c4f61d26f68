"""Tests for the YAML with which a trained model is loaded

Authors
 * The speechbrain_growth authors 2026
"""

import subprocess
import sys

import pytest
from hyperpyyaml import load_hyperpyyaml, resolve_references

from speechbrain_growth import Blueprint
from speechbrain_growth.blueprint.saving import plain_tuples, yaml_at

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
