"""Finds the module that grows inside a list, ``torch.compile`` or DDP.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, Union

import torch
from torch import nn

from speechbrain_growth.errors import GrowthError

Model = Union[nn.Module, List[nn.Module], Dict[str, nn.Module]]
EXTRA = "_extra_state"  # whatever a layer wants saved beside its tensors
PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def unwrap(modules):
    """Returns the one module inside that has the layers.

    Arguments
    ---------
    modules : torch.nn.Module or list or dict
        A list or dict has modules in signal order. A compiled or parallel
        module shares its tensors with the module inside.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    GrowthError
        If it is scripted, or no module.

    Example
    -------
    >>> list(unwrap([nn.Linear(1, 2), nn.ReLU()]).state_dict())
    ['0.weight', '0.bias']
    >>> unwrap(nn.DataParallel(nn.ReLU()))
    ReLU()
    """
    if isinstance(modules, (list, tuple)):
        return nn.ModuleList(map(unwrap, modules))
    if type(modules) is dict:
        return nn.ModuleDict({name: unwrap(m) for name, m in modules.items()})
    if isinstance(modules, PARALLEL):
        return unwrap(modules.module)
    if isinstance(modules, torch.jit.ScriptModule):
        raise GrowthError(
            f"{type(modules).__name__}: scripted layers have no types; give "
            "the modules before torch.jit.script"
        )
    if not isinstance(modules, nn.Module):
        raise GrowthError(
            f"{type(modules).__name__}: is no module; give a torch.nn.Module, "
            "or a list of them in signal order"
        )
    return getattr(modules, "_orig_mod", modules)  # of torch.compile


def state_of(model):
    """The tensors of a model's state dict, themselves and not copies.

    Arguments
    ---------
    model : torch.nn.Module
        Any.

    Returns
    -------
    dict

    Example
    -------
    >>> layer = nn.Linear(1, 2)
    >>> state_of(layer)["weight"].data_ptr() == layer.weight.data_ptr()
    True
    """
    state = model.state_dict(keep_vars=True)
    return {
        name: tensor.detach()
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor) and not name.endswith(EXTRA)
    }
