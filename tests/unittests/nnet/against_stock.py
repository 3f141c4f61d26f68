"""Our recurrent layers beside SpeechBrain's, with the same state.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.nnet import RNN
from speechbrain_growth.nnet.ligru import LiGRU, SLiGRU

STOCK = {LiGRU: RNN.LiGRU, SLiGRU: RNN.SLiGRU}


def pair(dtype=torch.float64, units=6, batch=3, kind=LiGRU, **options):
    """Our layer, the stock one with the same state, and an input."""
    torch.manual_seed(1)
    inputs = torch.randn(batch, 7, 5, dtype=dtype, requires_grad=True)
    made = []
    for one in (kind, STOCK[kind]):
        torch.manual_seed(0)
        layer = one(hidden_size=units, input_shape=inputs.shape, **options)
        for name, parameter in layer.named_parameters():
            if "layer_norm" in name:  # as it is after some training
                torch.nn.init.uniform_(parameter, -1, 1)
        made.append(layer.to(dtype))
    made[1].load_state_dict(made[0].state_dict(), strict=True)
    return (*made, inputs)


def results(layer, inputs, start=None):
    """Outputs, last states, and gradients of inputs and parameters."""
    outputs, last = layer(inputs, start)
    weight = torch.linspace(-1, 1, outputs.numel()).to(outputs)
    trained = [p for p in layer.parameters() if p.requires_grad]
    loss = (outputs * weight.view_as(outputs)).sum() + last.square().sum()
    return [outputs, last, *torch.autograd.grad(loss, [inputs, *trained])]


def agree(ours, stock, tolerance):
    """Equal relative to the largest number of each tensor."""
    for found, expected in zip(ours, stock):
        scale = expected.abs().max().clamp(min=1e-30)
        assert (found - expected).abs().max() / scale < tolerance
