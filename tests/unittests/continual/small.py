"""A small run over several tasks with real checkpoints, for the tests beside it.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb
from speechbrain_growth import ContinualBrain, LeanBrain, task_loader
from speechbrain_growth.launch.init_from import open_blueprint

PIXELS, CLASSES = 9, 3
STREAM = """!new:speechbrain_growth.Permuted
    tasks: !ref <tasks>
    seed: 3"""
YAML = """
seed: 7
__set_seed: !apply:speechbrain.utils.seed_everything [!ref <seed>]
output_folder: !PLACEHOLDER
save_folder: !ref <output_folder>/save
tasks: 3
epochs_per_task: 2
number_of_epochs: !ref <tasks> * <epochs_per_task>
lr: 0.05
stream: !new:speechbrain_growth.Permuted
    tasks: !ref <tasks>
    seed: 3
strategy: STRATEGY
hidden: [5, 4]
columns: 1
growth: GROWTH
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: !ref <output_folder>/growth_log.jsonl
    example_shape: [1, 9]
train_logger: !new:speechbrain_growth.RunLogger
    save_file: !ref <output_folder>/train_log.txt
    metric: error
    better: lower
model: MODEL
modules: {model: !ref <model>}
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
    limit: !ref <number_of_epochs>
opt_class: !name:torch.optim.AdamW
    lr: !ref <lr>
lr_annealing: !new:speechbrain.nnet.schedulers.LinearScheduler
    initial_value: !ref <lr>
    final_value: 0.01
    epoch_count: !ref <epochs_per_task>
checkpointer: !new:speechbrain_growth.SafeCheckpointer
    checkpoints_dir: !ref <save_folder>
    recoverables:
        model: !ref <model>
        counter: !ref <epoch_counter>
"""
MLP = """!new:speechbrain_growth.MLP
    inputs: 9
    hidden: !ref <hidden>
    outputs: 3
    batch_norm: True"""
COLUMNS = """!new:speechbrain_growth.Columns
    number: !ref <columns>
    column: !name:speechbrain_growth.MLP
        inputs: 9
        hidden: !ref <hidden>
        outputs: 3
    laterals: linear
    into: [hidden_1.linear, output]"""
STRATEGY = "!new:speechbrain_growth.{}"
OWN = "!new:speechbrain_growth.Strategy\n    own: [model.output, norms]"
WIDER = "{on_task: each, adds: {hidden: [3, 2]}, max_times: 2, old: frozen}"
COLUMN = "{on_task: each, adds: {columns: 1}, max_times: 2, old: frozen}"
# By name: the model, the strategy and the growth
SYSTEMS = {
    "fine-tuning": (MLP, STRATEGY.format("Strategy"), "[]"),
    "heads": (MLP, OWN, "[]"),
    "heads, wider": (MLP, OWN, f"[{WIDER.replace('old: frozen', '')}]"),
    "progressive": (COLUMNS, STRATEGY.format("Progressive"), f"[{COLUMN}]"),
    "independent": (MLP, STRATEGY.format("Independent"), "[]"),
    "joint": (MLP, STRATEGY.format("Joint"), "[]"),
    "EWC": (MLP, STRATEGY.format("EWC") + "\n    samples: 4", "[]"),
    "replay": (MLP, STRATEGY.format("Replay") + "\n    size: 6", "[]"),
}


class Killed(Exception):
    """Stands for a process that ends at once."""


class SmallBrain(ContinualBrain, LeanBrain):
    """Classifies; can be killed at named moments."""

    kill = None

    def moment(self, name):
        """A moment at which the run may be killed."""
        if self.kill == name:
            raise Killed(name)

    def compute_forward(self, batch, stage):
        """Scores of the classes; with noise in training, as of dropout."""
        inputs = batch[0].to(self.device)
        if stage == sb.Stage.TRAIN:
            inputs = inputs + 0.01 * torch.randn_like(inputs)
        self.meter.count(inputs)
        return self.stream.only(self.modules.model(inputs), batch[2])

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy."""
        targets = batch[1].to(self.device)
        self.wrong += int((predictions.argmax(-1) != targets).sum())
        self.items += len(targets)
        return torch.nn.functional.cross_entropy(predictions, targets)

    def on_stage_start(self, stage, epoch=None):
        """Starts counting errors."""
        self.wrong = self.items = 0

    def valid_stats(self, stage_loss):
        """Loss, and shares of wrong and right items."""
        error = 100 * self.wrong / self.items
        return {"loss": stage_loss, "error": error, "accuracy": 100 - error}

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Counts as a moment."""
        epoch = self.hparams.epoch_counter.current
        self.moment(f"epoch {epoch} step {self.step}")

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """As recipes do: anneal, log, decide, save."""
        if stage != sb.Stage.VALID:
            return
        stats = self.valid_stats(stage_loss)
        self.anneal_epoch(epoch, stage_loss)
        self.hparams.train_logger.log_stats(
            {"epoch": epoch, **self.meter.stats()},
            valid_stats=stats,
            verbose=False,
        )
        self.decide_growth(epoch, stats)
        self.save_epoch(epoch, stats["error"])
        self.moment(f"epoch {epoch} saved")

    def grow(self, epoch):
        """Grows; before and after it are moments."""
        self.moment(f"before the growth of epoch {epoch}")
        super().grow(epoch)
        self.moment(f"after the growth of epoch {epoch}")

    def _save_task(self, task, end_of_epoch):
        """Saves; after it is a moment."""
        super()._save_task(task, end_of_epoch)
        self.moment(f"task {task} finished")


def data(seed=0):
    """Three clusters, in three parts."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, PIXELS, generator=generator)
    parts = {}
    for part, number in (("train", 24), ("valid", 12), ("test", 12)):
        labels = torch.arange(number) % CLASSES
        noise = torch.randn(number, PIXELS, generator=generator)
        parts[part] = centres[labels] + 0.5 * noise, labels
    return parts


