"""Kills runs over several tasks at random moments; they must end the same.

Each system of the recipe for images runs once without a kill. Then it is
started, killed with SIGKILL after a few seconds and started again, until it
ends. The weights of the last task and the task matrix must be the same bits.

> python tests/soak_tasks.py --seed=1 continual continual_cpg continual_den

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes/MNIST/continual/growing_MLP"
KILLS, SECONDS = 8, (3.0, 6.0)  # after about three, Python has imported all
# Epochs of a task: enough for the stages of a system
EPOCHS = {
    "continual_cpg": 9,
    "continual_den": 14,
    "continual_firefly": 8,
    "continual_sedem": 40,
    "adanet": 24,
}


def yaml_of(name):
    """The YAML of a system: the recipe's own, or a variant."""
    own = RECIPE / "hparams" / f"{name}.yaml"
    return own if own.exists() else ROOT / "hparams/variants" / f"{name}.yaml"


def command(name, folder):
    """Trains one system."""
    return [
        sys.executable,
        "train.py",
        str(yaml_of(name)),
        f"--output_folder={folder}",
        f"--epochs_per_task={EPOCHS.get(name, 4)}",
        "--ckpt_interval_steps=7",
        "--noprogressbar",
    ]


def start(name, folder):
    """A process that trains."""
    return subprocess.Popen(
        command(name, folder),
        cwd=RECIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_often(name, folder, chance):
    """Kills and starts a run; returns how often, once it has ended."""
    for number in range(KILLS):
        process = start(name, folder)
        try:
            process.wait(chance.uniform(*SECONDS))
            return number
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return KILLS


def end_of(folder):
    """The weights of the last task, and the task matrix as text."""
    report = json.loads((folder / "tasks.json").read_text())
    last = f"end_of_task: {len(report['rows']) - 1}\n"
    (weights,) = (
        torch.load(path.parent / "model.ckpt", weights_only=True)
        for path in folder.glob("save/CKPT*/CKPT.yaml")
        if last in path.read_text()
    )
    return weights, str(report["rows"])


def main():
    """Prints a line for each system; exits with 1 if one ended differently."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("systems", nargs="+", help="names of YAMLs")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance, wrong = random.Random(chosen.seed), 0
    for name in chosen.systems:
        folder = Path(tempfile.mkdtemp())
        assert start(name, folder / "whole").wait() == 0, name
        kills = kill_often(name, folder / "killed", chance)
        assert start(name, folder / "killed").wait() == 0, name
        (one, rows), (other, again) = map(
            end_of, (folder / "whole", folder / "killed")
        )
        same = rows == again and one.keys() == other.keys()
        same = same and all(torch.equal(one[key], other[key]) for key in one)
        wrong += not same
        print(f"{name}: {kills} kills, {'the same' if same else 'DIFFERENT'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
