"""What a model costs: parameters, and multiply-accumulates of one example.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import warnings

import torch
from torch.utils.flop_counter import FlopCounterMode


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
    first = next(modules.parameters())
    signal = torch.zeros(tuple(shape), dtype=first.dtype, device=first.device)
    counter = FlopCounterMode(display=False)
    training = {module: module.training for module in modules.modules()}
    with torch.no_grad(), _plain_kernels(), counter:
        for module in modules.eval().values():
            if any(True for _ in module.parameters()):
                signal = module(signal)
                signal = signal[0] if isinstance(signal, tuple) else signal
    for module, mode in training.items():
        module.training = mode
    return counter.get_total_flops() // 2


@contextlib.contextmanager
def _plain_kernels():
    """Fused recurrent kernels would not be seen by the counter."""
    with warnings.catch_warnings():
        # Setting any oneDNN flag warns about Intel GPUs, wanted or not.
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            yield