def text_of(system):
    """The YAML of a system."""
    model, strategy, growth = SYSTEMS.get(system, system)
    text = YAML.replace("STRATEGY", strategy).replace("MODEL", model)
    return text.replace("GROWTH", growth)


def small(
    folder,
    system,
    overrides=None,
    run_opts=None,
    parts=None,
    own="",
    kind=SmallBrain,
    shape="[1, 9]",
):
    """A Brain and its loaders, from a folder that may have checkpoints.

    `own` is a stream in the place of the YAML's; `kind` is the Brain's class,
    and `shape` that of one input of its model.
    """
    path = folder / "small.yaml"
    folder.mkdir(exist_ok=True)
    text = text_of(system).replace(STREAM, own or STREAM)
    path.write_text(
        text.replace("example_shape: [1, 9]", f"example_shape: {shape}")
    )
    overrides = {"output_folder": str(folder), **(overrides or {})}
    blueprint = open_blueprint(str(path), overrides)
    with open(path) as fin:
        hparams = load_hyperpyyaml(fin, overrides)
    datasets = hparams["stream"].of(parts or data())
    loaders = {
        part: task_loader(one, 4, shuffle=part == "train", seed=5)
        for part, one in datasets.items()
    }
    brain = kind(
        stream=hparams["stream"],
        strategy=hparams["strategy"],
        blueprint=blueprint,
        schedule=hparams["growth_schedule"],
        growth_log=hparams["growth_log"],
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts={"noprogressbar": True, **(run_opts or {})},
        checkpointer=hparams["checkpointer"],
    )
    brain.loaders = loaders
    return brain


def train(brain):
    """Trains all tasks."""
    counter = brain.hparams.epoch_counter
    brain.fit(counter, brain.loaders["train"], brain.loaders["valid"])
    return brain


def until_killed(brain, moment):
    """Trains a Brain that is killed at a moment, one of those it knows."""
    brain.kill = moment
    with pytest.raises(Killed):
        train(brain)
    return brain


def ended(brain):
    """All tensors that a run ends with, by name; its own text, too."""
    state = dict(brain.raw_modules.state_dict())
    for number, one in enumerate(brain.finished.tasks, start=1):
        state.update({f"{number} {k}": v for k, v in one.own.items()})
    for name, parameter in brain.raw_modules.named_parameters():
        for key, value in brain.optimizer.state.get(parameter, {}).items():
            state[f"{name} {key}"] = torch.as_tensor(value)
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def same(one, other):
    """Names of what differs between two ends, to the bit."""
    return [
        name
        for name in {**one, **other}
        if name not in one
        or name not in other
        or not torch.equal(one[name], other[name])
    ]
