"""The stages of a task in a dynamically expandable network.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, List, Sequence

import torch
from torch import nn

from speechbrain_growth.continual.weights.selection import selected, silent
from speechbrain_growth.errors import GrowthError

# Those of a task after the first, but for the last stage
STAGES = ("head", "selected", "expanded", "whole")
FIRST, LAST = "first", "last"


class Stages:
    """Knows which stage each epoch of a task belongs to.

    Arguments
    ---------
    epochs : dict
        How many epochs each of ``STAGES`` has; ``last`` has those that are
        left.

    Raises
    ------
    GrowthError
        If a stage is missing or unknown, or has no epoch.

    Example
    -------
    >>> stages = Stages({"head": 1, "selected": 2, "expanded": 2, "whole": 3})
    >>> [stages.at(task=2, epoch=n, expanded=True) for n in (3, 4, 9)]
    ['selected', 'expanded', 'last']
    >>> stages.at(task=2, epoch=4, expanded=False)
    'whole'
    """

    def __init__(self, epochs: Dict[str, int]) -> None:
        counts = epochs if isinstance(epochs, dict) else {}
        if set(counts) != set(STAGES) or not all(
            type(count) is int and count > 0 for count in counts.values()
        ):
            raise GrowthError(
                f"strategy: epochs is {epochs!r}; it must give each of "
                f"{', '.join(STAGES)} a whole number above 0"
            )
        self.epochs = counts

    def end(self, stage: str) -> int:
        """Returns the last epoch of a stage, counted within the task.

        Arguments
        ---------
        stage : str
            One of ``STAGES``.

        Returns
        -------
        int
        """
        until = STAGES[: STAGES.index(stage) + 1]
        return sum(self.epochs[one] for one in until)

    def at(self, task: int, epoch: int, expanded: bool) -> str:
        """Returns the stage of an epoch.

        Arguments
        ---------
        task : int
            From 1 on.
        epoch : int
            Of this task, from 1 on.
        expanded : bool
            Whether units were added to this task; if not, ``whole`` begins
            earlier.

        Returns
        -------
        str
        """
        if task == 1:
            return FIRST
        left = [stage for stage in STAGES if epoch <= self.end(stage)]
        if left[:1] == ["expanded"] and not expanded:
            return "whole"
        return left[0] if left else LAST


def held_in(
    stage: str, layers: Dict[str, nn.Linear], widths: Sequence[int]
) -> Dict[str, torch.Tensor]:
    """Finds the weights that a stage does not train, one by one.

    Silent units are held in every stage.

    Arguments
    ---------
    stage : str
        From ``Stages.at``.
    layers : dict
        A chain of linear layers by dotted name; the last one is the head.
    widths : list of int
        Units of the hidden layers before the task; others stand behind them.

    Returns
    -------
    dict
        As ``Held.masks``.

    Example
    -------
    >>> layers = {"below": nn.Linear(1, 2), "head": nn.Linear(2, 1)}
    >>> held_in("expanded", layers, [1])["below.weight"]
    tensor([[ True],
            [False]])
    """
    gone, held = silent(list(layers.values())), {}
    levels = _trained(stage, list(layers.values()), widths)
    for number, (name, layer) in enumerate(layers.items()):
        below, above = levels[number : number + 2]
        free = above[:, None].expand_as(layer.weight)
        if stage == "selected":
            free = free & below
        if stage == "expanded":
            free = free | below
        into, out = gone[number : number + 2]
        held[f"{name}.weight"] = ~free | out[:, None] | into
        held[f"{name}.bias"] = ~above | out
    return held


def _trained(stage, layers, widths) -> List[torch.Tensor]:
    """Which inputs, units and outputs a stage trains."""
    weights = [layer.weight.detach() for layer in layers]
    if stage == "selected":
        return selected(weights)
    inputs = torch.ones_like(weights[0][0], dtype=torch.bool)
    levels = [inputs, *(torch.ones_like(w[:, 0]).bool() for w in weights)]
    if stage == "head":
        levels[:-1] = map(torch.zeros_like, levels[:-1])
    if stage == "expanded":
        levels = list(map(torch.zeros_like, levels))
        for level, width in zip(levels[1:], widths):
            level[width:] = True
    return levels
