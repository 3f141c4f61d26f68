"""What a model costs: parameters, and multiply-accumulates of one example.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_growth.probe import in_eval


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
