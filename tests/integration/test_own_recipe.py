"""docs/grow_your_recipe.md: its changes make a plain recipe grow.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bad_inputs import run_recipe
from hyperpyyaml import load_hyperpyyaml

from speechbrain_growth.measure.events import read_events
from speechbrain_growth.schedule.state import read_state

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "grow_your_recipe.md").read_text(encoding="utf-8")
PLAIN = ROOT / "tests" / "samples" / "plain_recipe"
OPTIONS = ["train.yaml", "--device=cpu", "--noprogressbar"]


def block(name):
    """What the page shows below a comment of this name."""
    found = re.findall(rf"<!-- {name} -->\n```\w*\n(.*?)```\n", PAGE, re.S)
    assert len(found) == 1, name
    return found[0]


def plain(folder):
    """A copy of the plain recipe."""
    left_out = shutil.ignore_patterns("results", "__pycache__")
    return Path(shutil.copytree(PLAIN, folder / "plain", ignore=left_out))


def applied(recipe):
    """Applies the page's changes to a copy, as it says."""
    (recipe / "grow.diff").write_text(block("the changes"), encoding="utf-8")
    # Most recipes are in a folder of a repository
    for command, folder in (("init -q", ".."), ("apply grow.diff", ".")):
        line = ["git", *command.split()]
        subprocess.run(line, cwd=recipe / folder, check=True)
    return recipe


@pytest.fixture
def grown(tmp_path):
    """A copy of the recipe that grows."""
    return applied(plain(tmp_path))


def python(recipe, *arguments):
    """Runs the recipe in a process of its own."""
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "train.py", *OPTIONS, *arguments]
    done = subprocess.run(
        line, cwd=recipe, env=own, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def checkpoints(recipe):
    """The folders of the checkpoints, by the width of the model in them."""
    return {
        read_state(path)["sizes"]["dnn_neurons"]: path.parent
        for path in recipe.glob("results/1/save/*/growth_schedule.ckpt")
    }


def outputs(folder, width, waves):
    """What the stock model computes with the weights of a checkpoint."""
    sizes = {"output_folder": str(folder), "number_of_epochs": 1}
    text = (PLAIN / "train.yaml").read_text(encoding="utf-8")
    text = text.replace("16", str(width))
    hparams = load_hyperpyyaml(text, sizes)
    signal = hparams["compute_features"](waves)
    for name in ("encoder", "classifier"):
        module = hparams[name]
        module.load_state_dict(torch.load(folder / f"{name}.ckpt"))
        signal = module.eval()(signal)
    return signal


@pytest.mark.slow
def test_the_changes_of_the_page_make_a_plain_recipe_grow(tmp_path):
    recipe = plain(tmp_path)
    said = python(recipe, "--number_of_epochs=2")
    assert "grow" not in said
    shutil.rmtree(recipe / "results")
    # At a rate of 0, all that changes the function would be the growth
    growth = "--growth=[{after_epoch: 3, dnn_neurons: 27}]"
    applied(recipe)
    said = python(recipe, growth, "--lr=0", "--lr_annealing={final_value: 0}")
    assert "dnn_neurons 16 -> 27" in said
    log = recipe / "results" / "1" / "growth_log.jsonl"
    (entry,) = read_events(log, "growth")
    assert entry["grown"] and entry["drift"] < 1e-5
    assert entry["valid_before"] == pytest.approx(entry["valid_after"])
    small, large = checkpoints(recipe)[16], checkpoints(recipe)[27]
    waves = torch.randn(3, 1600)
    old, new = outputs(small, 16, waves), outputs(large, 27, waves)
    assert torch.allclose(old, new, rtol=1e-4, atol=1e-5)
    assert old.std() > 1e-3


def test_the_line_of_the_log_is_as_shown(grown, tmp_path):
    code, said = run_recipe(grown, OPTIONS, tmp_path / "printed.txt")
    assert code == 0, said
    (line,) = re.findall(r"```\n(Growth 1 after.*)\n```", PAGE)
    assert line in said


FORGOTTEN = {
    "compute_features": [
        (
            "train.yaml",
            "    encoder: !ref <encoder>\n    classifier: !ref <classifier>\n\nopt",
            "    compute_features: !ref <compute_features>\n"
            "    encoder: !ref <encoder>\n    classifier: !ref <classifier>\n\nopt",
        )
    ],
    "inline": [
        ("train.yaml", "dnn_neurons: 16\n", ""),
        ("train.yaml", "!ref <dnn_neurons>", "16"),
    ],
    "valid_stats": [
        ("train.yaml", "after_epoch: 2", "on_plateau: {metric: error}"),
        ("train.py", "def valid_stats", "def my_stats"),
        ("train.py", "self.valid_stats", "self.my_stats"),
    ],
    "decide_growth without valid_stats": [
        ("train.py", "def valid_stats", "def my_stats"),
        ("train.py", "self.valid_stats", "self.my_stats"),
    ],
    "decide_growth": [
        ("train.py", "            self.decide_growth(epoch, stats)\n", "")
    ],
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_is_forgotten_ends_with_the_message_shown(name, grown, tmp_path):
    for file, old, new in FORGOTTEN[name]:
        text = (grown / file).read_text(encoding="utf-8")
        assert old in text
        (grown / file).write_text(text.replace(old, new), encoding="utf-8")
    code, said = run_recipe(grown, OPTIONS, tmp_path / "printed.txt")
    assert code == 1
    assert "Traceback" not in said
    assert re.findall(r"^error: .*", said, re.M | re.S) == [block(name)]
    if "decide" not in name:
        assert "Going into epoch" not in said
    if name in ("compute_features", "inline"):
        assert not (grown / "results" / "1" / "train.py").exists()
