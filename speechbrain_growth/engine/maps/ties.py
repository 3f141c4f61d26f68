"""The maps that the layers of a model draw, and what ties them to each other.

Authors
 * The speechbrain_growth authors 2026
"""

from math import isclose

from speechbrain_growth.engine.maps import undoing, widths
from speechbrain_growth.engine.maps.layouts import Layouts
from speechbrain_growth.engine.maps.parents import with_parents
from speechbrain_growth.engine.maps.widths import shared_by_keys


class Maps(Layouts):
    """Draws a map for each layer's units, and remembers what it is made of.

    A layer that owns units draws one map for them, under a key: its name and
    its two sizes. Some layers need more of a map that another layer has drawn:
    both branches of a residual sum must have the same map, a grouped
    convolution needs it in equal blocks, and attention in heads. Then the key
    is said to be made of others, or of smaller parts, and the walk over the
    model starts again. What was said is kept from walk to walk, so the walks
    come to an end.

    For example, in ``x + linear_2(relu(linear_1(x)))`` after ``linear_0``:

    1. In the first walk ``linear_0`` and ``linear_2`` draw different maps. At
       the sum, ``tie`` notes that ``linear_2`` is made of ``linear_0`` and sets
       ``changed``.
    2. In the second walk ``draw`` gives ``linear_2`` the map of ``linear_0``.
       At the sum both maps are the same and nothing changes: this is the plan.

    ``WidthMap.drawn_by`` says what a signal's map is made of: pairs of a key
    and a number, how often each unit of that key's map stands in a row. Both
    directions of an RNN, flattened with 3 positions, are ``((there, 3), (back,
    3))``. Queries, keys and values in one layer with 4 units a head are made
    of three keys, one for the heads of each.

    Arguments
    ---------
    symmetry : Symmetry
        How the new units begin.
    generator : torch.Generator
        Source of randomness.
    chosen : iterable of WidthMap
        Maps that some layers have in place of drawn ones.
    parents : dict
        By label: the old unit that each new one copies, or None for a fresh
        one, in place of what the symmetry draws.

    Attributes
    ----------
    changed : bool
        Whether something was said, so that the model must be walked again.
    drawn : dict
        The map that each key has drawn.
    made_of : dict
        For each key that draws none: such pairs, or a map that is no layer's.
    scored : dict
        For each key whose units are keys of attention: that of the queries
        which they meet, and their gain, see ``WidthMap``.
    appended : set
        Keys of rows that are read one by one, see ``append``.
    """

    def __init__(self, symmetry, generator=None, chosen=(), parents=None):
        super().__init__()
        self.drawn.update({_key(width): width for width in chosen})
        self.chosen.update(self.drawn)
        self.symmetry = symmetry
        self.generator = generator
        self.scored = {}
        self.parents = dict(parents or {})
        self.appended = set()

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
        if self.formed(self._of(key), blocks, 1) is None:
            return None
        return self._of(key)

    def append(self, label, old, new):
        """Returns the map of rows that are read one by one, such as tokens.

        New ones are as built, whatever the symmetry; unless a layer that has
        the same tensor, or whoever chose a map, says otherwise.

        Arguments
        ---------
        label : str
            What the rows are.
        old : int
            Number of old rows.
        new : int
            Number of new rows.

        Returns
        -------
        WidthMap
        """
        key = (label, old, new)
        if key not in self.drawn and key not in self.made_of:
            width = widths.extend(old, new, label=label)
            self.drawn[key] = width._replace(drawn_by=((key, 1),))
        self.appended.add(key)
        return self._of(key)

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
        found = undoing.block_of(width, blocks, each)
        if width.is_identity or (found is not None and found.drawn_by):
            return found
        size = blocks * each
        if not width.drawn_by or width.old % size or width.new % size:
            return found
        block = width.old // blocks, width.new // blocks
        parts = self._cut(width.drawn_by, [block] * blocks)
        if parts is None or not all(
            self._unify(parts[0], part) for part in parts[1:]
        ):
            return found
        groups = self._grouped(parts[0], each)
        if groups is None:
            return found
        return self._made(groups, f"block of {width.label}")

    def cut(self, width, sizes):
        """Returns the maps of parts that stand side by side in a map.

        Arguments
        ---------
        width : WidthMap
            The map to cut.
        sizes : list of tuple
            The old and the new size of each part.

        Returns
        -------
        list of WidthMap
            None if the map cannot be drawn in such parts.
        """
        width = self._latest(width)
        if width.drawn_by is None:
            return undoing.cut(width, sizes)
        parts = self._cut(width.drawn_by, sizes)
        if parts is None:
            return None
        return [self._made(part, f"part of {width.label}") for part in parts]

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
        if one.drawn_by and other.drawn_by:
            tied = self._unify(one.drawn_by, other.drawn_by)
            return self._latest(one) if tied else None
        free, fixed = (one, other) if one.drawn_by else (other, one)
        key = _key(free)
        if key is None or self._fixed(key):
            return None
        self._say(key, fixed._replace(label=key[0]))
        return fixed

    def score(self, query, key, gain):
        """Lets the keys of attention share their units as queries have them.

        Arguments
        ---------
        query : WidthMap
            Map of the queries.
        key : WidthMap
            Map of the keys.
        gain : float
            As in ``WidthMap``.

        Returns
        -------
        bool
            Whether each unit of a key is drawn for itself, once.
        """
        pairs = [
            list(self._atoms(self._latest(one).drawn_by or ()))
            for one in (query, key)
        ]
        sizes = [[(k[1:], times) for k, times in parts] for parts in pairs]
        queries = self._queries()
        if not pairs[0] or sizes[0] != sizes[1]:
            return False
        for (one, _), (other, _) in zip(*pairs):
            free = not self._fixed(one) and not self._fixed(other)
            known = self.scored.get(other, (one, gain))
            if one == other or not free or not isclose(known[1], gain):
                return False
            if one in self.scored or other in queries:
                return False
            if other not in self.scored:
                self.scored[other], self.changed = (one, gain), True
                self.drawn.pop(other, None)
            elif not self._unify(((known[0], 1),), ((one, 1),)):
                return False
        return True

    def scores(self, width):
        """Whether some units of a map are queries or keys of attention."""
        met = {*self.scored, *self._queries()}
        return any(k in met for k, _ in self._atoms(width.drawn_by or ()))

    def _queries(self):
        """The keys of the units of queries that keys of attention meet."""
        parts = [(one, 1) for one, _ in self.scored.values()]
        return {key for key, _ in self._atoms(parts)}

    def _of(self, key):
        """The map that a key has by now."""
        if key in self.scored and key not in self.made_of:
            query, gain = self.scored[key]
            width = shared_by_keys(self._made(((query, 1),), key[0]), gain)
            return width._replace(drawn_by=((key, 1),))
        if key not in self.made_of:
            if key not in self.drawn:
                width = self._first(key)
                made = {"label": key[0], "drawn_by": ((key, 1),)}
                self.drawn[key] = width._replace(**made)
            return self.drawn[key]
        made = self.made_of[key]
        return made if type(made) is not tuple else self._made(made, key[0])

    def _first(self, key):
        """A map that nothing has been said of."""
        label, old, new = key
        parents = self.parents.get(label, ())
        if parents and len(parents) == new - old:
            return with_parents(old, parents)
        return self.symmetry.draw(old, new, self.generator)

    def _made(self, parts, label):
        """The map that is made of some keys'."""
        parts = list(self._atoms(parts))
        if len(parts) == 1 and parts[0][1] == 1:
            return self._of(parts[0][0])._replace(label=label)
        maps = [widths.repeat_each(self._of(k), each) for k, each in parts]
        return widths.concat(*maps, label=label)

    def _latest(self, width):
        """A map, made again of what its keys have by now."""
        if width.drawn_by is None:
            return width
        key = _key(width)
        if key in self.drawn and key not in self.made_of:
            return self.drawn[key]._replace(label=width.label)
        return self._made(width.drawn_by, width.label)


def _key(width):
    """The key of a map that is one layer's, as drawn; None of another."""
    parts = width.drawn_by or ()
    return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 else None
