"""Rows of keys that maps are made of, and how they are made alike.

Authors
 * The speechbrain_growth authors 2026
"""

import math


class Layouts:
    """What each key is made of: a row of pairs of a key and a number.

    A key is a label with an old and a new size. ``Maps`` has the story.

    Attributes
    ----------
    changed : bool
        Whether something was said.
    drawn : dict
        What is known of keys that are made of no others.
    made_of : dict
        For each other key: such pairs, or something that is no layer's.
    chosen : set
        Keys whose map was given, and which are not made of others.
    """

    def __init__(self):
        self.changed = False
        self.drawn, self.made_of, self.chosen = {}, {}, set()

    def _atoms(self, parts):
        """Pairs of keys that are made of no others, and their numbers."""
        for key, each in parts:
            made = self.made_of.get(key)
            if type(made) is tuple:
                for inner, times in self._atoms(made):
                    yield inner, times * each
            else:
                yield key, each

    def _say(self, key, made):
        """Notes what a key is made of from now on."""
        self.made_of[key], self.changed = made, True
        self.drawn.pop(key, None)

    def _fixed(self, key):
        """Whether a key has a map that stays: no layer's, or a given one."""
        return key in self.made_of or key in self.chosen

    def _unify(self, parts, others):
        """Makes two rows of keys the same; returns whether that is possible."""
        parts, others = list(self._atoms(parts)), list(self._atoms(others))
        for row, made in ((others, parts), (parts, others)):
            (key, each), *more = row
            inside = any(key == k for k, _ in made)
            if not more and each == 1 and not inside and not self._fixed(key):
                self._say(key, tuple(made))
                return True
        while parts and others:
            (one, times), (other, number) = parts[0], others[0]
            sizes = [one[1] * times, one[2] * times]
            wanted = [other[1] * number, other[2] * number]
            if sizes == wanted:
                if not self._equal(one, times, other, number):
                    return False
                parts, others = parts[1:], others[1:]
            elif sizes[0] <= wanted[0] and sizes[1] <= wanted[1]:
                if not self._split(other, number, *sizes):
                    return False
            elif not self._split(one, times, *wanted):
                return False
            parts, others = list(self._atoms(parts)), list(self._atoms(others))
        return not parts and not others

    def _equal(self, one, times, other, number):
        """Makes two keys the same, of which each unit stands several times."""
        if (one, times) == (other, number) or one[1] == one[2]:
            return True
        if self._fixed(one) or self._fixed(other):
            return False
        least = math.gcd(times, number)
        times, number = times // least, number // least
        if number == 1:
            self._say(other, ((one, times),))
        elif times == 1:
            self._say(one, ((other, number),))
        elif one[1] % number or one[2] % number:
            return False
        else:
            self._grouped(((one, 1),), number)
            ((group, _),) = self._atoms(((one, 1),))
            self._say(other, ((group, times),))
        return True

    def _split(self, key, each, old, new):
        """Makes a key of two, of which the first has some sizes."""
        if old % each or new % each or new < old or self._fixed(key):
            return False
        label, first = key[0], (old // each, new // each)
        rest = key[1] - first[0], key[2] - first[1]
        if min(first + rest) < 0 or rest[1] < rest[0]:
            return False
        if any(was == 0 < now for was, now in (first, rest)):
            return False  # new units alone, which nothing could be copied to
        names = f"{label} up to {first[0]}", f"{label} from {first[0]}"
        self._say(key, (((names[0], *first), 1), ((names[1], *rest), 1)))
        return True

    def _cut(self, parts, sizes):
        """Splits a row of keys into rows of some sizes; None if it cannot."""
        found, left = [], list(self._atoms(parts))
        for old, new in sizes:
            row = []
            while (old, new) != (0, 0):
                if not left:
                    return None
                key, each = left[0]
                size = key[1] * each, key[2] * each
                if size[0] <= old and size[1] <= new:
                    row.append(left.pop(0))
                    old, new = old - size[0], new - size[1]
                elif self._split(key, each, old, new):
                    left = list(self._atoms(left))
                else:
                    return None
            found.append(tuple(row))
        return None if left else found

    def _grouped(self, parts, each):
        """Makes units move in groups; returns the row of groups, or None."""
        for key, number in self._atoms(parts):
            times = each // math.gcd(number, each)
            if times == 1:
                continue
            if self._fixed(key) or key[1] % times or key[2] % times:
                return None
            label = f"{key[0]} in groups of {times}"
            group = (label, key[1] // times, key[2] // times)
            self._say(key, ((group, times),))
        return tuple((k, n // each) for k, n in self._atoms(parts))
