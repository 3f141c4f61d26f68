"""What a model costs: parameters, and multiply-accumulates of one example.

Authors
 * The speechbrain_growth authors 2026
"""

from fractions import Fraction

import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.errors import GrowthError

PERIOD = 4  # largest factor by which models subsample time
SHORT = 32  # frames; below it, MACs are counted at the very length


def parameters(modules):
    """Returns the number of parameters, frozen ones too.

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
    return sum(p.numel() for p in modules.parameters())


def macs(modules, shape):
    """Returns the multiply-accumulates (MACs) of one forward pass.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order; modules without parameters are left out.
    shape : tuple of int
        Shape of the input of the first module.

    Returns
    -------
    int
        Half of what torch's ``FlopCounterMode`` counts: matrix products and
        convolutions, but no norms and activations.

    Raises
    ------
    GrowthError
        If a module cannot run on what the one before it returns.

    Example
    -------
    >>> chain = torch.nn.ModuleDict({"only": torch.nn.Linear(3, 2)})
    >>> macs(chain, (5, 3))
    30
    """
    # Tensors on the meta device have no values, so nothing is computed
    signal = torch.empty(tuple(shape), device="meta")
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), in_eval(modules), counter:
        for name, module in modules.items():
            if any(True for _ in module.parameters()):
                try:
                    signal = _through(module, signal)
                except Exception as error:  # the forward of any class
                    words = str(error).strip() or type(error).__name__
                    raise GrowthError(
                        f"an example of shape {tuple(shape)} does not go "
                        f"through {name}: {words.splitlines()[0]}; each of "
                        "modules must run on what the one before it returns, "
                        "and on nothing else"
                    )
    return counter.get_total_flops() // 2


def _through(module, signal):
    """What leaves a module, without values."""
    owned = [*module.named_parameters(), *module.named_buffers()]
    tensors = {
        name: torch.empty_like(tensor, device="meta") for name, tensor in owned
    }
    signal = signal.to(next(module.parameters()).dtype)
    signal = functional_call(module, tensors, (signal,))
    return signal[0] if isinstance(signal, tuple) else signal


class ForwardCost:
    """Computes the MACs of a forward pass at any batch size and length.

    Counting a shape takes a tenth of a second, so only a few are counted. A
    batch costs its size times one example. Inputs with three axes are (batch,
    time, features). Their MACs are a polynomial of degree two in time (for
    recurrent, convolutional and attention layers), except that pooling and
    strides round down. So three lengths are counted for each remainder of the
    number of frames divided by ``PERIOD``, and the polynomial gives the others.
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
        """Returns the MACs of one forward pass.

        Arguments
        ---------
        shape : tuple of int
            Shape of the input of the first module; its first axis is the batch.

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
