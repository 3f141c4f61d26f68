"""SpeechBrain's models, small.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import torch
from growing import BEHIND, HEADS, Public

from speechbrain.lobes.models.conv_tasnet import MaskNet
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.lobes.models.dual_path import (
    Dual_Path_Model,
    SBRNNBlock,
    SBTransformerBlock,
)
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.lobes.models.transformer.Branchformer import (
    BranchformerEncoder,
)
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.lobes.models.Xvector import Xvector
from speechbrain.nnet import RNN
from speechbrain.nnet.attention import RelPosEncXL
from speechbrain.nnet.pooling import StatisticsPooling


def numbers(*shape):
    """A function that draws an input"""

    def draw(generator):
        """An example"""
        return (torch.randn(shape, generator=generator),)

    return draw


class Headed(torch.nn.Module):
    """A model and a classifier behind it"""

    def __init__(self, model, units):
        super().__init__()
        self.model, self.out = model, torch.nn.Linear(units, 2)
        for module in self.modules():
            if isinstance(module, StatisticsPooling):
                module.eps = 0  # without the noise that it adds

    def forward(self, x):
        """Runs the layers"""
        return self.out(self.model(x))


def embedder(kind, lin_neurons, **sizes):
    """Embeddings of speakers, and a classifier"""
    model = kind(lin_neurons=lin_neurons, **sizes)
    return Headed(model, lin_neurons)


def quasi(hidden_size, num_layers=1):
    """A QuasiRNN, which CRDNN cannot be built with"""
    layer = RNN.QuasiRNN(hidden_size, (None, None, 3), num_layers=num_layers)
    return Headed(First(layer), hidden_size)


class First(torch.nn.Module):
    """The first output of a layer"""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        """Runs the layers"""
        return self.layer(x)[0]


class Encoder(torch.nn.Module):
    """An encoder as SpeechBrain's recipes use it: features, then units"""

    def __init__(self, kind, d_model, **sizes):
        super().__init__()
        self.front = torch.nn.Linear(3, d_model)
        self.encoder = kind(d_model=d_model, **sizes)
        self.out = torch.nn.Linear(d_model, 2)

    def forward(self, x):
        """Runs the layers"""
        return self.out(self.encoder(self.front(x))[0])


class Relative(Encoder):
    """The same with relative positions"""

    def __init__(self, kind, d_model, **sizes):
        super().__init__(kind, d_model, **sizes)
        self.positions = RelPosEncXL(d_model)

    def forward(self, x):
        """Runs the layers"""
        x = self.front(x)
        return self.out(self.encoder(x, pos_embs=self.positions(x))[0])


def speech(generator):
    """Frames and tokens for a recogniser"""
    frames = torch.randn(2, 8, 3, generator=generator)
    tokens = torch.tensor([[1, 2, 3], [4, 3, 2]])
    return lambda model: model(frames, tokens, torch.tensor([1.0, 0.8]))


class Recogniser(torch.nn.Module):
    """TransformerASR without dropout, and the two layers of its recipes"""

    def __init__(self, d_model, **sizes):
        super().__init__()
        more = {"dropout": 0.0, "causal": False}
        self.transformer = TransformerASR(5, 3, d_model, **more, **sizes)
        self.ctc_lin = torch.nn.Linear(d_model, 5)
        self.seq_lin = torch.nn.Linear(d_model, 5)

    def forward(self, frames, tokens, lengths):
        """Runs the layers"""
        encoded, decoded = self.transformer(frames, tokens, lengths)
        return self.ctc_lin(encoded), self.seq_lin(decoded)


def crdnn(rnn_class, **sizes):
    """A CRDNN without dropout"""
    model = CRDNN(
        input_shape=[None, None, 8],
        dropout=0.0,
        rnn_class=rnn_class,
        rnn_layers=2,
        **sizes,
    )
    return Headed(model, sizes["dnn_neurons"])


