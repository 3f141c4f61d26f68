"""Lets tensors stand for parameters for a while.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib


@contextlib.contextmanager
def replaced(modules, tensors):
    """Inside this context, tensors stand for some parameters of modules.

    Gradients reach what the tensors were computed from.

    Arguments
    ---------
    modules : torch.nn.Module
        Has the parameters.
    tensors : dict
        Tensors by a parameter's dotted name.

    Yields
    ------
    None

    Example
    -------
    >>> import torch
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> with replaced(net, {"weight": 0 * net.weight}):
    ...     net(torch.ones(1)).item()
    0.0
    >>> isinstance(net.weight, torch.nn.Parameter)
    True
    """
    held = []
    for name, tensor in tensors.items():
        owner, _, leaf = name.rpartition(".")
        layer = modules.get_submodule(owner)
        held.append((layer, leaf, layer._parameters.pop(leaf)))
        setattr(layer, leaf, tensor)
    try:
        yield
    finally:
        for layer, leaf, parameter in held:
            delattr(layer, leaf)
            layer.register_parameter(leaf, parameter)
