"""The stages of a task in a dynamically expandable network.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Collection, Dict

import torch

from speechbrain_growth.continual.weights.selection import selected, silent
from speechbrain_growth.continual.weights.units import Tensors, Units, spread
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
    stage: str,
    units: Units,
    tensors: Tensors,
    old: torch.Tensor,
    own: Collection[str],
) -> Dict[str, torch.Tensor]:
    """Finds the weights that a stage does not train, one by one.

    All that enters or leaves silent units is held in every stage. What enters
    units that cannot be split is held after the first task, as earlier tasks
    read it.

    Arguments
    ---------
    stage : str
        From ``Stages.at``.
    units : Units
        Of the network.
    tensors : dict
        Its parameters by name.
    old : torch.Tensor
        Which units there were before the task, boolean, shape (units,).
    own : collection of str
        The parameters of which each task has its own.

    Returns
    -------
    dict
        As ``Held.masks``.

    Example
    -------
    >>> from speechbrain_growth import trace
    >>> layer = torch.nn.Linear(1, 3)
    >>> units = Units(trace(layer, torch.nn.Linear(1, 4)))
    >>> old = torch.tensor([True, True, False, True])
    >>> held_in("expanded", units, {"bias": layer.bias}, old, [])["bias"]
    tensor([ True,  True, False])
    """
    trained = torch.ones_like(old) if stage != "expanded" else ~old
    if stage == "selected":
        trained = selected(units, tensors)
    fixed, held = ~units.hidden & ~units.outputs, {}
    gone = silent(units, tensors)
    for name, tensor in tensors.items():
        is_own, axes = name in own, units.axes.get(name, ())
        one = torch.zeros_like(tensor, dtype=torch.bool)
        free = one if stage == "expanded" else ~one
        stays = one if axes or is_own or stage == FIRST else ~one
        for axis in axes:
            along = spread(trained, axis, tensor)
            free = free | along if stage == "expanded" else free & along
            stays = stays | spread(gone, axis, tensor)
            if axis.role == "out" and not is_own and stage != FIRST:
                stays = stays | spread(fixed, axis, tensor)
        if stage == "head":
            free = ~one if is_own else one
        held[name] = ~free | stays
    return held
