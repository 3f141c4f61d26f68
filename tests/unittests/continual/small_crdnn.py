"""A small CRDNN over several tasks, for the tests beside it.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from small import CLASSES, SmallBrain, small

import speechbrain as sb

TIME, FEATURES = 6, 8
CRDNN = """!new:speechbrain_growth.Chain
    crdnn: !name:speechbrain_growth.CRDNN
        input_size: 8
        activation: !name:torch.nn.LeakyReLU
        dropout: 0.1
        cnn_blocks: 1
        cnn_channels: !ref <cnn_channels>
        cnn_kernelsize: (3, 3)
        time_pooling: True
        rnn_class: !name:speechbrain_growth.LiGRU
        rnn_layers: !ref <rnn_layers>
        rnn_neurons: !ref <rnn_neurons>
        rnn_bidirectional: True
        dnn_blocks: 2
        dnn_neurons: !ref <dnn_neurons>
    output: !name:torch.nn.Linear
        in_features: !ref <dnn_neurons>
        out_features: 3
cnn_channels: [2]
rnn_layers: 2
rnn_neurons: 5
dnn_neurons: 4"""
RNN = [
    f"model.crdnn.RNN.rnn.{layer}.{kind}.weight"
    for layer in (0, 1)
    for kind in "wu"
]


class SpeechBrain(SmallBrain):
    """Classifies by the mean over time; keeps what happens at moments."""

    seen = ()

    def moment(self, name):
        """Keeps the logits of finished tasks, and the network."""
        if name in self.seen:
            was = self.modules.training
            tasks = range(1, len(self.finished) + 1)
            self.seen[name] = {
                "logits": [self.logits_of(task)[0] for task in tasks],
                "state": {
                    name: tensor.detach().clone()
                    for name, tensor in self.raw_modules.state_dict().items()
                },
                "loss": self.measure(0)["loss"],
            }
            self.modules.train(was)
        super().moment(name)

    def begin_epoch(self, epoch):
        """After all that happens between two epochs is a moment."""
        super().begin_epoch(epoch)
        self.moment(f"epoch {epoch} begins")

    def compute_forward(self, batch, stage):
        """Scores of the classes; dropout is inside."""
        inputs = batch[0].to(self.device).view(-1, TIME, FEATURES)
        if stage == sb.Stage.TRAIN:
            self.meter.count(inputs)
        return self.modules.model(inputs).mean(1)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """As before; also before the epoch is saved is a moment."""
        if stage == sb.Stage.VALID:
            self.moment(f"epoch {epoch} over")
        super().on_stage_end(stage, stage_loss, epoch)


def data():
    """Three random patterns in noise, in three parts."""
    generator = torch.Generator().manual_seed(0)
    size = TIME * FEATURES
    centres = torch.randn(CLASSES, size, generator=generator)
    parts = {}
    for part, number in (("train", 16), ("valid", 8), ("test", 8)):
        labels = torch.arange(number) % CLASSES
        noise = torch.randn(number, size, generator=generator)
        parts[part] = centres[labels] + 0.5 * noise, labels
    return parts


def small_crdnn(
    folder, strategy, growth="[]", overrides=None, run_opts=None, model=CRDNN
):
    """A Brain from a folder that may have checkpoints."""
    return small(
        folder,
        (model, strategy, growth),
        overrides,
        run_opts,
        data(),
        kind=SpeechBrain,
        shape=f"[1, {TIME}, {FEATURES}]",
    )
