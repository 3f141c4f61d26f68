"""Laterals: what a column reads from those before it.

Progressive networks (Rusu et al. 2016, https://arxiv.org/abs/1606.04671).

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.errors import GrowthError


class Linears(nn.Module):
    """The sum of one linear layer for each earlier column.

    Arguments
    ---------
    inputs : int
        Units that each earlier column gives.
    outputs : int
        Units that are added to.
    columns : int
        How many earlier columns there are.
    """

    def __init__(self, inputs: int, outputs: int, columns: int) -> None:
        super().__init__()
        self.from_column = nn.ModuleList(
            nn.Linear(inputs, outputs, bias=False) for _ in range(columns)
        )

    def forward(self, arrived):
        """Adds up what the columns give."""
        return sum(one(x) for one, x in zip(self.from_column, arrived))


class Adapter(nn.Module):
    """A small network that reads all earlier columns side by side.

    Arguments
    ---------
    inputs : int
        Units that each earlier column gives.
    outputs : int
        Units that are added to.
    columns : int
        How many earlier columns there are.
    units : int
        Units inside.
    scale : float
        What each column is multiplied by at first.
    """

    def __init__(
        self, inputs: int, outputs: int, columns: int, units: int, scale: float
    ) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((columns,), float(scale)))
        self.into = nn.Linear(columns * inputs, units)
        self.out = nn.Linear(units, outputs, bias=False)

    def forward(self, arrived):
        """Scales, joins, and projects what the columns give."""
        joined = torch.cat([a * x for a, x in zip(self.scale, arrived)], -1)
        return self.out(torch.relu(self.into(joined)))


def lateral_into(layer, columns, units, scale):
    """The lateral into a layer, an adapter if it has a scale."""
    inputs, outputs = units_of(layer)
    if scale is None:
        return Linears(inputs, outputs, columns)
    return Adapter(inputs, outputs, columns, units or inputs, scale)


def units_of(layer):
    """How many units a lateral reads and gives."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    first = next((p for p in layer.parameters() if p.ndim == 2), None)
    if first is None:
        raise GrowthError(
            f"into: {type(layer).__name__} has no weight with rows and "
            "columns; name a linear or a recurrent layer"
        )
    return first.shape[1], first.shape[1]


def keep(arrived, layer, units, module, args):
    """A hook that notes what arrives at a layer, before anything is added."""
    signal = args[0]
    if signal.shape[-1] != units:  # a recurrent layer joins filters and bands
        signal = signal.flatten(2)
    arrived[layer] = signal


def add_in_front(read, module, args):
    """A hook that adds to what a layer gets."""
    added = read()
    return (args[0].reshape(added.shape) + added, *args[1:])


def add_behind(read, module, args, out):
    """A hook that adds to what a layer returns."""
    return out + read()
