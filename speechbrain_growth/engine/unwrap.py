"""Finds the module that grows: in a list, compiled, or spread over devices.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.errors import GrowthError

SPREAD = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def raw(modules):
    """Whatever holds a model, as the one module whose layers have types.

    Arguments
    ---------
    modules : torch.nn.Module or list or dict
        A list or dict has modules in signal order. What is compiled, or spread
        over devices, shares its tensors with the module inside.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    GrowthError
        If it is scripted, or no module at all.

    Example
    -------
    >>> list(raw([nn.Linear(1, 2), nn.ReLU()]).state_dict())
    ['0.weight', '0.bias']
    >>> raw(nn.DataParallel(nn.ReLU()))
    ReLU()
    """
    if isinstance(modules, (list, tuple)):
        return nn.ModuleList(map(raw, modules))
    if type(modules) is dict:
        return nn.ModuleDict({name: raw(m) for name, m in modules.items()})
    if isinstance(modules, SPREAD):
        return raw(modules.module)
    if isinstance(modules, torch.jit.ScriptModule):
        raise GrowthError(
            f"{type(modules).__name__}: layers have no types once they are "
            "scripted; the modules that were scripted would do"
        )
    if not isinstance(modules, nn.Module):
        raise GrowthError(
            f"{type(modules).__name__}: is no module; a torch.nn.Module would "
            "do, or a list of them in signal order"
        )
    return getattr(modules, "_orig_mod", modules)  # of torch.compile
