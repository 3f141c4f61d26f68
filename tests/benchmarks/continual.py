"""What never forgetting costs: held weights in a step, and a task's boundary.

Half of all weights are held, one by one, as CPG does; or the older half of the
units, as after a growth with frozen units. Then the recipes for MNIST, on
digits, and for TIMIT, on mini-TIMIT, are run, and what happens between the last
step of a task and the first of the next is timed, in wall and CPU time: the
best epoch is loaded, the task is finished and saved, the network grows, all
finished tasks are probed, and the next one begins. The limit is
three steps of the task, and a batch of its validation for each finished task.

> OMP_NUM_THREADS=1 python tests/benchmarks/continual.py

One table alone, with the options of a recipe:
> python tests/benchmarks/continual.py recipes/MNIST/continual/growing_MLP \
    hparams/continual.yaml --epochs_per_task=3

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

import numpy as np
import torch

from speechbrain_growth import CRDNN, MLP, Held
from speechbrain_growth.continual.brain import ContinualBrain
from speechbrain_growth.resume.checkpointer import SafeCheckpointer

REPETITIONS, WARM = 40, 5
ROOT = pathlib.Path(__file__).resolve().parents[2]
OWN = "hparams/continual.yaml"
IMAGES = ROOT / "recipes/MNIST/continual/growing_MLP"
SPEECH = ROOT / "recipes/TIMIT/ASR/continual_CTC"
RUNS = [
    (IMAGES, OWN, "--epochs_per_task=3"),
    (SPEECH, OWN, "--epochs_per_task=1"),
]
# What is timed, by the names of the table
PARTS = {
    "load best": (ContinualBrain, "_load_best"),
    "finish": (ContinualBrain, "_finish_task"),
    "save": (SafeCheckpointer, "save_checkpoint"),
    "grow": (ContinualBrain, "grow"),
    "probe": (ContinualBrain, "check_kept"),
    "begin": (ContinualBrain, "begin_epoch"),
}


def mlp():
    """An MLP and a batch."""
    return MLP(784, [1000, 1000], 10), torch.randn(64, 784)


def crdnn():
    """The TIMIT recipe's large CRDNN and a batch."""
    model = CRDNN(
        input_size=40,
        cnn_channels=[32, 64],
        rnn_layers=2,
        rnn_neurons=192,
        dnn_neurons=192,
        time_pooling=True,
    )
    return model, torch.randn(4, 300, 40)


def one_by_one(parameter):
    """Half of the weights, anywhere."""
    return torch.rand_like(parameter) < 0.5


def old_units(parameter):
    """All weights that enter the older half of the units."""
    mask = torch.zeros_like(parameter, dtype=torch.bool)
    mask[: -(-len(mask) // 2)] = True
    return mask


def seconds(model, optimizer, inputs, held):
    """Seconds of one step."""
    start = time.perf_counter()
    optimizer.zero_grad()
    model(inputs).square().mean().backward()
    with held.step(clips=False):
        optimizer.step()
    return time.perf_counter() - start


def cost_of_holding(build, masks):
    """Medians of a step without and with held weights, alternating."""
    torch.manual_seed(0)
    pairs = []
    for holds in (False, True):
        model, inputs = build()
        held = Held(lambda model=model: model)
        if holds:
            parameters = model.named_parameters()
            held.hold({n: masks(p) for n, p in parameters}, model)
        optimizer = torch.optim.Adam(model.parameters())
        pairs.append((model, optimizer, inputs, held))
    times = [[seconds(*pair) for pair in pairs] for _ in range(REPETITIONS)]
    return [statistics.median(column) for column in zip(*times[WARM:])]


def now():
    """What the clocks show, wall and CPU, in milliseconds."""
    return 1000 * np.array([time.perf_counter(), time.process_time()])


class Parts:
    """What each part of a run took, without the parts that it calls."""

    def __init__(self):
        self.took, self.inside = defaultdict(list), []

    def time(self, part, kind, method):
        """Times a method from now on."""
        inner = getattr(kind, method)

        def timed(*args, **kwargs):
            """The method, timed."""
            self.inside.append(0)
            start = now()
            try:
                return inner(*args, **kwargs)
            finally:
                took = now() - start
                self.took[part].append(took - self.inside.pop())
                if self.inside:
                    self.inside[-1] = self.inside[-1] + took

        setattr(kind, method, timed)

    def pop(self):
        """Returns what there is, and begins anew."""
        took, self.took = self.took, defaultdict(list)
        return took


def boundaries(recipe, hparams, *options):
    """Runs a recipe here; returns the parts of each task and boundary."""
    parts, found, last = Parts(), [], []
    for part, place in PARTS.items():
        parts.time(part, *place)
    begin, after = ContinualBrain.begin_epoch, ContinualBrain.optimizers_step

    def step(brain):
        """A step; notes what it took since the last one."""
        after(brain)
        if last:
            parts.took["step"].append(now() - last.pop())
        last.append(now())

    def epoch(brain, number):
        """Between two epochs; notes what it took, if a task begins."""
        last.clear()
        if not 0 < brain.finished.begun < brain.task_of(number):
            return begin(brain, number)
        task = parts.pop()
        begin(brain, number)
        found.append((task, parts.pop()))

    ContinualBrain.optimizers_step, ContinualBrain.begin_epoch = step, epoch
    sys.argv = ["train.py", hparams, "--noprogressbar", *options]
    sys.argv += [f"--output_folder={tempfile.mkdtemp()}"]
    sys.path.insert(0, str(recipe))
    code = compile((recipe / "train.py").read_text(), "train.py", "exec")
    exec(code, {"__name__": "__main__", "__file__": str(recipe / "train.py")})
    return found


def number(value):
    """With one decimal, if it is small."""
    return f"{value:.{int(value < 10)}f}"


def table_of_boundaries(recipe, hparams, *options):
    """Prints what the boundaries of a recipe take, beside their limits."""
    os.chdir(recipe)  # its data are there
    print(f"\nWall / CPU milliseconds, {hparams} {' '.join(options)}\n")
    heads = ["after task", "step", "batch", *PARTS, "all", "limit"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    found = boundaries(pathlib.Path(), hparams, *options)
    for task, (before, took) in enumerate(found, start=1):
        one, batch = (np.median(before[k], 0) for k in ("step", "validate"))
        cells = [sum(took[part], np.zeros(2)) for part in PARTS]
        cells = [one, batch, *cells, sum(cells), 3 * one + task * batch]
        words = [" / ".join(map(number, cell)) for cell in cells]
        print(f"| {task} | {' | '.join(words)} |")


def main():
    """Prints a table of steps, and one of boundaries for each recipe."""
    print("| network | held | step ms | with held weights ms | more |")
    print("|---|---|---|---|---|")
    for build in (mlp, crdnn):
        for masks in (one_by_one, old_units):
            plain, held = cost_of_holding(build, masks)
            print(
                f"| {build.__name__} | {masks.__name__.replace('_', ' ')} "
                f"| {1000 * plain:.2f} | {1000 * held:.2f} "
                f"| {100 * (held / plain - 1):.1f} % |",
                flush=True,
            )
    for run in RUNS:
        subprocess.run([sys.executable, __file__, *run], check=True)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    if len(sys.argv) == 1:
        main()
    else:
        table_of_boundaries(*sys.argv[1:])
