"""The maps that the layers of a model draw, and what ties them to each other.

A layer that owns units draws one map for them. Some layers need more of that
map than its size: the two branches of a residual sum must have the same one, a
grouped convolution wants it in equal blocks. Such a wish is noted here, the
walk over the model starts anew, and the layer that draws obeys. Maps are kept
from walk to walk, so this comes to an end.

Authors
 * The speechbrain_growth authors 2026
"""

from math import gcd

import torch

from speechbrain_growth.engine.maps import widths


def core(width, blocks, each):
    """The map that stands ``blocks`` times in another, each unit a group.

    Arguments
    ---------
    width : WidthMap
        The map to look at.
    blocks : int
        Number of equal blocks, side by side.
    each : int
        Number of units that always move together, in one group.

    Returns
    -------
    WidthMap
        The map of the groups inside one block; None if there is none.

    Example
    -------
    >>> two = widths.replicate(widths.identity(3), 2)
    >>> core(two, 2, 1).source
    tensor([0, 1, 2])
    """
    if width.old % (blocks * each) or width.new % (blocks * each):
        return None
    new = width.new // blocks
    found = widths.WidthMap(
        width.source[:new:each] // each,
        width.share[:new:each],
        width.old // blocks // each,
        f"block of {width.label}",
    )
    if width.origin is not None:
        origin = width.origin[:new:each]
        found = found._replace(
            origin=torch.where(origin < 0, origin, origin // each),
            sign=width.sign[:new:each],
        )
    whole = widths.replicate(widths.spread(found, each), blocks)
    if not same(whole, width):
        return None
    return width if blocks == each == 1 else found


def same(one, other):
    """Whether two maps say the same, whatever they are called."""
    fields = ("source", "share", "fresh")
    if one.origin is not None and other.origin is not None:
        fields += ("origin", "sign")
    return all(torch.equal(getattr(one, f), getattr(other, f)) for f in fields)


def _lcm(one, other):
    """Smallest common multiple; Python 3.8 has none."""
    return one * other // gcd(one, other)


class Maps:
    """Draws a map for each layer's units, and remembers it.

    Arguments
    ---------
    symmetry : Symmetry
        How the new units come to differ from the old.
    generator : torch.Generator
        Source of randomness.
    """

    def __init__(self, symmetry, generator=None):
        self.symmetry = symmetry
        self.generator = generator
        self.restless = False
        self.drawn, self.bound = {}, {}
        self.leader, self.form = {}, {}

    def draw(self, label, old, new, blocks=1):
        """Returns the map of a layer's units, in equal blocks if so asked.

        Arguments
        ---------
        label : str
            What the units are; with the two sizes, it is the map's name.
        old : int
            Number of old units.
        new : int
            Number of new units.
        blocks : int
            How often the map repeats one block.

        Returns
        -------
        WidthMap
            None if the units do not divide into such blocks.
        """
        key = (label, old, new)
        while key in self.leader:
            key = self.leader[key]
        if key in self.bound:
            width = self.bound[key]
            return width if core(width, blocks, 1) is not None else None
        if key not in self.drawn:
            self._draw(key)
        if self.formed(self.drawn[key], blocks, 1) is None:
            return None
        return self.drawn[key]

    def _draw(self, key):
        """Draws anew, in the form that was asked for."""
        label, old, new = key
        blocks, each = self.form.get(key, (1, 1))
        times = blocks * each
        width = self.symmetry.draw(old // times, new // times, self.generator)
        if times > 1:
            width = widths.replicate(widths.spread(width, each), blocks)
        self.drawn[key] = width._replace(label=label)

    def _latest(self, width):
        """A map as it is drawn by now, and its name; None of one derived."""
        key = (width.label, width.old, width.new)
        while key in self.leader:
            key = self.leader[key]
        known = self.bound.get(key, self.drawn.get(key))
        return (width, None) if known is None else (known, key)

    def formed(self, width, blocks, each):
        """Returns the map inside a block, and has the whole drawn that way.

        Arguments
        ---------
        width : WidthMap
            The map to look at.
        blocks : int
            Number of equal blocks.
        each : int
            Number of units in each group that moves together.

        Returns
        -------
        WidthMap
            As ``core``; None if the map cannot be drawn that way.
        """
        width, key = self._latest(width)
        found = core(width, blocks, each)
        if found is not None or key not in self.drawn:
            return found
        form = self.form.get(key, (1, 1))
        form = _lcm(form[0], blocks), _lcm(form[1], each)
        if any(size % (form[0] * form[1]) for size in key[1:]):
            return None
        self.form[key], self.restless = form, True
        self._draw(key)
        return core(self.drawn[key], blocks, each)

    def tie(self, one, other):
        """Returns the one map that two signals of the same sizes will have.

        Arguments
        ---------
        one : WidthMap
            Map of the first signal.
        other : WidthMap
            Map of the second signal.

        Returns
        -------
        WidthMap
            None if both are derived from other maps, and differ.
        """
        one, first = self._latest(one)
        other, second = self._latest(other)
        if same(one, other):
            return one
        if second not in self.drawn and (first or not second):
            one, other, first, second = other, one, second, first
        if not second:
            return None
        self.restless = True
        if first in self.drawn and second in self.drawn:
            form = self.form.get(second, (1, 1))
            self.formed(one, *form)
            one = self.drawn[first]
            self.leader[second] = first
            del self.drawn[second]
        else:
            self.drawn.pop(second, None)
            self.bound[second] = one._replace(label=second[0])
        return one
