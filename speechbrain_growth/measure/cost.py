"""What a model costs: parameters, and multiply-accumulates of one example.

Authors
 * The speechbrain_growth authors 2026
"""

from fractions import Fraction

import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_growth.engine.probe import in_eval

PERIOD = 4  # frames that pooling and strides may take together
SHORT = 32  # frames up to which every length is counted itself


def parameters(modules):
    """Number of trainable parameters.

    Arguments
    ---------
    modules : torch.nn.Module
        A module or a ``ModuleDict``.

    Returns
    -------
    int

    Example
    -------
    >>> parameters(torch.nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in modules.parameters() if p.requires_grad)


def macs(modules, shape):
    """Multiply-accumulates of one forward pass.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order; those without parameters are left out.
    shape : tuple of int
        Shape of the input of the first module.

    Returns
    -------
    int
        MACs: half of what torch's ``FlopCounterMode`` counts. Matrix products
        and convolutions are counted; norms and activations are not.

    Example
    -------
    >>> chain = torch.nn.ModuleDict({"only": torch.nn.Linear(3, 2)})
    >>> macs(chain, (5, 3))
    30
    """
    # Meta tensors have a shape only: nothing is computed, all is counted
    signal = torch.empty(tuple(shape), device="meta")
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), in_eval(modules), counter:
        for module in modules.values():
            if any(True for _ in module.parameters()):
                owned = [*module.named_parameters(), *module.named_buffers()]
                tensors = {
                    name: torch.empty_like(tensor, device="meta")
                    for name, tensor in owned
                }
                signal = signal.to(next(module.parameters()).dtype)
                signal = functional_call(module, tensors, (signal,))
                signal = signal[0] if isinstance(signal, tuple) else signal
    return counter.get_total_flops() // 2


class ForwardCost:
    """MACs of a forward pass at any batch size and length.

    Counting takes a tenth of a second, so few shapes are counted. A batch costs
    as many times what one example does. Inputs of three axes are (batch, time,
    features), and their MACs a polynomial of second degree in time (recurrent,
    convolutional, attention layers), up to what pooling and strides round away.
    So for each remainder of the frames by ``PERIOD`` three lengths are counted.
    That is exact for models that subsample time by 1, 2 or 4. Any other input
    is counted at its own shape.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order.

    Example
    -------
    >>> chain = torch.nn.ModuleDict({"only": torch.nn.Linear(3, 2)})
    >>> cost = ForwardCost(chain)
    >>> cost((5, 3)), cost((2, 1000, 3)), cost.parameters
    (30, 12000, 8)
    """

    def __init__(self, modules):
        self.modules = modules
        self.parameters = parameters(modules)
        self.known = {}

    def __call__(self, shape):
        """MACs of one forward pass.

        Arguments
        ---------
        shape : tuple of int
            Shape of the input of the first module, its first axis the batch.

        Returns
        -------
        int
        """
        batch, *example = shape
        if len(example) != 2 or example[0] < SHORT:
            return batch * self._counted(*example)
        frames, features = example
        first = SHORT + frames % PERIOD
        low, middle, high = (
            self._counted(first + step * SHORT, features) for step in range(3)
        )
        # Newton's forward differences
        at = Fraction(frames - first, SHORT)
        bend = at * (at - 1) / 2 * (high - 2 * middle + low)
        return batch * round(low + at * (middle - low) + bend)

    def _counted(self, *example):
        """MACs of one example, counted once."""
        if example not in self.known:
            self.known[example] = macs(self.modules, (1, *example))
        return self.known[example]
