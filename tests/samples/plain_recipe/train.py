#!/usr/bin/env python3
"""A plain SpeechBrain recipe: tells tones in noise apart, with stock code only.

> python train.py train.yaml

docs/grow_your_recipe.md has the changes that make it grow.

Authors
 * The speechbrain_growth authors 2026
"""

import sys

import torch
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb


class ToneBrain(sb.Brain):
    """Trains a classifier of tones."""

    def compute_forward(self, batch, stage):
        """Scores of each tone."""
        feats = self.modules.compute_features(batch[0].to(self.device))
        frames = self.modules.encoder(feats)
        return self.modules.classifier(frames).mean(dim=1)

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy; counts errors."""
        tones = batch[1].to(self.device)
        if stage != sb.Stage.TRAIN:
            wrong = predictions.argmax(dim=-1) != tones
            self.wrong += wrong.tolist()
        return torch.nn.functional.cross_entropy(predictions, tones)

    def on_stage_start(self, stage, epoch=None):
        """Starts counting."""
        self.wrong = []

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Anneals, logs and saves."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        error = 100 * sum(self.wrong) / len(self.wrong)
        stats = {"loss": stage_loss, "error": error}

        if stage == sb.Stage.VALID:
            old_lr, new_lr = self.hparams.lr_annealing(epoch)
            sb.nnet.schedulers.update_learning_rate(self.optimizer, new_lr)
            self.hparams.train_logger.log_stats(
                stats_meta={"epoch": epoch, "lr": old_lr},
                train_stats={"loss": self.train_loss},
                valid_stats=stats,
            )
            self.checkpointer.save_and_keep_only(
                meta={"error": stats["error"]}, min_keys=["error"]
            )
        else:
            self.hparams.train_logger.log_stats(
                stats_meta={"epoch": self.hparams.epoch_counter.current},
                test_stats=stats,
            )


def dataio_prep(hparams):
    """Draws a tone in noise for each example."""
    generator = torch.Generator().manual_seed(hparams["seed"])
    seconds = torch.arange(1600) / 16000
    datasets = []
    for examples in (48, 24, 24):
        tones = torch.randint(4, (examples,), generator=generator)
        phases = seconds * 2 * torch.pi * 500 * (1 + tones[:, None])
        noise = torch.randn(examples, 1600, generator=generator)
        wavs = phases.sin() + hparams["noise"] * noise
        datasets.append(torch.utils.data.TensorDataset(wavs, tones))
    return datasets


def main(arguments):
    """Trains and tests, as the command line says."""
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    with open(hparams_file, encoding="utf-8") as fin:
        hparams = load_hyperpyyaml(fin, overrides)
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    train_data, valid_data, test_data = dataio_prep(hparams)

    brain = ToneBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    options = {"batch_size": hparams["batch_size"]}
    brain.fit(
        brain.hparams.epoch_counter,
        train_data,
        valid_data,
        train_loader_kwargs={**options, "shuffle": True},
        valid_loader_kwargs=options,
    )
    brain.evaluate(test_data, min_key="error", test_loader_kwargs=options)


if __name__ == "__main__":
    main(sys.argv[1:])
