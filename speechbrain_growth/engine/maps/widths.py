"""Which old unit every new unit copies, and how the copies share its output.

Widening a layer (Net2WiderNet, https://arxiv.org/abs/1511.05641) copies units:
a copy keeps the incoming weights, and the copies of one unit divide its
outgoing weights among them. For any layer, that is one map from new units to
old ones. Layouts that repeat a width (gates of an RNN, directions, frequency x
channel) are block concatenations of such a map.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional

import torch


class WidthMap(NamedTuple):
    """For each new unit, the old unit it copies and its share.

    The shares of the copies of one old unit sum to 1. A unit may also be fresh:
    it copies none, its share is 0, and its weights are those that the larger
    layer was built with.

    Arguments
    ---------
    source : torch.Tensor
        Old unit that each new unit copies, int64, shape (new units,); any for
        a fresh unit.
    share : torch.Tensor
        Part of the outgoing weight it takes, float64, shape (new units,).
    old : int
        Number of old units.
    label : str
        What the units are, for people.
    origin : torch.Tensor
        For each fresh unit, the unit of the larger layer, as it was built,
        whose incoming weights it has; -1 for a copy. None if all are copies.
    sign : torch.Tensor
        What the outgoing weights of that unit, as built, are multiplied by for
        each fresh unit: 0, 1 or -1; 0 for a copy. None if all are copies.
    drawn_by : tuple
        What the map is made of, in order: pairs of a layer's key in ``Maps``
        and a number, how often each unit of that layer's map stands in a row.
        None if the map is not made of what layers draw.
    gain : torch.Tensor
        The keys of attention meet copied queries, not weights that could share
        them. So a key's own weights take its share, times this number; 0 for
        the other units. None if there are only others.
    """

    source: torch.Tensor
    share: torch.Tensor
    old: int
    label: str = ""
    origin: Optional[torch.Tensor] = None
    sign: Optional[torch.Tensor] = None
    drawn_by: Optional[tuple] = None
    gain: Optional[torch.Tensor] = None

    @property
    def new(self):
        """Number of new units."""
        return len(self.source)

    @property
    def counts(self):
        """How many copies each old unit has, shape (old units,)."""
        return torch.bincount(self.source[~self.fresh], minlength=self.old)

    @property
    def fresh(self):
        """Whether each new unit is fresh, shape (new units,)."""
        if self.origin is None:
            return torch.zeros(self.new, dtype=torch.bool)
        return self.origin >= 0

    @property
    def gains(self):
        """The gain of each unit, float64, shape (new units,)."""
        none = torch.zeros(self.new, dtype=torch.float64)
        return none if self.gain is None else self.gain

    @property
    def is_new(self):
        """Whether each unit is fresh, or a second or later copy of a unit."""
        if not self.old:
            return self.fresh
        first = torch.full((self.old,), self.new)
        rows = torch.arange(self.new)
        copies = ~self.fresh
        first.scatter_reduce_(0, self.source[copies], rows[copies], "amin")
        return self.fresh | (first[self.source] != rows)

    @property
    def is_identity(self):
        """Whether the new units are the old ones, in the same order."""
        return self.new == self.old and bool(
            (self.source == torch.arange(self.old)).all()
        )

    def __str__(self):
        size = self.old if self.is_identity else f"{self.old} -> {self.new}"
        return f"{self.label} {size}".strip()


def same(one, other):
    """Whether two maps copy the same units with the same shares.

    Arguments
    ---------
    one : WidthMap
        A map.
    other : WidthMap
        Another one; labels may differ.

    Returns
    -------
    bool

    Example
    -------
    >>> same(identity(2, "cells"), identity(2, "units"))
    True
    """
    fields = ("source", "share", "fresh", "gains")
    if one.origin is not None and other.origin is not None:
        fields += ("origin", "sign")
    return all(torch.equal(getattr(one, f), getattr(other, f)) for f in fields)


def identity(units, label=""):
    """Returns the map that changes nothing.

    Arguments
    ---------
    units : int
        Number of units.
    label : str
        What they are.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> identity(3).source
    tensor([0, 1, 2])
    """
    return WidthMap(
        torch.arange(units),
        torch.ones(units, dtype=torch.float64),
        units,
        label,
    )


def drawn_between_1_and_2(units, generator=None):
    """Shares before they are normalised: copies differ by 2 at most.

    Arguments
    ---------
    units : int
        How many.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    torch.Tensor
        float64, shape (units,).
    """
    return 1 + torch.rand(units, generator=generator, dtype=torch.float64)


def equal(units, generator=None):
    """Shares before they are normalised: all the same.

    Without noise, the copies of a unit would stay identical for ever.

    Arguments
    ---------
    units : int
        How many.
    generator : torch.Generator
        Not used.

    Returns
    -------
    torch.Tensor
        float64, shape (units,).
    """
    return torch.ones(units, dtype=torch.float64)


def widen(old, new, generator=None, shares=drawn_between_1_and_2, label=""):
    """Returns a random map from ``old`` to ``new`` units.

    The old units come first, in their order. Each new one copies an old unit
    at random, but no unit gets two copies more than another: if ``new`` is a
    multiple of ``old``, every unit gets equally many.

    Arguments
    ---------
    old : int
        Number of old units.
    new : int
        Number of new units, at least ``old``.
    generator : torch.Generator
        Source of randomness.
    shares : callable
        Takes a number and the generator, and draws that many positive
        numbers; those of one unit's copies are then divided by their sum.
    label : str
        What the units are.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> wider = widen(4, 6, torch.Generator().manual_seed(0))
    >>> wider.source[:4]
    tensor([0, 1, 2, 3])
    >>> torch.zeros(4).double().index_add(0, wider.source, wider.share)
    tensor([1., 1., 1., 1.], dtype=torch.float64)
    """
    if not old:
        return extend(old, new, label=label)
    rounds = -(-new // old) - 1
    extra = [torch.randperm(old, generator=generator) for _ in range(rounds)]
    source = torch.cat([torch.arange(old), *extra])[:new]
    weight = shares(new, generator)
    total = torch.zeros(old, dtype=torch.float64).index_add(0, source, weight)
    return WidthMap(source, weight / total[source], old, label)


def extend(old, new, pairs=False, label=""):
    """Returns the map that adds fresh units and copies none.

    Fresh units have the incoming weights that the larger layer was built with.
    Their outgoing weights are zero; or, in pairs, two units are equal and their
    outgoing weights cancel: (V, V) before, (Z, -Z) behind. Either way the
    function stays. Of an odd number, one unit is without a twin.

    Arguments
    ---------
    old : int
        Number of old units.
    new : int
        Number of new units, at least ``old``.
    pairs : bool
        Adds the units in pairs.
    label : str
        What the units are.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> extend(2, 5, pairs=True).origin
    tensor([-1, -1,  2,  2,  4])
    >>> extend(2, 5, pairs=True).sign
    tensor([ 0.,  0.,  1., -1.,  0.], dtype=torch.float64)
    """
    if new == old:
        return identity(old, label)
    source = torch.cat([torch.arange(old), torch.zeros(new - old).long()])
    share = (torch.arange(new) < old).double()
    origin = torch.where(share > 0, torch.full((new,), -1), torch.arange(new))
    sign = torch.zeros(new, dtype=torch.float64)
    if pairs:
        twins = torch.arange(old + 1, new, 2)
        origin[twins] = twins - 1
        sign[twins - 1], sign[twins] = 1.0, -1.0
    return WidthMap(source, share, old, label, origin, sign)


def concat(*maps, label=""):
    """Lays maps side by side, as the gates of an RNN are.

    Arguments
    ---------
    *maps : WidthMap
        One for each block.
    label : str
        What the blocks are.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> concat(identity(2), identity(3)).source
    tensor([0, 1, 2, 3, 4])
    """
    sources, origins, start, place = [], [], 0, 0
    for one in maps:
        sources.append(one.source + start)
        origins.append(_moved(one, place))
        start += one.old
        place += one.new
    shares = torch.cat([one.share for one in maps])
    joined = WidthMap(torch.cat(sources), shares, start, label)
    if all(one.drawn_by is not None for one in maps):
        parts = [part for one in maps for part in one.drawn_by]
        joined = joined._replace(drawn_by=tuple(parts))
    if any(one.gain is not None for one in maps):
        joined = joined._replace(gain=torch.cat([one.gains for one in maps]))
    if all(one.origin is None for one in maps):
        return joined
    signs = [
        torch.zeros(one.new).double() if one.sign is None else one.sign
        for one in maps
    ]
    return joined._replace(origin=torch.cat(origins), sign=torch.cat(signs))


def _moved(width, place):
    """A map's origins when its units begin at ``place``."""
    if width.origin is None:
        return torch.full((width.new,), -1)
    return torch.where(width.fresh, width.origin + place, width.origin)


