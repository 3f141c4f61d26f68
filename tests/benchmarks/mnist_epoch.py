"""Times one epoch over images of MNIST's shape: bare torch, ours, stock.

> OMP_NUM_THREADS=1 python tests/benchmarks/mnist_epoch.py

All three train 784-64-10 at batch 64 on the same random tensors, with the same
optimizer. They take turns, so that a busy machine is busy for all of them.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset

import speechbrain as sb
from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.nnet.mlp import MLP
from speechbrain_growth.training.brain import GrowingBrain
from speechbrain_growth.training.lean import LeanBrain

BATCH = 64
YAML = """
number_of_epochs: 1
hidden: [64]
model: !new:speechbrain_growth.MLP [784, !ref <hidden>, 10]
modules: {model: !ref <model>}
growth_schedule: !new:speechbrain_growth.GrowthSchedule
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 784]
"""


class Classifying:
    """What the MNIST recipe computes."""

    def compute_forward(self, batch, stage):
        """A score for each class."""
        images = batch[0].to(self.device)
        if hasattr(self, "meter"):
            self.meter.count(images)
        return self.modules.model(images)

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy."""
        return cross_entropy(predictions, batch[1].to(self.device))


class Ours(Classifying, GrowingBrain, LeanBrain):
    """The recipe's Brain."""


class Stock(Classifying, sb.Brain):
    """SpeechBrain's own, which fetches items one by one."""


def bare(data, optimizer):
    """The loop that one would write by hand."""
    images, labels = data.tensors
    model = MLP(784, [64], 10)
    optimizer = optimizer(model.parameters())

    def epoch():
        order = torch.randperm(len(images))
        for chosen in order.split(BATCH):
            loss = cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def fitted(brain, data):
    """An epoch of a Brain, without what it does once in a run."""
    brain.noprogressbar = True
    loader = brain.make_dataloader(
        data, sb.Stage.TRAIN, batch_size=BATCH, shuffle=True
    )
    if isinstance(brain, GrowingBrain):
        brain.valid_loader = loader
    brain.on_fit_start()
    return lambda: brain._fit_train(loader, 1, enable=False)


def growing(folder, optimizer):
    """The recipe's Brain, as its main block makes it."""
    path = Path(folder) / "hparams.yaml"
    path.write_text(YAML, encoding="utf-8")
    with path.open(encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin)
    return Ours(
        blueprint=open_blueprint(str(path)),
        schedule=hparams["growth_schedule"],
        growth_log=hparams["growth_log"],
        modules=hparams["modules"],
        opt_class=optimizer,
        hparams=hparams,
        run_opts={"max_grad_norm": float("inf"), "device": "cpu"},
    )


def main():
    """Prints a line for each way, and how it compares with the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="adam")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    data = TensorDataset(
        torch.randn(chosen.images, 784),
        torch.randint(10, (chosen.images,)),
    )

    def optimizer(parameters):
        if chosen.optimizer == "sgd":
            return torch.optim.SGD(
                parameters, lr=0.01, momentum=0.9, fused=True
            )
        return torch.optim.Adam(parameters, lr=0.001, fused=True)

    with tempfile.TemporaryDirectory() as folder:
        stock = Stock(
            {"model": MLP(784, [64], 10)}, optimizer, run_opts={"device": "cpu"}
        )
        ways = {
            "bare torch loop": bare(data, optimizer),
            "our Brain": fitted(growing(folder, optimizer), data),
            "stock Brain, item by item": fitted(stock, data),
        }
        seconds = {name: [] for name in ways}
        for repetition in range(chosen.repetitions + 1):
            for name, epoch in ways.items():
                begin = time.perf_counter()
                epoch()
                if repetition:  # the first one warms up
                    seconds[name].append(time.perf_counter() - begin)
    first = seconds["bare torch loop"]
    print(f"{chosen.images} images, {chosen.repetitions} repetitions")
    for name, own in seconds.items():
        # Neighbours in time are compared, as the machine's load changes
        ratio = statistics.median(a / b for a, b in zip(own, first))
        print(
            f"{name:<26} median {statistics.median(own):6.2f} s, "
            f"{ratio:.2f} x bare (best {min(own):.2f} s, "
            f"{min(own) / min(first):.2f} x)"
        )


if __name__ == "__main__":
    main()
