#!/usr/bin/env python3
"""Recipe for training a recognizer on TIMIT that grows mid-training.

It recognizes phonemes, or words in subwords: what ``labels`` of the YAML says.

A CRDNN with CTC starts small and is made wider between epochs, as the list
``growth`` of the YAML says. A growth does not change the outputs of the model,
and it carries the optimizer's state along. Greedy search is used throughout.

To run this recipe on a synthetic stand-in for TIMIT, made on first use:
> python train.py hparams/grow.yaml

On TIMIT itself:
> python train.py hparams/grow_timit.yaml --data_folder=/path/to/TIMIT

Words instead of phonemes, in subwords:
> python train.py hparams/grow_subwords.yaml

The baselines are overrides: small, and large from the start
> python train.py hparams/grow.yaml --growth=[]
> python train.py hparams/grow.yaml --growth=[] --cnn_channels=[32,64] \
    --rnn_neurons=192 --dnn_neurons=192

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import os
import sys

import speechbrain as sb
from speechbrain.utils.distributed import if_main_process, run_on_main
from speechbrain.utils.logger import get_logger
from speechbrain_growth import (
    GrowingBrain,
    GrowthError,
    SafeTextEncoder,
    bucketed,
    check_annealing,
    check_annotation,
    check_features,
    check_noise,
    leave_out,
    open_run,
    output_frames,
    plain_errors,
    read_audio,
    read_numbers,
    refuse_too_long,
    too_long,
    unaligned,
)

logger = get_logger(__name__)

PARTS = ("train", "valid", "test")


# Define training procedure
class ASR_Brain(GrowingBrain):
    def compute_forward(self, batch, stage):
        """Given an input batch it computes the label probabilities."""
        batch = batch.to(self.device)
        wavs, wav_lens = batch.sig

        # Add waveform augmentation if specified.
        if stage == sb.Stage.TRAIN and hasattr(self.hparams, "wav_augment"):
            wavs, wav_lens = self.hparams.wav_augment(wavs, wav_lens)

        feats = self.hparams.compute_features(wavs)
        feats = self.modules.normalize(feats, wav_lens)
        self.meter.count(feats)
        out = self.modules.model(feats)
        out = self.modules.output(out)
        pout = self.hparams.log_softmax(out)

        return pout, wav_lens

    def compute_objectives(self, predictions, batch, stage):
        """Given the network predictions and targets computes the CTC loss."""
        pout, pout_lens = predictions
        labels, label_lens = batch.label_encoded

        if stage == sb.Stage.TRAIN and hasattr(self.hparams, "wav_augment"):
            labels = self.hparams.wav_augment.replicate_labels(labels)
            label_lens = self.hparams.wav_augment.replicate_labels(label_lens)

        loss = self.hparams.compute_cost(pout, labels, pout_lens, label_lens)
        # Each copy that augmentation makes has the utterances in this order
        silent = unaligned(pout, labels, pout_lens, label_lens).tolist()
        self.uncounted.update(
            itertools.compress(itertools.cycle(batch.id), silent)
        )

        if stage != sb.Stage.TRAIN:
            self.ctc_metrics.append(
                batch.id, pout, labels, pout_lens, label_lens
            )
            sequence = sb.decoders.ctc_greedy_decode(
                pout, pout_lens, blank_id=self.hparams.blank_index
            )
            self.error_metrics.append(
                ids=batch.id,
                predict=sequence,
                target=labels,
                target_len=label_lens,
                ind2lab=self.decode,
            )

        return loss

    def decode(self, sequences):
        """What errors are counted in: phonemes, or the words of subwords."""
        decoded = self.label_encoder.decode_ndim(sequences)
        return [self.hparams.labels.compared(labels) for labels in decoded]

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """At the end of a step, anneals by a scheduler that counts steps."""
        if should_step:
            self.anneal_step()

    def on_stage_start(self, stage, epoch=None):
        """Gets called when a stage (train, validation, test) starts."""
        self.uncounted = set()  # utterances whose loss counted as 0
        if stage != sb.Stage.TRAIN:
            self.ctc_metrics = self.hparams.ctc_stats()
            self.error_metrics = self.hparams.error_stats()

    def valid_stats(self, stage_loss):
        """Metrics of a validation; growth conditions may name any of them."""
        rate = self.error_metrics.summarize("error_rate")
        return {"loss": stage_loss, self.hparams.labels.error_rate: rate}

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Gets called at the end of a stage."""
        if self.uncounted:
            logger.warning(
                f"{stage.name}: {len(self.uncounted)} utterances had fewer output "
                "frames than their labels need, after padding or augmentation; "
                f"their loss counted as 0: {', '.join(sorted(self.uncounted))}"
            )
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        stats = self.valid_stats(stage_loss)
        name = self.hparams.labels.error_rate

        if stage == sb.Stage.VALID:
            anneal_by = {"epoch": epoch, **stats}[self.hparams.anneal_by]
            old_lr = self.anneal_epoch(epoch, anneal_by)
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
                meta={name: stats[name]}, min_keys=[name]
            )

        elif stage == sb.Stage.TEST:
            self.hparams.train_logger.log_stats(
                stats_meta={"Epoch loaded": self.hparams.epoch_counter.current},
                test_stats=stats,
            )
            if if_main_process():
                with open(
                    self.hparams.test_wer_file, "w", encoding="utf-8"
                ) as w:
                    w.write("CTC loss stats:\n")
                    self.ctc_metrics.write_stats(w)
                    w.write(f"\n{name} stats:\n")
                    self.error_metrics.write_stats(w)


