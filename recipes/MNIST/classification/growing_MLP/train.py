#!/usr/bin/env python3
"""Recipe for training an image classifier that grows mid-training.

An MLP starts small and is made wider or deeper between epochs, as the list
``growth`` of the YAML says. A growth does not change the outputs of the model,
and it carries the optimizer's state along.

To run this recipe in seconds, on images that come with scikit-learn:
> python train.py hparams/grow.yaml --dataset=digits

On MNIST or Fashion-MNIST, which are downloaded if they are not there:
> python train.py hparams/grow.yaml --data_folder=/path/to/MNIST
> python train.py ../../../../hparams/variants/mlp_fashion_mnist.yaml \
    --data_folder=/path/to/Fashion-MNIST

The baselines are overrides: small, and large from the start
> python train.py hparams/grow.yaml --growth=[]
> python train.py hparams/grow.yaml --growth=[] --hidden=[64] \
    --number_of_epochs=24

Authors
 * The speechbrain_growth authors 2026
"""

import sys

from mnist_prepare import DataError, load_mnist, prepare_mnist, random_shift
from torch.utils.data import TensorDataset

import speechbrain as sb
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain_growth import (
    GrowingBrain,
    GrowthError,
    LeanBrain,
    check_annealing,
    open_run,
    plain_errors,
)

logger = get_logger(__name__)


# Define training procedure
class ImageBrain(GrowingBrain, LeanBrain):
    def compute_forward(self, batch, stage):
        """Given a batch of images it computes a score for each class."""
        images = batch[0].to(self.device)

        # Shift training images by a few pixels if specified.
        if stage == sb.Stage.TRAIN and self.hparams.shift:
            images = random_shift(images, self.hparams.shift)

        self.meter.count(images)
        return self.modules.model(images)

    def compute_objectives(self, predictions, batch, stage):
        """Given the scores and the labels it computes the cross-entropy."""
        labels = batch[1].to(self.device)

        if stage == sb.Stage.TRAIN:
            loss = self.hparams.train_cost(predictions, labels)
        else:
            loss = self.hparams.compute_cost(predictions, labels)
            self.accuracy_stats.append(predictions[None], labels[None])

        return loss

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """At the end of a step, anneals by a scheduler that counts steps."""
        if should_step:
            self.anneal_step()

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

        if stage == sb.Stage.VALID:
            old_lr = self.anneal_epoch(epoch, stats["loss"])
            self.hparams.train_logger.log_stats(
                stats_meta={
                    "epoch": epoch,
                    "lr": old_lr,
                    **self.meter.stats(),
                },
                train_stats={"loss": self.train_loss},
                valid_stats=stats,
            )
            # Before the checkpoint is saved, which must hold the decision.
            self.decide_growth(epoch, stats)
            self.checkpointer.save_and_keep_only(
                meta={"error": stats["error"]}, min_keys=["error"]
            )

        elif stage == sb.Stage.TEST:
            self.hparams.train_logger.log_stats(
                stats_meta={"Epoch loaded": self.hparams.epoch_counter.current},
                test_stats=stats,
            )


def dataio_prep(hparams):
    """Reads the whole data set into memory."""
    parts = load_mnist(
        hparams["data_folder"], hparams["dataset"], hparams["valid_size"]
    )
    images, labels = parts["train"]
    found = {"inputs": images.shape[1], "outputs": int(labels.max()) + 1}
    problems = [
        f"{key} is {hparams[key]}, but {hparams['dataset']} needs {number}"
        for key, number in found.items()
        if hparams[key] != number
    ]
    if problems:
        raise GrowthError(problems)
    return {part: TensorDataset(*tensors) for part, tensors in parts.items()}


def choose_optimizer(hparams):
    """Finds the optimizer by its name; raises if there is none."""
    known, chosen = hparams["optimizers"], hparams["opt_name"]
    if chosen not in known:
        raise GrowthError(
            f"opt_name is {chosen!r}; it must be {' or '.join(known)}"
        )
    return known[chosen]


def check_hparams(hparams):
    """Raises for values with which the training could not run."""
    choose_optimizer(hparams)
    check_annealing(hparams["lr_annealing"], hparams["number_of_epochs"])


# Begin Recipe!
if __name__ == "__main__":
    # A mistake of the user ends with one message instead of a traceback
    with plain_errors(DataError):
        # CLI: checks all growths, loads the hyperparameters file with
        # command-line overrides, initializes ddp, creates the experiment
        # directory
        run = open_run(sys.argv[1:], check=check_hparams)
        hparams = run.hparams
        if hparams["init_from"]:
            logger.info(f"It starts from {hparams['init_from']}")

        # multi-gpu (ddp) save data preparation
        run_on_main(
            prepare_mnist,
            kwargs={
                "data_folder": hparams["data_folder"],
                "dataset": hparams["dataset"],
                "skip_prep": hparams["skip_prep"],
            },
        )

        # Dataset IO prep: images and labels as tensors
        datasets = dataio_prep(hparams)

        # Trainer initialization
        image_brain = ImageBrain(
            blueprint=run.blueprint,
            schedule=hparams["growth_schedule"],
            growth_log=hparams["growth_log"],
            modules=hparams["modules"],
            opt_class=choose_optimizer(hparams),
            hparams=hparams,
            run_opts=run.run_opts,
            checkpointer=hparams["checkpointer"],
        )

        # Training/validation loop
        image_brain.fit(
            image_brain.hparams.epoch_counter,
            datasets["train"],
            datasets["valid"],
            train_loader_kwargs=hparams["train_dataloader_opts"],
            valid_loader_kwargs=hparams["valid_dataloader_opts"],
        )

        # Test
        image_brain.evaluate(
            datasets["test"],
            min_key="error",
            test_loader_kwargs=hparams["valid_dataloader_opts"],
        )

        # What happened, and where it is written
        accuracy = 100 * image_brain.accuracy_stats.summarize()
        logger.info(
            f"{hparams['growth_log'].in_words()}\n"
            f"Test accuracy {accuracy:.2f} %, best checkpoint on validation.\n"
            f"Per epoch: {hparams['train_log']}\n"
            f"Growths: {hparams['growth_log'].save_file}\n"
            f"Checkpoints: {hparams['save_folder']}"
        )