CRDNN_SIZES = {
    "cnn_channels": [2, 3],
    "rnn_neurons": 4,
    "dnn_neurons": 5,
    "dnn_blocks": 1,
}
CRDNN_GROWTHS = {
    "width": {"cnn_channels": [4, 6], "rnn_neurons": 6},
    "FFN": {"dnn_neurons": 7},
    "depth": {"dnn_blocks": 2},
}


def sepformer(d_model=4, nhead=2, d_ffn=6, num_layers=1, inner=1):
    """SepFormer's masks"""
    block = partial(
        SBTransformerBlock,
        inner,
        d_model,
        nhead,
        d_ffn,
        dropout=0.0,
        use_positional_encoding=True,
        norm_before=True,
    )
    return Dual_Path_Model(
        3, d_model, block(), block(), num_layers, "ln", K=4, max_length=100
    )


def dprnn(width=4, hidden=5, num_layers=1):
    """A dual-path RNN's masks"""
    block = partial(SBRNNBlock, width, hidden, 1, dropout=0.0)
    return Dual_Path_Model(3, width, block(), block(), num_layers, "ln", K=4)


# RelPosMHAXL computes its softmax in float32, so it runs in no other type
FLOAT32 = {"tolerance": 1e-5, "dtype": torch.float32}


def asr(module, refused, **more):
    """A row of TransformerASR with an encoder"""
    sizes = {
        "d_model": 8,
        "nhead": 2,
        "d_ffn": 6,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
        "csgu_linear_units": 8,
        "kernel_size": 3,
        "encoder_module": module,
        **more,
    }
    growths = {
        "width": {"d_model": 16, "nhead": 4},
        "FFN": {"d_ffn": 8},
        "heads": {"nhead": 4},
        "head size": {"d_model": 16},
        "depth": {"num_encoder_layers": 2, "num_decoder_layers": 2},
    }
    if module == "branchformer":
        growths["FFN"] = {"csgu_linear_units": 16}
    relative = sizes.get("attention_type") == "RelPosMHAXL"
    return Public(
        Recogniser,
        speech,
        sizes,
        growths,
        {"heads": HEADS, **refused},
        **(FLOAT32 if relative else {}),
    )


