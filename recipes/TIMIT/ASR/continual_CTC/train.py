#!/usr/bin/env python3
"""Recipe for training a phoneme recognizer on one kind of speech after another.

A CRDNN with CTC learns one accent of TIMIT after another, one channel, or one
phone set, of which each is finer than the one before. It
grows when a task begins, as the list ``growth`` of the YAML says. What else
happens to it is the ``strategy``: progressive networks, and baselines, one of
which forgets. Greedy search is used throughout.

To run this recipe on a synthetic stand-in for TIMIT, made on first use:
> python train.py hparams/continual.yaml

On TIMIT itself:
> python train.py hparams/continual.yaml --data_folder=/path/to/TIMIT

Other strategies and streams are short files in hparams/variants of the
repository:
> python train.py ../../../../hparams/variants/continual_accents_fine_tuning.yaml

Authors
 * The speechbrain_growth authors 2026
"""

import os
import sys

import speechbrain as sb
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain_growth import (
    ContinualBrain,
    GrowthError,
    SafeTextEncoder,
    check_annealing,
    check_annotation,
    check_features,
    open_run,
    output_frames,
    plain_errors,
    read_audio,
    read_numbers,
    refuse_too_long,
    task_loader,
    too_long,
)

logger = get_logger(__name__)

PARTS = ("train", "valid", "test")


# Define training procedure
class ASR_Brain(ContinualBrain):
    def compute_forward(self, batch, stage):
        """Given an input batch it computes the phoneme probabilities."""
        batch = batch.to(self.device)
        wavs, wav_lens = batch.sig
        feats = self.hparams.compute_features(wavs)
        feats = self.modules.normalize(feats, wav_lens)
        self.meter.count(feats)
        pout = self.hparams.log_softmax(self.modules.model(feats))

        return pout, wav_lens

    def compute_objectives(self, predictions, batch, stage):
        """Given the network predictions and targets computes the CTC loss."""
        pout, pout_lens = predictions
        # In the phones of each utterance's task, before any is chosen
        pout = self.stream.only(pout, batch.task)
        phns, phn_lens = batch.phn_encoded
        loss = self.hparams.compute_cost(pout, phns, pout_lens, phn_lens)

        if stage != sb.Stage.TRAIN:
            sequence = sb.decoders.ctc_greedy_decode(
                pout, pout_lens, blank_id=self.hparams.blank_index
            )
            self.per_metrics.append(
                ids=batch.id,
                predict=sequence,
                target=phns,
                target_len=phn_lens,
                ind2lab=self.label_encoder.decode_ndim,
            )

        return loss

    def with_tasks(self, batch, tasks):
        """An utterance's network is chosen, but its outputs mean the same."""
        return batch

    def on_stage_start(self, stage, epoch=None):
        """Gets called when a stage (train, validation, test) starts."""
        if stage != sb.Stage.TRAIN:
            self.per_metrics = self.hparams.per_stats()

    def valid_stats(self, stage_loss):
        """Metrics of a validation; growth conditions may name any of them."""
        per = self.per_metrics.summarize("error_rate")
        return {"loss": stage_loss, "PER": per}

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
        self.save_epoch(epoch, stats["PER"])


