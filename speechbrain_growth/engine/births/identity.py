"""Which layers can begin as an identity, and how exact each is.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain.lobes.models.transformer import Transformer
from speechbrain.nnet import CNN, RNN, containers, linear, normalization
from speechbrain_growth.engine.births.layers import (
    FirstState,
    first_state,
    identity,
)
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.errors import GrowthError

KEEPS_SIGN = (
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.Flatten,
    nn.MaxPool1d,
    nn.MaxPool2d,
)


@identity.register(nn.Linear)
def _linear(layer, place):
    """The identity matrix."""
    if layer.in_features != layer.out_features:
        raise GrowthError(
            f"{layer.in_features} inputs and {layer.out_features} outputs are "
            "no identity; use equally many"
        )
    state = {"weight": torch.eye(layer.in_features)}
    if layer.bias is not None:
        state["bias"] = torch.zeros(layer.out_features)
    return FirstState(state)


@identity.register(nn.Conv1d)
@identity.register(nn.Conv2d)
def _convolution(layer, place, padded=False):
    """One in the middle of the kernel."""
    same = [d * (k - 1) / 2 for d, k in zip(layer.dilation, layer.kernel_size)]
    padded = padded or layer.padding in ("same", tuple(same))
    if (
        layer.in_channels != layer.out_channels
        or layer.groups != 1
        or set(layer.stride) != {1}
        or any(k % 2 == 0 for k in layer.kernel_size)
        or not padded
    ):
        raise GrowthError(
            "this convolution cannot be an identity; use as many outputs as "
            "inputs, one group, stride 1, an odd kernel and padding 'same'"
        )
    weight = torch.zeros_like(layer.weight)
    state = {"weight": nn.init.dirac_(weight.detach())}
    if layer.bias is not None:
        state["bias"] = torch.zeros(layer.out_channels)
    return FirstState(state)


@identity.register(CNN.Conv1d)
@identity.register(CNN.Conv2d)
def _padded_convolution(layer, place):
    """SpeechBrain pads outside of torch's layer."""
    state = _convolution(layer.conv, place, layer.padding == "same").tensors
    return FirstState({f"conv.{key}": value for key, value in state.items()})


for _kind in KEEPS_SIGN[:5]:
    identity.register(_kind, lambda layer, place: FirstState({}))


@identity.register(nn.ReLU)
@identity.register(nn.ReLU6)
@identity.register(nn.Hardtanh)
def _idempotent(layer, place):
    """Idempotent: applying it twice gives the same as once."""
    leaves = [
        leaf
        for grown in place.grown
        for leaf in grown.modules()
        if not list(leaf.children()) and not isinstance(leaf, KEEPS_SIGN)
    ]
    if not leaves or repr(leaves[-1]) != repr(layer):
        found = (
            f"{type(leaves[-1]).__name__} stands" if leaves else "nothing is"
        )
        raise GrowthError(
            f"it changes nothing only after another {type(layer).__name__}, "
            f"but {found} before it; put it right behind one"
        )
    return FirstState({})


def _refused(why):
    """A rule that raises: this type of layer cannot be an identity."""

    def rule(layer, place):
        """Raises."""
        raise GrowthError(f"{type(layer).__name__} {why}")

    return rule


_NOT_IDEMPOTENT = _refused(
    "is not idempotent, so it cannot begin as an identity; use ReLU, birth: "
    "copy, or a gated block, as in speechbrain_growth.ScalableCRDNN"
)
_NORMALISES = _refused(
    "normalises its input, so it cannot be an identity; use a gated block"
)
_RECURRENT = _refused(
    "cannot be an identity, as its directions or gates share weights; use "
    "birth: copy, or extra_rnn_layers of speechbrain_growth.ScalableCRDNN"
)
for _rule, _kinds in {
    _NOT_IDEMPOTENT: "LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Sigmoid "
    "LogSigmoid Tanh Softplus Hardswish Hardsigmoid Softmax LogSoftmax",
    _NORMALISES: "LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d",
    _RECURRENT: "RNN LSTM GRU",
}.items():
    for _kind in _kinds.split():
        identity.register(getattr(nn, _kind), _rule)
for _kind in "LiGRU LiGRU_Layer SLiGRU SLiGRU_Layer QuasiRNNLayer".split():
    identity.register(getattr(RNN, _kind), _RECURRENT)


@identity.register(nn.Sequential)
@identity.register(containers.Sequential)
@identity.register(containers.LengthsCapableSequential)
@identity.register(normalization.BatchNorm1d)
@identity.register(normalization.BatchNorm2d)
def _sequence(layer, place):
    """An identity if every layer inside is one."""
    tensors, exact = {}, Exact.YES
    for name, child in layer.named_children():
        inner = first_state(child, place, "identity")
        tensors.update({f"{name}.{k}": t for k, t in inner.tensors.items()})
        exact = max(exact, inner.exact)
    return FirstState(tensors, exact)


@identity.register(linear.Linear)
def _wrapped_linear(layer, place):
    """As torch's, unless max_norm rescales its weights as it runs."""
    if layer.max_norm is not None:
        raise GrowthError("max_norm rescales its weights; remove it")
    return _sequence(layer, place)


@identity.register(nn.TransformerEncoderLayer)
def _torch_block(layer, place):
    """Attention and feed-forward block end in zeros (LLaMA Pro)."""
    return _zeros(layer, ("self_attn.out_proj", "linear2"), layer.norm_first)


@identity.register(Transformer.TransformerEncoderLayer)
def _speechbrain_block(layer, place):
    """As torch's, under other names."""
    weighted = [
        name
        for name, module in layer.named_modules()
        if list(module.parameters(recurse=False))
    ]
    ends = [n for n in weighted if n.endswith("out_proj")]
    ends += [n for n in weighted if n.startswith("pos_ffn.")][-1:]
    return _zeros(layer, ends, layer.normalize_before)


def _zeros(layer, ends, first):
    """Zeros for the last layers of two branches, whose norms stand first."""
    if not first or len(ends) != 2:
        raise GrowthError(
            "has its norms behind its sums, or an unknown attention, so it "
            "cannot be an identity; use normalize_before=True (norm_first in "
            "torch), or birth: copy"
        )
    return FirstState(
        {
            name: torch.zeros_like(tensor).detach()
            for name, tensor in layer.named_parameters()
            if name.startswith(tuple(f"{end}." for end in ends))
        }
    )
