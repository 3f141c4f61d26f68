"""A tensor of a model that has all candidates, each behind a gate.

Authors
 * The speechbrain_growth authors 2026
"""

import torch


class Gated:
    """What a parameter is, as a function of gates and directions.

    With gates e, the rows of an old unit are w + e d, those of its copy w - e d.
    A fresh unit has rows of its own; what is read of it is multiplied by e. So
    with all gates at 0 the model computes what it did, and copies are equal.

    Arguments
    ---------
    value : torch.Tensor
        The carried parameter: rows of fresh units as built, what is read of
        them 0. It stays as it is.
    axes : list of Along
        Of this tensor.
    flat : bool
        Whether the axis is that of the flattened tensor.
    units : Units
        Of the model.
    generator : torch.Generator
        Draws directions.

    Attributes
    ----------
    split : torch.Tensor
        Directions d, relative to ``scale``.
    own : torch.Tensor
        What is added to weights of fresh units, relative to ``scale``.
    scale : float
        Root of the mean square of the carried weights.
    """

    def __init__(self, value, axes, flat, units, generator):
        self.shape, self.axes = value.shape, axes
        value = value.detach().clone()
        self.value = value.flatten() if flat else value
        self.units = units
        self.out = [one for one in axes if one.role == "out"]
        self.into = [one for one in axes if one.role == "in"]
        mask = torch.zeros_like(self.value, dtype=torch.bool)
        sent = mask.clone()
        for one in axes:
            fresh = self._of(one, units.fresh.to(mask.device), False)
            mask = mask | fresh
            sent = sent | fresh if one.role == "in" else sent
        for one in self.out:  # rows of fresh units are as built
            sent = sent & ~self._of(one, units.fresh.to(mask.device), False)
        self.mask = mask
        known = self.value[~mask].double()
        self.scale = float(known.square().mean().sqrt()) if len(known) else 0.0
        drawn = self._drawn(generator)
        self.own = torch.where(sent, self._drawn(generator), 0)
        self.split = drawn if self.out else torch.zeros_like(drawn)
        self.own.requires_grad_(True)
        self.split.requires_grad_(True)

    def _drawn(self, generator):
        """Standard normal numbers."""
        shape = self.value.shape
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
        return drawn.to(self.value)

    def _of(self, one, numbers, other):
        """Numbers of units, along an axis."""
        units = one.units.to(numbers.device)
        found = numbers[units.clamp(min=0)]
        found = torch.where(units >= 0, found, other)
        shape = [1] * self.value.ndim
        shape[one.dim] = -1
        return found.view(shape)

    def _as_old(self, tensor):
        """A tensor in which copies have the rows of the old units."""
        for one in self.out:
            first = one.first.to(tensor.device)
            tensor = tensor.index_select(one.dim, first)
        return tensor

    def __call__(self, gates):
        """Returns the parameter for some gates, shape (candidates,)."""
        units = self.units
        each = gates[units.gate.to(gates.device)]
        signed = each * units.sign.to(each)
        value = self.value
        value = value + self.scale * self._as_old(self.own) * self.mask
        for one in self.out:
            step = self._of(one, signed, 0.0)
            value = value + self.scale * step * self._as_old(self.split)
        for one in self.into:
            fresh = self._of(one, units.fresh.to(each.device), False)
            value = value * torch.where(fresh, self._of(one, each, 1.0), 1.0)
        return value.view(self.shape)

    def squares(self):
        """Mean squares of what is drawn and trained, and how many numbers.

        Returns
        -------
        dict
            Sums and counts for each unit, by what they are of: ``split``,
            ``enters`` and ``leaves``.
        """
        found = {}
        with torch.no_grad():
            for what, tensor, axes in self._kinds():
                for one in axes:
                    whole = tensor.square().movedim(one.dim, 0)
                    whole = whole.reshape(len(one.units), -1)
                    sums = whole.sum(1).double().cpu()
                    count = torch.full_like(sums, whole.shape[1])
                    found.setdefault(what, []).append((one.units, sums, count))
        return found

    def shrink(self, factors):
        """Multiplies what belongs to each unit by a number.

        Arguments
        ---------
        factors : dict
            Numbers of all units by what they are of.
        """
        with torch.no_grad():
            for what, tensor, axes in self._kinds():
                for one in axes:
                    factor = factors[what].to(tensor)
                    tensor.mul_(self._of(one, factor, 1.0))

    def _kinds(self):
        """What is bounded for each unit."""
        return (
            ("split", self.split, self.out),
            ("enters", self.own, self.out),
            ("leaves", self.own, self.into),
        )
