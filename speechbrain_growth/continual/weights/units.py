"""The units of a network by number, and where each stands in every tensor.

The plan of a growth says what the axes of each tensor are made of. Here that is
kept without the growth: what enters a unit is all that has the unit on an axis
``out``, and what it sends is read along the axes ``in``.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, Iterator, List, NamedTuple, Tuple

import torch

from speechbrain_growth.engine.maps.plan import Plan

Tensors = Dict[str, torch.Tensor]


class Axis(NamedTuple):
    """One axis of a tensor.

    Arguments
    ---------
    dim : int
        Which one.
    role : str
        ``out`` or ``in``, as in a plan.
    units : torch.Tensor
        The number of the unit at each position; a unit with two gates stands
        at two.
    """

    dim: int
    role: str
    units: torch.Tensor


class Units:
    """Numbers all units, layer by layer.

    Arguments
    ---------
    plan : Plan
        Of a growth of the network, in which the layers grow whose units are
        hidden units here.
    device : torch.device
        Where the tensors are.

    Attributes
    ----------
    layers : dict
        The numbers of the units of each layer, as a ``range``, by its label.
    added : dict
        By how many units each layer grows in the plan.
    axes : dict
        For each tensor its axes of units.

    Example
    -------
    >>> from torch.nn import Linear, ReLU, Sequential
    >>> from speechbrain_growth import trace
    >>> old, new = (
    ...     Sequential(Linear(3, n), ReLU(), Linear(n, 1)) for n in (2, 3)
    ... )
    >>> units = Units(trace(old, new))
    >>> units.layers
    {'0 units': range(0, 2), 'inputs 3': range(2, 5), '2 units': range(5, 6)}
    >>> units.axes["2.weight"][1].units
    tensor([0, 1])
    >>> units.hidden
    tensor([ True,  True, False, False, False, False])
    """

    def __init__(self, plan: Plan, device: str = "cpu") -> None:
        self.layers, self.added, self.axes = {}, {}, {}
        self.device = device
        for name, planned in plan.tensors.items():
            self.axes[name] = [
                Axis(dim, axis.role, self._numbers(axis.width).to(device))
                for dim, axis in enumerate(planned)
                if axis is not None
            ]
        made = {key for one in plan.outputs for key, _ in one.drawn_by or ()}
        self.outputs = self.of([key[0] for key in made])
        self.hidden = self.of(self.hidden_layers)

    def _numbers(self, width):
        """The number of the unit at each position of an axis, at old sizes."""
        own = f"{width.label} {width.old}", width.old, width.new
        found = []
        for (label, old, new), each in width.drawn_by or [(own, 1)]:
            start = len(self)
            self.layers.setdefault(label, range(start, start + old))
            self.added[label] = new - old
            numbers = torch.tensor(self.layers[label], dtype=torch.long)
            found.append(numbers.repeat_interleave(each))
        return torch.cat(found)

    def __len__(self):
        """How many units there are."""
        return sum(map(len, self.layers.values()))

    @property
    def hidden_layers(self) -> List[str]:
        """The labels of the layers that grow in the plan."""
        return [label for label, more in self.added.items() if more]

    def of(self, labels: List[str]) -> torch.Tensor:
        """Returns which units belong to some layers.

        Arguments
        ---------
        labels : list of str
            Their labels.

        Returns
        -------
        torch.Tensor
            Boolean, shape (units,).
        """
        found = torch.zeros(len(self), dtype=torch.bool)
        for label in labels:
            numbers = self.layers[label]
            found[numbers.start : numbers.stop] = True
        return found.to(self.device)

    def along(
        self, role: str, tensors: Tensors
    ) -> Iterator[Tuple[str, torch.Tensor, Axis]]:
        """Goes through all axes of one role.

        Arguments
        ---------
        role : str
            ``out`` or ``in``.
        tensors : dict
            By name; those without units are left out.

        Yields
        ------
        tuple
            Name, tensor and axis.
        """
        for name, tensor in tensors.items():
            for axis in self.axes.get(name, ()):
                if axis.role == role:
                    yield name, tensor, axis


def spread(values: torch.Tensor, axis: Axis, tensor: torch.Tensor):
    """Gives each position of an axis the value of its unit.

    Arguments
    ---------
    values : torch.Tensor
        One for each unit, shape (units,).
    axis : Axis
        Of the tensor.
    tensor : torch.Tensor
        Has the axis.

    Returns
    -------
    torch.Tensor
        It broadcasts to the tensor.

    Example
    -------
    >>> gates = Axis(0, "out", torch.tensor([0, 1, 0, 1]))
    >>> spread(torch.tensor([5, 7]), gates, torch.ones(4, 9)).shape
    torch.Size([4, 1])
    """
    shape = [1] * tensor.ndim
    shape[axis.dim] = len(axis.units)
    return values[axis.units].view(shape)


def by_unit(values: torch.Tensor, axis: Axis, count: int) -> torch.Tensor:
    """Sums what stands at each unit.

    Arguments
    ---------
    values : torch.Tensor
        Has the axis.
    axis : Axis
        Where its units stand.
    count : int
        Number of all units.

    Returns
    -------
    torch.Tensor
        Shape (count,).

    Example
    -------
    >>> gates = Axis(0, "out", torch.tensor([0, 1, 0, 1]))
    >>> by_unit(torch.tensor([[1.0], [2], [3], [4]]), gates, 3)
    tensor([4., 6., 0.])
    """
    rows = values.movedim(axis.dim, 0).reshape(len(axis.units), -1).sum(1)
    found = torch.zeros(count, dtype=values.dtype, device=values.device)
    return found.index_add(0, axis.units, rows)
