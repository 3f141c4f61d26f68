"""A small growing run with real checkpoints, for the tests beside it.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import random
import re

import numpy as np
import torch
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb
from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.training.brain import GrowingBrain

YAML = """
seed: 7
__set_seed: !apply:speechbrain.utils.seed_everything [!ref <seed>]
output_folder: !PLACEHOLDER
save_folder: !ref <output_folder>/save
init_from: ""
number_of_epochs: 4
lr: 0.5
dropout: 0.2
rnn_layers: 2
cnn_channels: [2, 4]
rnn_neurons: 6
dnn_neurons: 8
growth:
    - after_epoch: 2
      cnn_channels: [4, 8]
      rnn_neurons: 9
      dnn_neurons: 13
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: !ref <output_folder>/growth_log.jsonl
    example_shape: [1, 20, 12]
train_logger: !new:speechbrain_growth.RunLogger
    save_file: !ref <output_folder>/train_log.txt
    metric: error
    better: lower
model: !new:speechbrain.lobes.models.CRDNN.CRDNN
    input_size: 12
    cnn_channels: !ref <cnn_channels>
    rnn_layers: !ref <rnn_layers>
    rnn_neurons: !ref <rnn_neurons>
    dnn_neurons: !ref <dnn_neurons>
    dropout: !ref <dropout>
output: !new:speechbrain.nnet.linear.Linear
    input_size: !ref <dnn_neurons>
    n_neurons: 5
modules: {model: !ref <model>, output: !ref <output>}
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
    limit: !ref <number_of_epochs>
opt_class: !name:torch.optim.Adadelta
    lr: !ref <lr>
lr_annealing: !new:speechbrain.nnet.schedulers.NewBobScheduler
    initial_value: !ref <lr>
checkpointer: !new:speechbrain_growth.SafeCheckpointer
    checkpoints_dir: !ref <save_folder>
    recoverables:
        model: !ref <model>
        output: !ref <output>
        scheduler: !ref <lr_annealing>
        counter: !ref <epoch_counter>
"""


class Killed(Exception):
    """Stands for a process that ends at once."""


class ToyBrain(GrowingBrain):
    """Classifies frames; can be killed, and notes what happened."""

    kill = None  # called at named moments; raises Killed

    def moment(self, name):
        """A moment at which the run may be killed."""
        if self.kill is not None:
            self.kill(name)

    def compute_forward(self, batch, stage):
        """Log-probabilities of five classes for every frame."""
        inputs = batch[0].to(self.device)
        if stage == sb.Stage.TRAIN:  # as augmentations do, from anywhere
            inputs = inputs + 0.1 * random.random() * np.random.rand()
        self.meter.count(inputs)
        return self.modules.output(self.modules.model(inputs)).log_softmax(-1)

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy."""
        targets = batch[1].to(self.device)
        self.errors += (predictions.argmax(-1) != targets).sum().item()
        return torch.nn.functional.nll_loss(
            predictions.flatten(0, 1), targets.flatten()
        )

    def on_stage_start(self, stage, epoch=None):
        """Starts counting errors."""
        self.errors = 0

    def valid_stats(self, stage_loss):
        """Loss and number of wrong frames."""
        return {"loss": stage_loss, "error": self.errors}

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Counts as a moment."""
        if should_step:
            self.anneal_step()
        epoch = self.hparams.epoch_counter.current
        self.moment(f"epoch {epoch} step {self.step}")

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """As recipes do: anneal, log, decide, save."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
        if stage != sb.Stage.VALID:
            return
        stats = self.valid_stats(stage_loss)
        digits = f"{self.train_loss:.17g}"  # all that there are
        self.hparams.train_logger.log_stats(
            {"epoch": epoch, "digits": digits, **self.meter.stats()},
            valid_stats=stats,
            verbose=False,
        )
        self.history.append(stats)
        self.anneal_epoch(epoch, stage_loss)
        self.decide_growth(epoch, stats)
        self.moment(f"epoch {epoch} before saving")
        self.checkpointer.save_and_keep_only(
            meta={"error": float(stats["error"])},
            min_keys=["error"],
            num_to_keep=self.keep,
        )
        self.moment(f"epoch {epoch} saved")

    def grow(self, epoch):
        """Counts as two moments."""
        self.moment("before growing")
        super().grow(epoch)
        self.moment("grown")


def data(batches=3, seed=0):
    """Frames with classes that depend on them, in batches of four."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(4 * batches, 20, 12, generator=generator)
    targets = inputs[..., :5].cumsum(1).argmax(-1)
    return torch.utils.data.TensorDataset(inputs, targets)


def toy(folder, kill=None, keep=1, run_opts=None, **overrides):
    """A brain built from the YAML, as a recipe's main block does."""
    kind = overrides.pop("kind", ToyBrain)
    text = overrides.pop("text", YAML)
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "toy.yaml"
    own = folder / f"toy{os.getpid()}.yaml"  # two processes may write at once
    own.write_text(text, encoding="utf-8")
    os.replace(own, path)
    overrides = {"output_folder": str(folder), **overrides}
    blueprint = open_blueprint(str(path), overrides)
    with open(path, encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin, blueprint.overrides)
    brain = kind(
        blueprint=blueprint,
        schedule=hparams["growth_schedule"],
        growth_log=hparams["growth_log"],
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts={"noprogressbar": True, **(run_opts or {})},
        checkpointer=hparams["checkpointer"],
    )
    brain.kill, brain.keep, brain.history = kill, keep, []
    return brain


def train(brain, train_set=None, **loader):
    """Trains to the end, or to the moment of the kill."""
    try:
        brain.fit(
            brain.hparams.epoch_counter,
            data() if train_set is None else train_set,
            data(2, seed=1),
            train_loader_kwargs={"batch_size": 4, "shuffle": True, **loader},
            valid_loader_kwargs={"batch_size": 4},
        )
    except Killed:
        pass
    return brain


def train_log(brain):
    """The text log without the clocks."""
    with open(brain.hparams.train_logger.save_file, encoding="utf-8") as fin:
        return re.sub(r"(cpu|wall)_seconds: [^,]+, ", "", fin.read())


def at(moment):
    """Kills at one moment."""

    def kill(name):
        if name == moment:
            raise Killed(name)

    return kill


def entry_of(brain):
    """The line of the growth log, of a run with one growth."""
    (entry,) = brain.growth_log.read()
    return entry


def weights(brain):
    """All tensors of the brain's modules, and of its optimizer."""
    tensors = dict(brain.modules.state_dict())
    for number, state in enumerate(brain.optimizer.state.values()):
        for key, value in state.items():
            tensors[f"optimizer {number} {key}"] = torch.as_tensor(value)
    return tensors
