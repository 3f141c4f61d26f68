"""The maps that the layers of a model draw, and what ties them to each other.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from speechbrain_growth.engine.maps import widths


class Maps:
    """Draws a map for each layer's units, and remembers it.

    A layer that owns units draws one map for them, under a key: its name and
    its two sizes. Some layers need more of a map that another layer has drawn:
    both branches of a residual sum must have the same map, and a grouped
    convolution needs it in equal blocks. Then the wish is noted here, the walk
    over the model starts again, and the layer obeys when it draws. The maps
    are kept from walk to walk, so the walks come to an end.

    For example, in ``x + linear_2(relu(linear_1(x)))`` after ``linear_0``:

    1. In the first walk ``linear_0`` and ``linear_2`` draw different maps. At
       the sum, ``tie`` notes that ``linear_2`` is tied to ``linear_0``, sets
       ``changed``, and forgets what ``linear_2`` has drawn.
    2. In the second walk ``draw`` gives ``linear_2`` the map of ``linear_0``.
       At the sum both maps are the same and nothing changes: this is the plan.

    A signal may hold a layer's map more than once: both directions of an RNN
    are the same map, two times. ``WidthMap.drawn_by`` says what a signal's map
    is made of, so that two bidirectional layers are tied direction by
    direction.

    Arguments
    ---------
    symmetry : Symmetry
        How the new units begin.
    generator : torch.Generator
        Source of randomness.

    Attributes
    ----------
    changed : bool
        Whether a wish was noted, so that the model must be walked again.
    drawn : dict
        The map that each key has drawn.
    tied_to : dict
        For each key that draws none: the map that it has instead.
    blocks : dict
        For each key with such a wish: the number of equal blocks, and the
        number of units in each group that moves together.
    """

    def __init__(self, symmetry, generator=None):
        self.symmetry = symmetry
        self.generator = generator
        self.changed = False
        self.drawn, self.tied_to, self.blocks = {}, {}, {}

    def draw(self, label, old, new, blocks=1):
        """Returns the map of a layer's units, in equal blocks if asked.

        Arguments
        ---------
        label : str
            What the units are; with the two sizes, it is the key.
        old : int
            Number of old units.
        new : int
            Number of new units.
        blocks : int
            Number of equal blocks that the map must consist of.

        Returns
        -------
        WidthMap
            None if the units do not divide into such blocks.
        """
        key = (label, old, new)
        if key not in self.drawn and key not in self.tied_to:
            self._draw(key)
        if self.formed(self._of(key), blocks, 1) is None:
            return None
        return self._of(key)

    def _draw(self, key):
        """Draws a map, in the blocks that were asked for."""
        label, old, new = key
        blocks, each = self.blocks.get(key, (1, 1))
        times = blocks * each
        width = self.symmetry.draw(old // times, new // times, self.generator)
        if times > 1:
            width = widths.repeat_each(width, each)
            width = widths.replicate(width, blocks)
        self.drawn[key] = width._replace(label=label, drawn_by=((key, 1),))

    def _of(self, key):
        """The map that a key has by now."""
        if key in self.drawn:
            return self.drawn[key]
        width = self.tied_to[key]
        return width if _key(width) == key else self._latest(width)

    def _latest(self, width):
        """A map, made again of what its layers have by now."""
        if width.drawn_by is None:
            return width
        if _key(width) is not None:
            return self._of(_key(width))
        parts = [
            widths.repeat_each(self._of(key), each)
            for key, each in width.drawn_by
        ]
        return widths.concat(*parts, label=width.label)

    def formed(self, width, blocks, each):
        """Returns the map inside a block, and has the map drawn in blocks.

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
            As ``block_of``; None if the map cannot be drawn in such blocks.
        """
        width = self._latest(width)
        found, key = widths.block_of(width, blocks, each), _key(width)
        if found is not None or key not in self.drawn:
            return found
        known = self.blocks.get(key, (1, 1))
        wish = math.lcm(known[0], blocks), math.lcm(known[1], each)
        if any(size % math.prod(wish) for size in key[1:]):
            return None
        self.blocks[key], self.changed = wish, True
        self._draw(key)
        return widths.block_of(self.drawn[key], blocks, each)

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
            None if the two are made of layers' maps in different ways.
        """
        one, other = self._latest(one), self._latest(other)
        if widths.same(one, other):
            return one
        layouts = [
            [(key[1:], each) for key, each in width.drawn_by or ()]
            for width in (one, other)
        ]
        if layouts[0] and layouts[0] == layouts[1]:
            for (first, _), (second, _) in zip(one.drawn_by, other.drawn_by):
                self._tie_keys(first, second)
            one = self._latest(one)
        elif _key(other) is not None:
            self._tie_key(_key(other), one)
        elif _key(one) is not None:
            self._tie_key(_key(one), other)
            one = other
        else:
            return None
        self.changed = True
        return one

    def _tie_keys(self, first, second):
        """Ties two keys to each other, the second to the first if possible."""
        first, second = _key(self._of(first)), _key(self._of(second))
        if first == second:
            return
        if second not in self.drawn:
            first, second = second, first
        if first in self.drawn:
            self.formed(self._of(first), *self.blocks.get(second, (1, 1)))
        self._tie_key(second, self._of(first))

    def _tie_key(self, key, width):
        """Gives a key another map than its own."""
        if width.drawn_by is None:  # so that it can be tied anew
            width = width._replace(drawn_by=((key, 1),))
        self.drawn.pop(key, None)
        self.tied_to[key] = width._replace(label=key[0])


def _key(width):
    """The key of a map that is one layer's, as drawn; None of another."""
    parts = width.drawn_by or ()
    return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 else None