def dataio_prep(hparams):
    """Makes a loader of the tasks of each part of the data."""
    data_folder = hparams["data_folder"]

    # 1. Declarations, of what can be read:
    paths = {part: hparams[f"{part}_annotation"] for part in PARTS}
    samples = {
        path: check_annotation(
            path,
            data_folder,
            texts=["phn"],
            numbers=["duration"],
            sample_rate=hparams["sample_rate"],
        )
        for path in paths.values()
    }
    datasets = {}
    for part, path in paths.items():
        data = sb.dataio.dataset.DynamicItemDataset.from_json(
            json_path=path, replacements={"data_root": data_folder}
        )
        read_numbers(data, ["duration"])
        datasets[part] = data.filtered_sorted(sort_key="duration")

    # The loss of too many labels for the audio would count as 0
    frames = output_frames(
        hparams["compute_features"], hparams["modules"]["model"]
    )
    refuse_too_long(
        {
            paths[part]: too_long(
                {
                    name: (samples[paths[part]][name], item["phn"].split())
                    for name, item in data.data.items()
                },
                frames,
            )
            for part, data in datasets.items()
        }
    )
    label_encoder = SafeTextEncoder()

    # 2. Define audio pipeline:
    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio_pipeline(wav):
        return read_audio(wav)

    # 3. Define text pipeline:
    @sb.utils.data_pipeline.takes("phn")
    @sb.utils.data_pipeline.provides("phn_list", "phn_encoded")
    def text_pipeline(phn):
        phn_list = phn.strip().split()
        yield phn_list
        yield label_encoder.encode_sequence_torch(phn_list)

    for pipeline in (audio_pipeline, text_pipeline):
        sb.dataio.dataset.add_dynamic_item(list(datasets.values()), pipeline)

    # 4. Fit encoder, on the phones of all tasks; a stream may have numbered
    # them already:
    label_encoder.load_or_create(
        path=os.path.join(hparams["save_folder"], "label_encoder.txt"),
        from_iterables=[[hparams["stream"].labels]],
        from_didatasets=[datasets["train"]],
        output_key="phn_list",
        special_labels={"blank_label": hparams["blank_index"]},
        sequence_input=True,
    )
    outputs, labels = hparams["output_neurons"], len(label_encoder)
    if labels != outputs and not hparams["stream"].labels:
        raise GrowthError(
            f"output_neurons is {outputs}, but there are {labels} labels, the "
            f"blank included; use {labels}"
        )

    # 5. Set output:
    sb.dataio.dataset.set_output_keys(
        list(datasets.values()), ["id", "sig", "phn_encoded"]
    )

    # 6. Divide into tasks:
    loaders = {
        part: task_loader(
            data,
            hparams["batch_size"],
            num_workers=hparams["num_workers"],
            collate_fn=PaddedBatch,
        )
        for part, data in hparams["stream"].of(datasets).items()
    }
    return loaders, label_encoder


def check_hparams(hparams):
    """Raises for values with which the training could not run."""
    if hparams["stream"].tasks != hparams["tasks"]:
        raise GrowthError(
            f"tasks is {hparams['tasks']}, but the stream has "
            f"{hparams['stream'].tasks}; use that"
        )
    hparams["stream"].check_outputs(
        "output_neurons",
        hparams["output_neurons"],
        hparams["growth_schedule"].growths,
    )
    check_annealing(hparams["lr_annealing"], hparams["epochs_per_task"])
    check_features(hparams["compute_features"], hparams["sample_rate"])


# Begin Recipe!
if __name__ == "__main__":
    # Dataset prep (rendering mini-TIMIT, parsing TIMIT into json files)
    from mini_timit import RenderError, render_mini_timit  # noqa
    from timit_prepare import CorpusError, prepare_timit  # noqa

    # A mistake of the user ends with one message instead of a traceback
    with plain_errors(CorpusError, RenderError):
        # CLI: checks all growths, loads the hyperparameters file with
        # command-line overrides, initializes ddp, creates the experiment
        # directory
        run = open_run(sys.argv[1:], check=check_hparams)
        hparams = run.hparams

        # multi-gpu (ddp) save data preparation
        if hparams["data_folder"] == hparams["mini_timit_folder"]:
            if not hparams["skip_prep"]:
                run_on_main(render_mini_timit, args=[hparams["data_folder"]])
        run_on_main(
            prepare_timit,
            kwargs={
                "data_folder": hparams["data_folder"],
                "save_json_train": hparams["train_annotation"],
                "save_json_valid": hparams["valid_annotation"],
                "save_json_test": hparams["test_annotation"],
                "phn_set": hparams["phn_set"],
                "skip_prep": hparams["skip_prep"],
                "sample_rate": hparams["sample_rate"],
            },
        )

        # Dataset IO prep: the tasks of the stream, and encodings for phones
        loaders, label_encoder = dataio_prep(hparams)

        # Trainer initialization
        asr_brain = ASR_Brain(
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
        asr_brain.label_encoder = label_encoder

        # Training/validation loop, over all tasks
        asr_brain.fit(
            asr_brain.hparams.epoch_counter, loaders["train"], loaders["valid"]
        )

        # Test: every task after every task
        matrix = asr_brain.evaluate_tasks(loaders["test"], "PER")

        # What happened, and where it is written
        logger.info(
            f"{hparams['growth_log'].in_words()}\n"
            f"{matrix.in_words('PER')}\n"
            f"All of it: {hparams['output_folder']}/tasks.json\n"
            f"Per epoch: {hparams['train_log']}\n"
            f"Growths: {hparams['growth_log'].save_file}\n"
            f"Checkpoints: {hparams['save_folder']}"
        )
