"""Which networks can have their units split, or left out by some tasks.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, List

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from speechbrain_growth.continual.weights.units import Units

ELSEWHERE = ("dropout", "pooling", "features")  # modules whose layers send none


def problems_of(strategy: Any, brain: Any) -> List[str]:
    """Returns what does not let units be split, or left out.

    Arguments
    ---------
    strategy : Numbered
        Names the sizes, and what is each task's own.
    brain : ContinualBrain
        Has the modules.

    Returns
    -------
    list of str

    Raises
    ------
    GrowthError
        If the network cannot be widened.
    """
    units, modules = strategy.numbered(brain), brain.raw_modules
    own = set(brain.own_tensors(modules))
    problems = _sizes(strategy, brain, units)
    head = _head(units)
    norms = [n for n, m in modules.named_modules() if _is_norm(m)]
    wanted = [head, "norms"] if norms else [head]
    if sorted(strategy.own) != sorted(wanted):
        problems.append(
            f"own is {strategy.own}; it must be [{', '.join(wanted)}]"
        )
    for name, layer in modules.named_modules():
        where = f"model: {name} is a {type(layer).__name__}"
        if any(layer.children()):
            continue
        tensors = _tensors(name, layer)
        if _is_norm(layer) and not own.issuperset(tensors):
            problems.append(
                f"{where}; later tasks would change its statistics. Let each "
                "task have its own: name norms in own"
            )
        elif _grows(layer, tensors, units):
            problems.append(
                f"{where}, whose units cannot be split; use linear layers, or "
                "a Li-GRU"
            )
    return problems


def loud(modules: nn.Module) -> List[str]:
    """Names the activations by which a unit without weights sends something.

    Arguments
    ---------
    modules : torch.nn.Module
        The network.

    Returns
    -------
    list of str
        What is wrong.

    Example
    -------
    >>> loud(nn.ModuleDict({"last": nn.Sigmoid()}))[0][:25]
    'model: last is a Sigmoid,'
    """
    return [
        f"model: {name} is a {type(layer).__name__}, which turns 0 into "
        "another number, so that a unit without weights still sends it; use "
        "ReLU or Tanh"
        for name, layer in modules.named_modules()
        if not any(layer.children())
        and not _tensors(name, layer)
        and type(layer).__module__.rpartition(".")[2] not in ELSEWHERE
        and layer(torch.zeros(1, 1)).any()
    ]


def _sizes(strategy, brain, units) -> List[str]:
    """Sizes that set the units of no layer."""
    problems = []
    for place, count in enumerate(strategy.places(brain.schedule.sizes), 1):
        found = [n for n, more in units.added.items() if more == place]
        if not found or any(len(units.layers[n]) != count for n in found):
            problems.append(
                f"size names {count} units, but they are those of no layer; "
                "name numbers of units alone"
            )
    return problems


def _head(units: Units) -> str:
    """The layer whose units are the outputs."""
    for name, axes in units.axes.items():
        for axis in axes:
            if axis.role == "out" and units.outputs[axis.units].all():
                return name.rpartition(".")[0]
    return ""


def _tensors(name: str, layer: nn.Module) -> List[str]:
    """The dotted names of what a layer has in the state dict."""
    return [f"{name}.{key}" for key in layer.state_dict()]


def _grows(layer: nn.Module, tensors: List[str], units: Units) -> bool:
    """Whether units of a layer are hidden that is not linear nor a batch norm."""
    return not isinstance(layer, (nn.Linear, _BatchNorm)) and any(
        axis.role == "out" and bool(units.hidden[axis.units].any())
        for name in tensors
        for axis in units.axes.get(name, ())
    )


def _is_norm(layer: nn.Module) -> bool:
    """Whether a layer normalises, with statistics or weights of its own."""
    return isinstance(layer, (_BatchNorm, nn.LayerNorm, nn.GroupNorm))
