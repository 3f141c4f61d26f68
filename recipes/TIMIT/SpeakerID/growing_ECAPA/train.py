#!/usr/bin/env python3
"""Recipe for identifying speakers of TIMIT, some of whom arrive mid-training.

An ECAPA-TDNN with an additive angular margin is trained on half of the
speakers. In the middle of the run the others arrive: the network gets an output
for each of them and, by the same growth, more channels. What it said of the
first speakers stays the same.

To run this recipe on a synthetic stand-in for TIMIT, made on first use:
> python train.py hparams/grow.yaml

The baseline knows all speakers from the start, in the large network:
> python train.py hparams/grow.yaml --growth=[] --out_n_neurons=64 \
    --channels=[64,64,64,64,192]

Authors
 * The speechbrain_growth authors 2026
"""

import os
import sys

import speechbrain as sb
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import if_main_process, run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain_growth import (
    GrowingBrain,
    GrowthError,
    SafeEncoder,
    check_annealing,
    check_annotation,
    check_features,
    open_run,
    plain_errors,
    read_audio,
    read_numbers,
    task_loader,
)

logger = get_logger(__name__)

PARTS = ("train", "valid", "test")
OUTPUTS = "out_n_neurons"


# Define training procedure
class SpeakerBrain(GrowingBrain):
    def compute_forward(self, batch, stage):
        """Cosines of each utterance's embedding with those of the speakers."""
        batch = batch.to(self.device)
        wavs, wav_lens = batch.sig
        feats = self.hparams.compute_features(wavs)
        feats = self.modules.normalize(feats, wav_lens)
        self.meter.count(feats)
        embeddings = self.modules.embedding_model(feats, wav_lens)

        return self.modules.classifier(embeddings), wav_lens

    def compute_objectives(self, predictions, batch, stage):
        """Loss of the speakers who have arrived; the others are errors."""
        cosines, _ = predictions
        speakers = batch.spk_encoded.data
        there = speakers[:, 0] < cosines.shape[-1]

        if stage == sb.Stage.TRAIN:
            return self.hparams.compute_cost(cosines, speakers)

        self.error_metrics.append(batch.id, cosines, speakers)
        if not there.any():
            return cosines.new_zeros(())
        loss = self.hparams.compute_cost(cosines[there], speakers[there])
        self.losses.append((float(loss), int(there.sum())))
        return loss

    def on_fit_start(self):
        """Restores sizes, then weights; the outputs must be for speakers."""
        super().on_fit_start()
        ahead = self.schedule.growths[self.schedule.decided :]
        sizes = [growth.amount.sizes for growth in ahead]
        outputs = [one[OUTPUTS] for one in sizes if OUTPUTS in one]
        check_outputs([self.outputs, *outputs], self.batches)

    @property
    def outputs(self):
        """How many speakers have an output. At a resume, sizes come first."""
        return self.schedule.sizes[OUTPUTS]

    def begin_epoch(self, epoch):
        """Grows, if that was decided; who has an output is trained on."""
        super().begin_epoch(epoch)
        check_outputs([self.outputs], self.batches)
        self.batches.chosen = range(1, self.outputs + 1)

    def on_stage_start(self, stage, epoch=None):
        """Gets called when a stage (train, validation, test) starts."""
        if stage != sb.Stage.TRAIN:
            self.error_metrics = self.hparams.error_stats()
            self.losses = []  # of each batch, and how many utterances count

    def valid_stats(self, stage_loss):
        """Metrics of a validation; growth conditions may name any of them."""
        # None in a first batch, which is tried, of speakers who will arrive
        count = max(sum(number for _, number in self.losses), 1)
        loss = sum(loss * number for loss, number in self.losses) / count
        error = 100 * self.error_metrics.summarize("average")
        return {"loss": loss, "error": error}

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
                    "speakers": self.outputs,
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
            if if_main_process():
                with open(
                    self.hparams.test_error_file, "w", encoding="utf-8"
                ) as w:
                    found = zip(
                        self.error_metrics.ids, self.error_metrics.scores
                    )
                    w.writelines(f"{name} {wrong}\n" for name, wrong in found)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """At the end of a step, anneals by a scheduler that counts steps."""
        if should_step:
            self.anneal_step()


