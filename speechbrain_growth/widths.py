"""Which old unit every new unit copies, and how the copies share its output.

Widening a layer (Net2WiderNet, https://arxiv.org/abs/1511.05641) copies units:
a copy keeps the incoming weights, and the copies of one unit divide its
outgoing weights among them. Whatever the layer, that is one map from new units
to old ones. Layouts that repeat a width (gates of an RNN, directions,
frequency x channel) are block concatenations of such a map.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch


class WidthMap(NamedTuple):
    """For each new unit, the old unit it copies and its share.

    The shares of the copies of one old unit sum to 1.

    Arguments
    ---------
    source : torch.Tensor
        Old unit that each new unit copies, int64, shape (new units,).
    share : torch.Tensor
        Part of the outgoing weight it takes, float64, shape (new units,).
    old : int
        Number of old units.
    label : str
        What the units are, for people.
    """

    source: torch.Tensor
    share: torch.Tensor
    old: int
    label: str = ""

    @property
    def new(self):
        """Number of new units."""
        return len(self.source)

    @property
    def counts(self):
        """How many copies each old unit has, shape (old units,)."""
        return torch.bincount(self.source, minlength=self.old)

    @property
    def is_identity(self):
        """Whether every unit stands where it stood, once."""
        return self.new == self.old and bool(
            (self.source == torch.arange(self.old)).all()
        )

    def __str__(self):
        size = self.old if self.is_identity else f"{self.old} -> {self.new}"
        return f"{self.label} {size}".strip()


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


def widen(old, new, generator=None, equal=False, label=""):
    """Returns a random map from ``old`` to ``new`` units.

    The old units come first and stay in place; the further ones copy units in
    random order, so that no unit has two copies more than another: a whole
    multiple copies every unit equally often. Shares are drawn between 1 and 2
    and normalised, so that copies differ by at most a factor of 2. Equal shares
    without noise would leave the copies identical for ever.

    Arguments
    ---------
    old : int
        Number of old units.
    new : int
        Number of new units, at least ``old``.
    generator : torch.Generator
        Source of randomness.
    equal : bool
        Gives every copy of a unit the same share.
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
    rounds = -(-new // old) - 1
    extra = [torch.randperm(old, generator=generator) for _ in range(rounds)]
    source = torch.cat([torch.arange(old), *extra])[:new]
    weight = torch.ones(new, dtype=torch.float64)
    if not equal:
        weight += torch.rand(new, generator=generator, dtype=torch.float64)
    total = torch.zeros(old, dtype=torch.float64).index_add(0, source, weight)
    return WidthMap(source, weight / total[source], old, label)


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
    sources, start = [], 0
    for one in maps:
        sources.append(one.source + start)
        start += one.old
    shares = [one.share for one in maps]
    return WidthMap(torch.cat(sources), torch.cat(shares), start, label)


def replicate(width, times, label=""):
    """Repeats a whole block: (times x units) flattened, units innermost.

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


def spread(width, times, label=""):
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
    >>> spread(WidthMap(torch.tensor([0, 0]), torch.ones(2) / 2, 1), 2).source
    tensor([0, 1, 0, 1])
    """
    inner = torch.arange(times)
    source = (width.source[:, None] * times + inner).flatten()
    share = width.share.repeat_interleave(times)
    return WidthMap(source, share, width.old * times, label)