def replicate(width, times, label=""):
    """Repeats a map: (times x units) flattened, units innermost.

    SpeechBrain flattens (frequency, channel) this way: column ``f * C + c``.

    Arguments
    ---------
    width : WidthMap
        The block.
    times : int
        How often it stands.
    label : str
        What the result is.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> replicate(identity(2), 3).old
    6
    """
    return concat(*[width] * times, label=label)


def repeat_each(width, times, label=""):
    """Repeats every unit: (units x times) flattened, units outermost.

    ``torch.nn.Flatten`` after a convolution lays channels out this way.

    Arguments
    ---------
    width : WidthMap
        The units.
    times : int
        How many positions each has.
    label : str
        What the result is.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> half = torch.ones(2) / 2
    >>> repeat_each(WidthMap(torch.tensor([0, 0]), half, 1), 2).source
    tensor([0, 1, 0, 1])
    """
    inner = torch.arange(times)
    source = (width.source[:, None] * times + inner).flatten()
    share = width.share.repeat_interleave(times)
    wider = WidthMap(source, share, width.old * times, label)
    if width.drawn_by is not None:
        parts = [(key, each * times) for key, each in width.drawn_by]
        wider = wider._replace(drawn_by=tuple(parts))
    if width.gain is not None:
        gain = width.gain.repeat_interleave(times)
        wider = wider._replace(gain=gain)
    if width.origin is None:
        return wider
    origin = (width.origin[:, None] * times + inner).flatten()
    return wider._replace(
        origin=torch.where(width.fresh.repeat_interleave(times), origin, -1),
        sign=width.sign.repeat_interleave(times),
    )


def shared_by_keys(width, gain):
    """Returns the map of keys that meet queries of some map.

    The sum over the copies of a unit, each a query times a key, stays.

    Arguments
    ---------
    width : WidthMap
        Of the queries.
    gain : float
        By what the keys are multiplied, as the larger model divides what they
        and the queries give by a larger number.

    Returns
    -------
    WidthMap

    Example
    -------
    >>> shared_by_keys(identity(2), 1.5).gain
    tensor([1.5000, 1.5000], dtype=torch.float64)
    """
    return width._replace(gain=torch.full_like(width.share, gain))