def dataio_prep(hparams):
    """Creates the datasets and their data processing pipelines."""
    data_folder = hparams["data_folder"]
    labels = hparams["labels"]  # phonemes, or subwords of the words

    # 1. Declarations, of what can be read:
    parts = [hparams[f"{part}_annotation"] for part in PARTS]
    samples = {
        path: check_annotation(
            path,
            data_folder,
            texts=[labels.field],
            numbers=["duration"],
            sample_rate=hparams["sample_rate"],
        )
        for path in parts
    }
    datasets = [
        sb.dataio.dataset.DynamicItemDataset.from_json(
            json_path=path, replacements={"data_root": data_folder}
        )
        for path in parts
    ]
    for data in datasets:
        read_numbers(data, ["duration"])

    labels.prepare(parts[0], hparams["save_folder"], hparams["init_from"])

    # The loss of too many labels for the audio would count as 0
    frames = output_frames(
        hparams["compute_features"], hparams["modules"]["model"]
    )
    found = {
        path: too_long(
            {
                name: (samples[path][name], labels.split(item[labels.field]))
                for name, item in data.data.items()
            },
            frames,
        )
        for path, data in zip(parts, datasets)
    }
    if not hparams["skip_too_long"]:
        refuse_too_long(found)
    train_data, valid_data, test_data = datasets = [
        leave_out(path, data, found[path])
        for path, data in zip(parts, datasets)
    ]

    if hparams["sorting"] in ("ascending", "descending"):
        # Sorted by length; shuffling would be pointless then.
        train_data = datasets[0] = train_data.filtered_sorted(
            sort_key="duration", reverse=hparams["sorting"] == "descending"
        )
        hparams["train_dataloader_opts"]["shuffle"] = False
    elif hparams["sorting"] == "random":
        hparams["train_dataloader_opts"]["shuffle"] = True
    else:
        raise GrowthError(
            f"sorting is {hparams['sorting']!r}; it must be random, ascending "
            "or descending"
        )
    valid_data = datasets[1] = valid_data.filtered_sorted(sort_key="duration")
    test_data = datasets[2] = test_data.filtered_sorted(sort_key="duration")

    label_encoder = SafeTextEncoder()

    # 2. Define audio pipeline:
    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio_pipeline(wav):
        return read_audio(wav)

    sb.dataio.dataset.add_dynamic_item(datasets, audio_pipeline)

    # 3. Define text pipeline:
    @sb.utils.data_pipeline.takes(labels.field)
    @sb.utils.data_pipeline.provides("label_list", "label_encoded")
    def text_pipeline(text):
        label_list = labels.split(text)
        yield label_list
        yield label_encoder.encode_sequence_torch(label_list)

    sb.dataio.dataset.add_dynamic_item(datasets, text_pipeline)

    # 4. Fit encoder; with init_from, the labels are those of the earlier run:
    lab_enc_file = os.path.join(hparams["save_folder"], "label_encoder.txt")
    if hparams["init_from"] and not os.path.exists(lab_enc_file):
        earlier = os.path.join(
            hparams["init_from"], "save", "label_encoder.txt"
        )
        run_on_main(SafeTextEncoder.copy, args=[earlier, lab_enc_file])
    label_encoder.load_or_create(
        path=lab_enc_file,
        from_iterables=[[labels.known]],
        from_didatasets=[train_data],
        output_key="label_list",
        special_labels={"blank_label": hparams["blank_index"]},
        sequence_input=True,
    )

    known = label_encoder.lab2ind
    problems = [
        f"{hparams[f'{part}_annotation']}: {name}: there is no label {label!r} "
        f"in {lab_enc_file}; the labels are those of the train annotation"
        for part, data in zip(PARTS, datasets)
        for name in data.data_ids
        for label in sorted(
            set(labels.split(data.data[name][labels.field])) - set(known)
        )
    ]
    if problems:
        raise GrowthError(problems)

    # Outputs of phones that a small corpus lacks still need a label each
    outputs, needed = hparams["output_neurons"], len(label_encoder)
    if needed > outputs:
        raise GrowthError(
            f"output_neurons is {outputs}, but {lab_enc_file} has {needed} "
            f"labels, the blank included; use {needed} or more outputs"
        )
    if not hparams["blank_index"] < outputs:
        raise GrowthError(
            f"blank_index is {hparams['blank_index']}, but there are {outputs} "
            f"outputs; use 0 to {outputs - 1}"
        )
    label_encoder.name_unused(outputs, lab_enc_file)
    label_encoder.expect_len(outputs)

    # 5. Set output:
    sb.dataio.dataset.set_output_keys(datasets, ["id", "sig", "label_encoded"])

    # 6. Batches of similar lengths, if asked for:
    if hparams["dynamic_batching"]:
        hparams["train_dataloader_opts"] = bucketed(
            train_data,
            hparams["train_dataloader_opts"],
            hparams["dynamic_batch_sampler"],
        )

    return train_data, valid_data, test_data, label_encoder


