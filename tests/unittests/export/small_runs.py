"""Output folders of small runs, made in a moment, for the tests beside it.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml

import speechbrain
from speechbrain_growth import Blueprint, GrowthSchedule, SafeTextEncoder
from speechbrain_growth.blueprint.saving import yaml_at
from speechbrain_growth.engine.weighted_norm import weigh
from speechbrain_growth.schedule.state import STATE
from speechbrain_growth.training.afterwards.transition import (
    TRANSITION,
    Transition,
)

ROOT = Path(__file__).resolve().parents[3]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
YAML = RECIPE / "hparams" / "grow.yaml"
SMALL = {
    "cnn_channels": [2, 4],
    "rnn_layers": 1,
    "rnn_neurons": 6,
    "dnn_neurons": 8,
    "output_neurons": 9,
}


def make_run(folder, metric=20.0, text=None, weighted=False, wish=None, **more):
    """Writes a checkpoint of the TIMIT recipe, as a run does.

    Arguments
    ---------
    folder : pathlib.Path
        The output folder.
    metric : float
        Its PER.
    text : str
        A YAML; None for that of the recipe.
    weighted : bool
        Whether a LayerNorm folds after a growth.
    wish : dict
        Sizes of a growth that was decided, and not done yet.
    **more : dict
        Other overrides of the YAML.

    Returns
    -------
    dict
        What the YAML built; its modules have the weights of the checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = YAML
    if text is not None:
        path = folder / "own.yaml"
        path.write_text(text, encoding="utf-8")
    blueprint = Blueprint(
        str(path), {**SMALL, "output_folder": str(folder), "growth": [], **more}
    )
    hparams = blueprint.load()
    modules = torch.nn.ModuleDict(hparams["modules"])
    torch.manual_seed(int(metric))
    for module in list(modules.values())[1:]:
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    torch.nn.init.normal_(hparams["output"].w.weight, std=2.0)
    with torch.no_grad():  # so that statistics are not as they were built
        signal = torch.randn(4, 60, blueprint.value("n_mels"))
        for module in modules.values():
            signal = module(signal)
    if weighted:
        norm = modules["model"].CNN.block_0.norm_1.norm
        units = norm.normalized_shape[1]
        weigh(norm, torch.full((units,), 1 / units), 1, steps=3)
    listed = [{"after_epoch": 1, **wish}] if wish else []
    schedule = GrowthSchedule(listed)
    schedule.start(blueprint.sizes)
    schedule.decide(1, {"PER": metric})
    saver = hparams["checkpointer"]
    saver.add_recoverable(STATE, schedule)
    saver.add_recoverable(TRANSITION, Transition(lambda: modules))
    saver.save_checkpoint({"PER": metric})
    (folder / "model.yaml").write_text(yaml_at(blueprint, blueprint.sizes))
    return hparams


def make_labels(folder, number=9):
    """Writes labels: the blank, and letters."""
    encoder = SafeTextEncoder()
    letters = [chr(ord("a") + index) for index in range(number - 1)]
    encoder.insert_blank()
    encoder.update_from_iterable(letters, sequence_input=False)
    encoder.save(str(folder / "save" / "label_encoder.txt"))


def sound(path, rate=16000, seconds=0.6):
    """Writes a recording of noise."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(int(rate * seconds), generator=generator) / 10
    soundfile.write(path, noise.numpy(), rate)
    return path


def forward(hparams, wavs, lengths):
    """The log-probabilities, as the recipe's compute_forward has them."""
    modules = torch.nn.ModuleDict(hparams["modules"]).eval()
    with torch.no_grad():
        feats = hparams["compute_features"](wavs)
        feats = modules["normalize"](feats, lengths)
        out = modules["output"](modules["model"](feats))
        return hparams["log_softmax"](out)


def loaded(folder):
    """The best model of a folder, by its model.yaml and stock HyperPyYAML."""
    with open(folder / "model.yaml", encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin)
    hparams["checkpointer"].recover_if_possible(min_key="PER")
    return hparams


def without_this_package(folder):
    """A folder of packages in which this one is not: all others are linked."""
    site = Path(speechbrain.__file__).resolve().parents[1]
    folder.mkdir()
    for one in site.iterdir():
        ours = "speechbrain_growth" in one.name or one.suffix == ".pth"
        if not ours:
            (folder / one.name).symlink_to(one)
    return folder


def elsewhere(packages, folder, script, *given):
    """Runs a script where this package is not installed; returns its JSON."""
    head = (
        "import importlib.util, json, sys, torch\n"
        "assert importlib.util.find_spec('speechbrain_growth') is None\n"
        "torch.set_num_threads(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", head + script, *map(str, given)],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if k != "PYTHONHOME"},
            "PYTHONPATH": str(packages),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