MODELS = {
    "TransformerASR": asr("transformer", {}, normalize_before=True),
    "TransformerASR, norms behind": asr("transformer", {"depth": BEHIND}),
    "TransformerASR, Conformer": asr(
        "conformer",
        {"depth": BEHIND},
        normalize_before=True,
        attention_type="RelPosMHAXL",
    ),
    "TransformerASR, Conformer, RoPE": asr(
        "conformer",
        {"depth": BEHIND, "head size": "by an angle that depends on its size"},
        normalize_before=True,
        attention_type="RoPEMHA",
        positional_encoding=None,  # which would be unused
    ),
    "TransformerASR, Branchformer": asr(
        "branchformer",
        {},
        normalize_before=True,
        attention_type="RelPosMHAXL",
    ),
    "Conformer encoder": Public(
        partial(Encoder, ConformerEncoder, kernel_size=3),
        numbers(2, 7, 3),
        {
            "d_model": 4,
            "nhead": 2,
            "d_ffn": 6,
            "num_layers": 1,
            "attention_type": "regularMHA",
        },
        {
            "width": {"d_model": 8, "nhead": 4},
            "FFN": {"d_ffn": 8},
            "heads": {"nhead": 4},
            "head size": {"d_model": 8},
            "depth": {"num_layers": 2},
        },
        {"heads": HEADS, "depth": BEHIND},
    ),
    "Conformer encoder, relative positions": Public(
        partial(Relative, ConformerEncoder, kernel_size=3),
        numbers(2, 7, 3),
        {"d_model": 4, "nhead": 2, "d_ffn": 6, "num_layers": 1},
        {
            "width": {"d_model": 8, "nhead": 4},
            "FFN": {"d_ffn": 8},
            "heads": {"nhead": 4},
            "head size": {"d_model": 8},
            "depth": {"num_layers": 2},
        },
        {"heads": HEADS, "depth": BEHIND},
        **FLOAT32,
    ),
    "Branchformer encoder": Public(
        partial(Encoder, BranchformerEncoder, kernel_size=3),
        numbers(2, 7, 3),
        {
            "d_model": 4,
            "nhead": 2,
            "csgu_linear_units": 8,
            "num_layers": 1,
            "attention_type": "regularMHA",
        },
        {
            "width": {"d_model": 8, "nhead": 4},
            "FFN": {"csgu_linear_units": 16},
            "heads": {"nhead": 4},
            "head size": {"d_model": 8},
            "depth": {"num_layers": 2},
        },
        {"heads": HEADS},
    ),
    "ECAPA-TDNN": Public(
        partial(embedder, ECAPA_TDNN),
        numbers(3, 12, 3),
        {
            "input_size": 3,
            "lin_neurons": 3,
            "channels": [4, 4, 4, 6],
            "kernel_sizes": [3, 3, 3, 1],
            "dilations": [1, 2, 3, 1],
            "groups": [1, 1, 1, 1],
            "attention_channels": 3,
            "se_channels": 2,
            "res2net_scale": 2,
        },
        {
            "width": {"channels": [8, 8, 8, 9]},
            "FFN": {"attention_channels": 5, "se_channels": 3},
            "embedding": {"lin_neurons": 5},
            "depth": {
                "channels": [4, 4, 4, 4, 6],
                "kernel_sizes": [3, 3, 3, 3, 1],
                "dilations": [1, 2, 3, 4, 1],
                "groups": [1, 1, 1, 1, 1],
            },
        },
        {"depth": "another number of blocks, whose outputs are joined"},
    ),
    "Xvector": Public(
        partial(embedder, Xvector),
        numbers(3, 12, 3),
        {
            "tdnn_blocks": 2,
            "tdnn_channels": [4, 6],
            "tdnn_kernel_sizes": [3, 1],
            "tdnn_dilations": [1, 1],
            "lin_neurons": 3,
            "in_channels": 3,
        },
        {
            "width": {"tdnn_channels": [6, 9]},
            "embedding": {"lin_neurons": 5},
            "depth": {
                "tdnn_blocks": 3,
                "tdnn_channels": [4, 4, 6],
                "tdnn_kernel_sizes": [3, 3, 1],
                "tdnn_dilations": [1, 1, 1],
            },
        },
        {"depth": "LeakyReLU is not idempotent"},
    ),
    "SepFormer": Public(
        sepformer,
        numbers(2, 3, 9),
        {"d_model": 4, "nhead": 2, "d_ffn": 6, "num_layers": 1},
        {
            "width": {"d_model": 8, "nhead": 4},
            "FFN": {"d_ffn": 8},
            "heads": {"nhead": 4},
            "head size": {"d_model": 8},
            "depth": {"num_layers": 2},
        },
        {"heads": HEADS},
    ),
    "DPRNN": Public(
        dprnn,
        numbers(2, 3, 9),
        {"width": 4, "hidden": 5, "num_layers": 1},
        {
            "width": {"width": 8},
            "FFN": {"hidden": 7},
            "depth": {"num_layers": 2},
        },
    ),
    "Conv-TasNet": Public(
        MaskNet,
        numbers(2, 3, 9),
        {"N": 3, "B": 4, "H": 5, "P": 3, "X": 1, "R": 1, "C": 2},
        {
            "width": {"B": 6},
            "FFN": {"H": 10},
            "depth": {"X": 2},
        },
    ),
    **{
        f"CRDNN, {kind.__name__}": Public(
            partial(crdnn, kind),
            numbers(3, 9, 8),
            CRDNN_SIZES,
            CRDNN_GROWTHS,
            {"depth": "LeakyReLU is not idempotent"},
        )
        for kind in (RNN.LSTM, RNN.GRU, RNN.LiGRU, RNN.RNN)
    },
    "QuasiRNN": Public(
        quasi,
        numbers(3, 9, 3),
        {"hidden_size": 4},
        {"width": {"hidden_size": 6}, "depth": {"num_layers": 2}},
        {"depth": "QuasiRNNLayer cannot be an identity"},
    ),
}
