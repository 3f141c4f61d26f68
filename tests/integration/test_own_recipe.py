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
from bad_inputs import forked, run_recipe
from hyperpyyaml import load_hyperpyyaml

from speechbrain_growth.__main__ import main
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
    given = {"output_folder": str(folder), "dnn_neurons": width}
    text = (PLAIN / "train.yaml").read_text(encoding="utf-8")
    hparams = load_hyperpyyaml(text, given)
    signal = hparams["compute_features"](waves)
    for name in ("encoder", "classifier"):
        module = hparams[name]
        module.load_state_dict(torch.load(folder / f"{name}.ckpt"))
        signal = module.eval()(signal)
    return signal


def test_the_changes_are_ten_lines():
    lines = block("the changes").splitlines()
    added = [n for n in lines if n.startswith("+") and n[1:].strip()]
    added = [n for n in added if not n.startswith("+++ b/train.")]
    assert len(added) == 10


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
    before, after = entry["valid_before"], entry["valid_after"]
    assert set(before) == {"loss", "error"}
    assert after == {"loss": pytest.approx(before["loss"])}
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


def change(recipe, *changes):
    """Changes files of a recipe, and returns it."""
    for file, old, new in changes:
        text = (recipe / file).read_text(encoding="utf-8")
        assert old in text
        (recipe / file).write_text(text.replace(old, new), encoding="utf-8")
    return recipe


FEATURES = "    compute_features: !ref <compute_features>\n"
FORGOTTEN = {
    "inline": [
        ("train.yaml", "dnn_neurons: 16\n", ""),
        ("train.yaml", "!ref <dnn_neurons>", "16"),
    ],
    "example_shape": [("train.yaml", "example_shape", "example")],
    "features": [
        ("train.yaml", FEATURES, ""),
        ("train.yaml", "<classifier>\n\n", f"<classifier>\n{FEATURES}\n"),
    ],
    "checkpointer": [
        (
            "train.yaml",
            "speechbrain_growth.SafeCheckpointer",
            "speechbrain.utils.checkpoints.Checkpointer",
        )
    ],
    "metric": [("train.yaml", "after_epoch: 2", "on_plateau: {metric: PER}")],
    "decide_growth": [
        ("train.py", "            self.decide_growth(epoch, stats)\n", "")
    ],
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_is_forgotten_ends_with_the_message_shown(name, grown, tmp_path):
    change(grown, *FORGOTTEN[name])
    code, said = run_recipe(grown, OPTIONS, tmp_path / "printed.txt")
    assert code == 1
    assert "Traceback" not in said
    assert re.findall(r"^error: .*", said, re.M | re.S) == [block(name)]
    epochs = said.count("Going into epoch")
    assert epochs == (name in ("metric", "decide_growth"))
    assert (grown / "results" / "1" / "train.py").exists() == bool(epochs)


def results(recipe, folder, *arguments, code=0):
    """What a run wrote, without its clocks: two logs, and the last weights."""
    given = [*OPTIONS, f"--output_folder={folder}", *arguments]
    ended, said = run_recipe(recipe, given, recipe / "printed.txt")
    assert ended == code, said
    logs = [(folder / name).read_text() for name in ("train_log.txt", LOG)]
    logs[1] = re.sub(r'"seconds": [\d.e-]+', "", logs[1])
    newest = max(folder.glob("save/*"))
    return logs, {
        name: torch.load(newest / f"{name}.ckpt")
        for name in ("encoder", "classifier")
    }


LOG = "growth_log.jsonl"
WAYS = {
    "copies": "after_epoch: 1, dnn_neurons: 27",
    "searched": "after_epoch: 1, firefly: {budget: 300, new: 1, batches: 2, "
    "layers: False}",
    "of gradients": "on_gradient: 0, dnn_neurons: 20, symmetry: {gradmax: 0.5, "
    "zero_slope: 0.1}",
    "frozen": "after_epoch: 1, dnn_neurons: 27, old: frozen",
}


@pytest.mark.parametrize("way", WAYS)
def test_features_among_the_modules_change_nothing(way, grown, tmp_path):
    given = [f"--growth=[{{{WAYS[way]}}}]", "--number_of_epochs=2"]
    logs, weights = results(grown, tmp_path / "among", *given)
    assert '"grown": true' in logs[1]
    apart = change(
        grown,
        ("train.yaml", FEATURES, ""),
        ("train.py", "self.modules.compute", "self.hparams.compute"),
    )
    expected, others = results(apart, tmp_path / "apart", *given)
    assert logs == expected
    for name, tensors in others.items():
        assert weights[name].keys() == tensors.keys()
        assert all(torch.equal(weights[name][k], v) for k, v in tensors.items())


def test_the_trained_model_can_be_made_larger(grown, tmp_path):
    results(grown, tmp_path / "run")
    line = ["grow", str(tmp_path / "run"), "--dnn_neurons=40", "--out"]
    log, line = tmp_path / "printed.txt", [*line, str(tmp_path / "larger")]
    code, said = forked(main, log, line)
    assert code == 0, said
    assert "dnn_neurons 32 -> 40; exact" in said


CHOICE = "{a: {dnn_neurons: 20}, b: {dnn_neurons: 24}}"
BY_MACS = {
    "choice": f"--growth=[{{after_epoch: 1, choose: {CHOICE}}}]",
    "budget": "--growth_schedule={budget: {macs: 1.0e+12}}",
    "condition": "--growth=[{after_macs: 1.0e+6, dnn_neurons: 20}]",
}


@pytest.mark.parametrize("name", BY_MACS)
def test_what_asks_for_macs_wants_them_counted(name, grown, tmp_path):
    given = [*OPTIONS, BY_MACS[name]]
    if name == "choice":
        given.append("--batch_size=1")
    code, said = run_recipe(grown, given, tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in said
    assert said.splitlines()[-1] == (
        "error: meter: nothing was counted in training; compute_forward must "
        "call self.meter.count with what the first module gets"
    )


def test_a_killed_run_ends_as_one_that_was_not(grown, tmp_path, monkeypatch):
    saving = "            self.checkpointer.save_and_keep_only("
    change(
        grown,
        (
            "train.py",
            saving,
            '            if epoch == 3 and "KILL" in __import__("os").environ:\n'
            f'                __import__("os")._exit(9)\n{saving}',
        ),
    )
    expected, weights = results(grown, tmp_path / "whole")
    monkeypatch.setenv("KILL", "1")
    logs, _ = results(grown, tmp_path / "cut", code=9)
    assert "epoch: 3" in logs[0] and '"grown": true' in logs[1]
    monkeypatch.delenv("KILL")
    logs, others = results(grown, tmp_path / "cut")
    assert logs == expected
    for name, tensors in weights.items():
        assert all(torch.equal(others[name][k], v) for k, v in tensors.items())
