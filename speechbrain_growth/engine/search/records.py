"""What a search is asked for, and what it found.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch import nn

from speechbrain_growth.engine.unwrap import state_of, unwrap
from speechbrain_growth.errors import GrowthError


class Search(NamedTuple):
    """How candidates are searched.

    Arguments
    ---------
    budget : float
        What may be added to the cost of the model.
    sizes : list of str
        The sizes that may grow; None for all that can.
    new : int
        Number of fresh units in each layer.
    step : float
        The largest gate.
    points : int
        Points of the path along which candidates are scored.
    seed : int
        Of the directions, and of the models that are built.
    layers : bool
        Whether new layers are candidates.
    """

    budget: float
    sizes: Optional[List[str]] = None
    new: int = 8
    step: float = 0.01
    points: int = 3
    seed: int = 0
    layers: bool = True

    def check(self) -> None:
        """Raises if one of the numbers cannot be used."""
        problems = [
            f"{key} is {value!r}; use a whole number, {least} or above"
            for key, value, least in (
                ("new", self.new, 0),
                ("points", self.points, 1),
            )
            if type(value) is not int or value < least
        ]
        problems += [
            f"{key} is {value!r}; use a number above 0"
            for key, value in (("budget", self.budget), ("step", self.step))
            if type(value) not in (int, float) or not value > 0
        ]
        if type(self.layers) is not bool:
            problems.append(f"layers is {self.layers!r}; use True or False")
        if problems:
            raise GrowthError(problems)


class Found(NamedTuple):
    """What a search found.

    Arguments
    ---------
    sizes : dict
        All sizes of the larger model.
    units : dict
        The parent of each new unit, or None, as ``units`` of ``carry``.
    scores : list of dict
        Of what is kept, the best first: the ``size`` that grows, the ``score``,
        and ``from``, the old unit that splits in each layer, or None. Of a new
        layer this is empty, and ``layers`` has its name.
    candidates : int
        How many there were.
    left : dict
        Why some sizes were not touched, by name.
    tensors : dict
        By name: what ``write`` gives the larger model, on the CPU.
    tried : dict
        All sizes of the model of all candidates.
    """

    sizes: Dict[str, Any]
    units: Dict[str, List[Optional[int]]]
    scores: List[Dict[str, Any]]
    candidates: int
    left: Dict[str, str]
    tensors: Dict[str, torch.Tensor]
    tried: Dict[str, Any]

    @property
    def predicted(self):
        """By how much the loss changes, to first order."""
        return sum(one["score"] for one in self.scores)

    def write(self, new: nn.Module) -> None:
        """Gives a carried model what was found.

        This changes what it computes: by the square of the gate for a split, and
        by the gate for a new unit or layer.

        Arguments
        ---------
        new : torch.nn.Module
            Built at ``sizes``, and carried with ``units``.
        """
        state = state_of(unwrap(new))
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                state[name].copy_(tensor.view_as(state[name]))
