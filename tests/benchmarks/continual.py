"""What never forgetting costs: held weights in a step, and a task's boundary.

Half of all weights are held, one by one, as CPG does; or the older half of the
units, as after a growth with frozen units. Then the recipe for MNIST is run on
digits, and what happens between the last step of a task and the first of the
next is timed: the best epoch is loaded, the task is finished and saved, the
network grows, and all finished tasks are probed.

> OMP_NUM_THREADS=1 python tests/benchmarks/continual.py

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from speechbrain_growth import CRDNN, MLP, Held
from speechbrain_growth.continual.brain import ContinualBrain

REPETITIONS, WARM = 40, 5
RECIPE = (
    pathlib.Path(__file__).parents[2] / "recipes/MNIST/continual/growing_MLP"
)


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


def boundaries(hparams):
    """Runs the recipe in this process; returns what its boundaries took."""
    found, steps, last = [], [], {}
    after_step = ContinualBrain.optimizers_step
    begin = ContinualBrain.begin_epoch

    def step(brain):
        """A step; notes when it ended."""
        after_step(brain)
        now = time.perf_counter()
        steps.append(now - last.get("step", now))
        last["step"] = now

    def epoch(brain, number):
        """Between two epochs; notes how long, if a task begins."""
        start, before = time.perf_counter(), brain.finished.begun
        begin(brain, number)
        if before and brain.finished.begun > before:
            found.append((time.perf_counter() - start, len(brain.finished)))
        last["step"] = time.perf_counter()

    ContinualBrain.optimizers_step, ContinualBrain.begin_epoch = step, epoch
    sys.argv = ["train.py", hparams, f"--output_folder={tempfile.mkdtemp()}"]
    sys.argv += ["--epochs_per_task=3", "--noprogressbar"]
    sys.path.insert(0, str(RECIPE))
    code = compile((RECIPE / "train.py").read_text(), "train.py", "exec")
    exec(code, {"__name__": "__main__", "__file__": str(RECIPE / "train.py")})
    return found, statistics.median(steps)


def main():
    """Prints two tables."""
    logging.disable(logging.INFO)
    print("| network | held | step ms | with held weights ms | more |")
    print("|---|---|---|---|---|")
    for build in (mlp, crdnn):
        for masks in (one_by_one, old_units):
            plain, held = cost_of_holding(build, masks)
            print(
                f"| {build.__name__} | {masks.__name__.replace('_', ' ')} "
                f"| {1000 * plain:.2f} | {1000 * held:.2f} "
                f"| {100 * (held / plain - 1):.1f} % |"
            )
    print("\n| after task | boundary ms | steps |\n|---|---|---|")
    found, step = boundaries(str(RECIPE / "hparams/continual.yaml"))
    for took, task in found:
        print(f"| {task} | {1000 * took:.0f} | {took / step:.0f} |")
    print(f"\nOne step: {1000 * step:.2f} ms")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        subprocess.run([sys.executable, __file__], check=True)