def dataio_prep(hparams):
    """Creates the datasets, the numbers of the speakers, and a train loader."""
    data_folder = hparams["data_folder"]

    # 1. Declarations, of what can be read:
    paths = [hparams[f"{part}_annotation"] for part in PARTS]
    for path in paths:
        check_annotation(
            path,
            data_folder,
            texts=["spk_id"],
            numbers=["duration"],
            sample_rate=hparams["sample_rate"],
        )
    datasets = [
        sb.dataio.dataset.DynamicItemDataset.from_json(
            json_path=path, replacements={"data_root": data_folder}
        )
        for path in paths
    ]
    for data in datasets:
        read_numbers(data, ["duration"])
    train_data = datasets[0]
    speakers = [item["spk_id"] for item in train_data.data.values()]
    datasets[1:] = [
        data.filtered_sorted(sort_key="duration") for data in datasets[1:]
    ]

    # 2. Fit encoder. Speakers are numbered in the order of their arrival; with
    # init_from, those of the earlier run keep their numbers:
    label_encoder = SafeEncoder()
    lab_enc_file = os.path.join(hparams["save_folder"], "label_encoder.txt")
    if hparams["init_from"] and not os.path.exists(lab_enc_file):
        earlier = os.path.join(
            hparams["init_from"], "save", "label_encoder.txt"
        )
        run_on_main(SafeEncoder.copy, args=[earlier, lab_enc_file])
    label_encoder.load_or_create(lab_enc_file, from_iterables=[speakers])
    label_encoder.append(speakers, lab_enc_file)
    label_encoder.expect_len(len(label_encoder))
    problems = [
        f"{path}: {name}: the speaker {item['spk_id']!r} has no number in "
        f"{lab_enc_file}; the speakers are those of the train annotation"
        for path, data in zip(paths, datasets)
        for name, item in data.data.items()
        if item["spk_id"] not in label_encoder.lab2ind
    ]
    problems += [
        f"{lab_enc_file}: the speaker {name!r} of the earlier run has no "
        f"utterance in {paths[0]}; add some, or the network forgets the speaker"
        for name in sorted(set(label_encoder.lab2ind) - set(speakers))
    ]
    if problems:
        raise GrowthError(problems)

    # 3. Define pipelines:
    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio_pipeline(wav):
        return read_audio(wav)

    @sb.utils.data_pipeline.takes("spk_id")
    @sb.utils.data_pipeline.provides("spk_encoded")
    def speaker_pipeline(spk_id):
        return label_encoder.encode_label_torch(spk_id)

    for pipeline in (audio_pipeline, speaker_pipeline):
        sb.dataio.dataset.add_dynamic_item(datasets, pipeline)

    # 4. Set output:
    sb.dataio.dataset.set_output_keys(datasets, ["id", "sig", "spk_encoded"])

    # 5. Training batches, of the speakers who are chosen before each epoch:
    numbers = [label_encoder.encode_label(name) for name in speakers]
    train_data.tasks = [
        [place for place, found in enumerate(numbers) if found == number]
        for number in range(len(label_encoder))
    ]
    train_loader = task_loader(
        train_data,
        hparams["batch_size"],
        shuffle=True,
        seed=hparams["seed"],
        num_workers=hparams["num_workers"],
        collate_fn=PaddedBatch,
    )
    train_loader.batch_sampler.spread = True  # over processes, if several

    return train_loader, *datasets[1:], label_encoder


