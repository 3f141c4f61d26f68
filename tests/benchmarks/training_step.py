"""A whole training step, SpeechBrain's model against ours, step by step.

> python tests/benchmarks/training_step.py

Features, model, CTC loss, backward, gradient clipping and Adadelta, through
SpeechBrain's Brain; the two take turns on the same batches, each time from the
same weights and optimizer state. Printed are medians, the median of the ratios
of neighbours, how far the losses are apart (relative), and multiply-accumulates
per second as a share of what a matrix product and a convolution of torch's
reach on as many threads; both are charged with the stock model's, three times
those of a forward pass.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import copy
import logging
import statistics
import time

import torch

import speechbrain as sb
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.losses import ctc_loss
from speechbrain.processing.features import InputNormalization
from speechbrain_growth.measure.cost import macs
from speechbrain_growth.nnet import quick

SECONDS, MELS, PHONES, LABELS = 3, 40, 40, 30
SIZES = {
    "32/64, 4 x 256, 2 x 128": ([32, 64], 256, 128),
    "128/256, 4 x 512, 2 x 512": ([128, 256], 512, 512),
}


def model(kind, channels, rnn, dnn):
    """The recipe's modules, with the stock recipe's numbers of layers."""
    torch.manual_seed(0)
    return {
        "model": kind(
            input_size=MELS,
            cnn_channels=channels,
            time_pooling=True,
            rnn_layers=4,
            rnn_neurons=rnn,
            dnn_neurons=dnn,
        ),
        "output": Linear(input_size=dnn, n_neurons=PHONES),
    }


class Recipe(sb.Brain):
    """What SpeechBrain's TIMIT recipe computes in a step."""

    def compute_forward(self, batch, stage):
        """Log-probabilities of phones."""
        wavs, lengths = batch[:2]
        feats = self.hparams.normalize(self.hparams.features(wavs), lengths)
        out = self.modules.output(self.modules.model(feats))
        return out.log_softmax(-1)

    def compute_objectives(self, predictions, batch, stage):
        """CTC loss."""
        _, lengths, phones = batch
        return ctc_loss(predictions, phones, lengths, lengths, blank_index=0)


def brain(kind, sizes):
    """A Brain that is ready to train."""
    made = Recipe(
        model(kind, *sizes),
        lambda parameters: torch.optim.Adadelta(parameters, lr=1.0, eps=1e-8),
        run_opts={"device": "cpu"},
        hparams={
            "features": Fbank(n_mels=MELS),
            "normalize": InputNormalization(norm_type="sentence"),
        },
    )
    made.init_optimizers()
    made.modules.train()
    return made


def batch(size):
    """Noise that comes and goes, and random phones."""
    wavs = torch.randn(size, 16000 * SECONDS)
    wavs *= torch.rand(size, 10 * SECONDS).repeat_interleave(1600, 1)
    lengths = torch.linspace(0.7, 1, size)
    return wavs, lengths, torch.randint(1, PHONES, (size, LABELS))


def limits():
    """Multiply-accumulates per second of torch's two kinds of products.

    A matrix product, 1024 x 1024 x 1024, and a convolution, 3 x 3 x 128 x 128;
    they come from two libraries.
    """
    one, two = torch.randn(2, 1024, 1024)
    images = torch.randn(8, 128, 40, 150)
    weight = torch.randn(128, 128, 3, 3)
    images, weight = (
        x.contiguous(memory_format=torch.channels_last)
        for x in (images, weight)
    )
    rates = []
    for product, number in (
        (lambda: one @ two, 1024**3),
        (
            lambda: torch.conv2d(images, weight, padding=1),
            images.numel() * weight[:, 0].numel(),
        ),
    ):
        spent = []
        for _ in range(9):
            begin = time.perf_counter()
            product()
            spent.append(time.perf_counter() - begin)
        rates.append(number / statistics.median(spent))
    return rates


def compare(sizes, batches):
    """Seconds of both for every batch after the first, and their losses."""
    brains = [brain(kind, sizes) for kind in (CRDNN, quick.CRDNN)]
    seconds, losses = [], []
    for step, inputs in enumerate(batches):
        spent, lost = [], []
        stock, ours = brains
        ours.modules.load_state_dict(stock.modules.state_dict())
        ours.optimizer.load_state_dict(
            copy.deepcopy(stock.optimizer.state_dict())
        )
        for one in brains:
            torch.manual_seed(step)  # the same dropout
            begin = time.perf_counter()
            lost.append(float(one.fit_batch(inputs)))
            spent.append(time.perf_counter() - begin)
        seconds.append(spent)
        losses.append(lost)
    return seconds[1:], losses


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(1)
    batches = [batch(chosen.batch_size) for _ in range(chosen.repetitions + 1)]
    print(f"{chosen.batch_size} x {SECONDS} s of audio")
    print(
        "sizes | threads | stock s | ours s | ratio | losses apart | MACs/s of "
        "a matrix product: stock | ours | of a convolution: stock | ours"
    )
    frames = Fbank(n_mels=MELS)(batches[0][0])
    for name, sizes in SIZES.items():
        work = 3 * macs(torch.nn.ModuleDict(model(CRDNN, *sizes)), frames.shape)
        for threads in chosen.threads:
            torch.set_num_threads(threads)
            seconds, losses = compare(sizes, batches)
            stock, ours = (statistics.median(c) for c in zip(*seconds))
            ratio = statistics.median(a / b for a, b in seconds)
            apart = max(abs(a - b) / a for a, b in losses)
            shares = [
                f"{work / spent / rate:.0%}"
                for rate in limits()
                for spent in (stock, ours)
            ]
            print(
                f"{name} | {threads} | {stock:.3f} | {ours:.3f} | "
                f"{ratio:.2f}x | {apart:.0e} | {' | '.join(shares)}"
            )


if __name__ == "__main__":
    main()
