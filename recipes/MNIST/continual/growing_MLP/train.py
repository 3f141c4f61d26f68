#!/usr/bin/env python3
"""Recipe for training an image classifier on one task after another.

The network grows when a task begins, or when it misses a goal, as the list
``growth`` of the YAML says. What else happens to it is the ``strategy``:
progressive networks, and baselines, one of which forgets.

To run this recipe in a minute, on images that come with scikit-learn:
> python train.py hparams/continual.yaml

On MNIST, which is downloaded if it is not there:
> python train.py hparams/continual.yaml --dataset=mnist \
    --data_folder=/path/to/MNIST

Other strategies are short files in hparams/variants of the repository:
> python train.py ../../../../hparams/variants/continual_fine_tuning.yaml

Authors
 * The speechbrain_growth authors 2026
"""

import os
import sys

from mnist_prepare import DataError, load_mnist, prepare_mnist

import speechbrain as sb
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain_growth import (
    ContinualBrain,
    GrowthError,
    LeanBrain,
    check_annealing,
    open_run,
    plain_errors,
    task_loader,
)

logger = get_logger(__name__)


# Define training procedure
class TaskBrain(ContinualBrain, LeanBrain):
    def compute_forward(self, batch, stage):
        """Given a batch of images it computes a score for each class."""
        images, _, tasks = batch
        images = images.to(self.device)
        self.meter.count(images)
        # Where tasks have classes of their own, only these can be chosen
        return self.stream.only(self.modules.model(images), tasks)

    def compute_objectives(self, predictions, batch, stage):
        """Given the scores and the labels it computes the cross-entropy."""
        labels = batch[1].to(self.device)
        if stage != sb.Stage.TRAIN:
            self.accuracy_stats.append(predictions[None], labels[None])
        return self.hparams.compute_cost(predictions, labels)

    def on_stage_start(self, stage, epoch=None):
        """Gets called when a stage (train, validation, test) starts."""
        if stage != sb.Stage.TRAIN:
            self.accuracy_stats = self.hparams.accuracy_stats()

    def valid_stats(self, stage_loss):
        """Metrics of a validation; growth conditions may name any of them."""
        accuracy = 100 * self.accuracy_stats.summarize()
        return {
            "loss": stage_loss,
            "error": 100 - accuracy,
            "accuracy": accuracy,
        }

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Gets called at the end of a stage."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        stats = self.valid_stats(stage_loss)
        old_lr = self.anneal_epoch(epoch, stats["loss"])
        self.hparams.train_logger.log_stats(
            stats_meta={
                "epoch": epoch,
                "task": self.task_of(epoch),
                "lr": old_lr,
                **self.meter.stats(),
            },
            train_stats={"loss": self.train_loss},
            valid_stats=stats,
        )
        # Before the checkpoint is saved, which must hold the decision.
        self.decide_growth(epoch, stats)
        self.save_epoch(epoch, stats["error"])


def datasets(hparams):
    """The folder of each data set that the stream shows."""
    folder = hparams["data_folder"]
    if not hasattr(hparams["stream"], "names"):
        return {hparams["dataset"]: folder}
    return {
        name: os.path.join(folder, name) for name in hparams["stream"].names
    }


def dataio_prep(hparams):
    """Makes a loader of the tasks of each part of the data."""
    data = [
        load_mnist(folder, name, hparams["valid_size"])
        for name, folder in datasets(hparams).items()
    ]
    pixels = data[0]["train"][0].shape[1]
    if pixels != hparams["inputs"]:
        raise GrowthError(f"inputs is {hparams['inputs']}; use {pixels}")
    return {
        part: task_loader(
            dataset,
            hparams["batch_size"] if part == "train" else 1000,
            shuffle=part == "train",
            seed=hparams["seed"],
        )
        for part, dataset in hparams["stream"].of(*data).items()
    }


def check_hparams(hparams):
    """Raises for values with which the training could not run."""
    check_annealing(hparams["lr_annealing"], hparams["epochs_per_task"])


# Begin Recipe!
if __name__ == "__main__":
    # A mistake of the user ends with one message instead of a traceback
    with plain_errors(DataError):
        # CLI: checks all growths, loads the hyperparameters file with
        # command-line overrides, initializes ddp, creates the experiment
        # directory
        run = open_run(sys.argv[1:], check=check_hparams)
        hparams = run.hparams

        # multi-gpu (ddp) save data preparation
        for dataset, folder in datasets(hparams).items():
            run_on_main(
                prepare_mnist,
                kwargs={
                    "data_folder": folder,
                    "dataset": dataset,
                    "skip_prep": hparams["skip_prep"],
                },
            )

        # Dataset IO prep: the tasks of the stream
        loaders = dataio_prep(hparams)

        # Trainer initialization
        task_brain = TaskBrain(
            stream=hparams["stream"],
            strategy=hparams["strategy"],
            blueprint=run.blueprint,
            schedule=hparams["growth_schedule"],
            growth_log=hparams["growth_log"],
            modules=hparams["modules"],
            opt_class=hparams["opt_class"],
            hparams=hparams,
            run_opts=run.run_opts,
            checkpointer=hparams["checkpointer"],
        )

        # Training/validation loop, over all tasks
        task_brain.fit(
            task_brain.hparams.epoch_counter, loaders["train"], loaders["valid"]
        )

        # Test: every task after every task
        matrix = task_brain.evaluate_tasks(loaders["test"], "accuracy")

        # What happened, and where it is written
        logger.info(
            f"{hparams['growth_log'].in_words()}\n"
            f"{matrix.in_words('accuracy')}\n"
            f"All of it: {hparams['output_folder']}/tasks.json\n"
            f"Per epoch: {hparams['train_log']}\n"
            f"Growths: {hparams['growth_log'].save_file}\n"
            f"Checkpoints: {hparams['save_folder']}"
        )