def check_outputs(outputs, batches):
    """Raises for numbers of outputs with which no epoch could be trained."""
    speakers, most = len(batches.tasks), max(outputs)
    if most > speakers:
        raise GrowthError(
            f"{OUTPUTS} is or becomes {most}, but the train annotation has "
            f"{speakers} speakers; use {speakers} or fewer"
        )
    for number in outputs:
        items = sum(map(len, batches.tasks[:number]))
        if items % batches.batch_size == 1:
            raise GrowthError(
                f"batch_size is {batches.batch_size}, but {number} speakers "
                f"have {items} utterances to train on, so that the last batch "
                "would have one, of which batch norms have no variance; use "
                f"{batches.batch_size + 1} or another number"
            )
    if most < speakers:
        logger.warning(
            f"{speakers - most} of {speakers} speakers get no output by the "
            f"sizes of {OUTPUTS} that are known: nothing is learnt of them "
            "until then, and each of their utterances is an error"
        )


def check_hparams(hparams):
    """Raises for values with which the training could not run."""
    check_annealing(hparams["lr_annealing"], hparams["number_of_epochs"])
    check_features(hparams["compute_features"], hparams["sample_rate"])


# Begin Recipe!
if __name__ == "__main__":
    # Dataset prep (rendering mini-TIMIT, parsing TIMIT into json files)
    from mini_timit import RenderError, render_mini_timit  # noqa
    from timit_prepare import CorpusError, prepare_timit  # noqa
    from timit_speakers import TooFewUtterances, divide_by_utterance  # noqa

    # A mistake of the user ends with one message instead of a traceback
    with plain_errors(CorpusError, RenderError, TooFewUtterances):
        # CLI: checks all growths, loads the hyperparameters file with
        # command-line overrides, initializes ddp, creates the experiment
        # directory
        run = open_run(sys.argv[1:], check=check_hparams)
        hparams = run.hparams

        # multi-gpu (ddp) save data preparation
        if hparams["data_folder"] == hparams["mini_timit_folder"]:
            if not hparams["skip_prep"]:
                run_on_main(render_mini_timit, args=[hparams["data_folder"]])
        timit = [hparams["timit_annotation"].format(part) for part in PARTS]
        run_on_main(
            prepare_timit,
            kwargs={
                "data_folder": hparams["data_folder"],
                "save_json_train": timit[0],
                "save_json_valid": timit[1],
                "save_json_test": timit[2],
                "skip_prep": hparams["skip_prep"],
                "sample_rate": hparams["sample_rate"],
            },
        )
        run_on_main(
            divide_by_utterance,
            kwargs={
                "save_json": timit[0],
                "save_jsons": [
                    hparams["train_annotation"],
                    hparams["valid_annotation"],
                    hparams["test_annotation"],
                ],
                "valid": hparams["valid_utterances"],
                "test": hparams["test_utterances"],
                "skip_prep": hparams["skip_prep"],
            },
        )

        # Dataset IO prep: creating Datasets and numbers for speakers
        train_loader, valid_data, test_data, encoder = dataio_prep(hparams)

        # Trainer initialization
        speaker_brain = SpeakerBrain(
            blueprint=run.blueprint,
            schedule=hparams["growth_schedule"],
            growth_log=hparams["growth_log"],
            modules=hparams["modules"],
            opt_class=hparams["opt_class"],
            hparams=hparams,
            run_opts=run.run_opts,
            checkpointer=hparams["checkpointer"],
        )
        speaker_brain.label_encoder = encoder
        speaker_brain.batches = train_loader.batch_sampler

        # Training/validation loop
        speaker_brain.fit(
            speaker_brain.hparams.epoch_counter,
            train_loader,
            valid_data,
            valid_loader_kwargs=hparams["test_dataloader_opts"],
        )

        # Test
        speaker_brain.evaluate(
            test_data,
            min_key="error",
            test_loader_kwargs=hparams["test_dataloader_opts"],
        )

        # What happened, and where it is written
        error = 100 * speaker_brain.error_metrics.summarize("average")
        logger.info(
            f"{hparams['growth_log'].in_words()}\n"
            f"Test error {error:.2f} %, best checkpoint on validation.\n"
            f"Per epoch: {hparams['train_log']}\n"
            f"Test, utterance by utterance: {hparams['test_error_file']}\n"
            f"Growths: {hparams['growth_log'].save_file}\n"
            f"Checkpoints: {hparams['save_folder']}"
        )