def check_hparams(hparams):
    """Raises for values with which the training could not run."""
    name = hparams["labels"].error_rate
    if hparams["anneal_by"] not in ("epoch", "loss", name):
        raise GrowthError(
            f"anneal_by is {hparams['anneal_by']!r}; it must be epoch, loss "
            f"or {name}"
        )
    check_annealing(
        hparams["lr_annealing"],
        hparams["number_of_epochs"],
        hparams["anneal_by"],
    )
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
                run_on_main(
                    render_mini_timit,
                    args=[hparams["data_folder"]],
                    kwargs={"scale": hparams.get("mini_timit_scale", 1)},
                )
        run_on_main(
            prepare_timit,
            kwargs={
                "data_folder": hparams["data_folder"],
                "save_json_train": hparams["train_annotation"],
                "save_json_valid": hparams["valid_annotation"],
                "save_json_test": hparams["test_annotation"],
                "skip_prep": hparams["skip_prep"],
                "sample_rate": hparams["sample_rate"],
            },
        )

        # Add noise if there is a list of noises; none is downloaded
        if hparams.get("noise_annotation"):
            check_noise(hparams["noise_annotation"], hparams["sample_rate"])
            hparams["wav_augment"] = hparams["noisy_augment"]

        # Dataset IO prep: creating Datasets and encodings for labels
        train_data, valid_data, test_data, label_encoder = dataio_prep(hparams)

        # Trainer initialization
        asr_brain = ASR_Brain(
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

        # Training/validation loop
        asr_brain.fit(
            asr_brain.hparams.epoch_counter,
            train_data,
            valid_data,
            train_loader_kwargs=hparams["train_dataloader_opts"],
            valid_loader_kwargs=hparams["valid_dataloader_opts"],
        )

        # Test
        asr_brain.evaluate(
            test_data,
            min_key=hparams["labels"].error_rate,
            test_loader_kwargs=hparams["test_dataloader_opts"],
        )

        # What happened, and where it is written
        name = hparams["labels"].error_rate
        rate = asr_brain.error_metrics.summarize("error_rate")
        logger.info(
            f"{hparams['growth_log'].in_words()}\n"
            f"Test {name} {rate:.2f} %, best checkpoint on validation.\n"
            f"Per epoch: {hparams['train_log']}\n"
            f"Test alignments: {hparams['test_wer_file']}\n"
            f"Growths: {hparams['growth_log'].save_file}\n"
            f"Checkpoints: {hparams['save_folder']}"
        )
