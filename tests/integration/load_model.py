"""Loads the model of a finished run, as somebody in a new process would.

Usage: load_model.py YAML METRIC; prints a JSON object.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml


def main(path, metric):
    """Prints the checkpoint that was loaded, and sums of its tensors."""
    with open(path, encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin)
    best = hparams["checkpointer"].recover_if_possible(min_key=metric)
    modules = torch.nn.ModuleDict(hparams["modules"])
    sums = {
        name: tensor.double().sum().item()
        for name, tensor in modules.state_dict().items()
    }
    print(json.dumps({"checkpoint": str(best.path), "sums": sums}))


def in_a_new_process(path, metric, folder):
    """Loads a model in a new process, from some folder.

    Arguments
    ---------
    path : pathlib.Path
        The YAML.
    metric : str
        The metric of which the lowest value is the best.
    folder : pathlib.Path
        The process runs there.

    Returns
    -------
    pathlib.Path
        The checkpoint that was loaded.
    dict
        The sum of each tensor.
    """
    line = [sys.executable, __file__, str(path), metric]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return Path(found["checkpoint"]), found["sums"]


def sums_in(checkpoint, *names):
    """The sum of each tensor that a checkpoint holds of some modules."""
    return {
        f"{name}.{key}": tensor.double().sum().item()
        for name in names
        for key, tensor in torch.load(checkpoint / f"{name}.ckpt").items()
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
