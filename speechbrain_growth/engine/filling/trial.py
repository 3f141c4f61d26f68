"""Tries new units with nothing entering them, and keeps those that fit the formula.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.filling.measuring import measure
from speechbrain_growth.errors import GrowthError

SHIFT = 1e-3  # what enters an activation that is looked at beside 0
PART = (
    1e-2  # of the length of what leaves a unit then, so that it changes little
)
FITS = 1e-2  # as it does change the gradient a little
KINK = (
    0.1  # least difference of the slopes on both sides, relative to the larger
)


class Trial:
    """Measures the slope of what stands behind each group of units.

    Arguments
    ---------
    build : callable
        Returns the larger model, as it now is, with all that it will have.
    places : dict
        A ``Place`` by maker.
    found : dict
        ``Directions`` by maker.
    lengths : dict
        Length of what leaves each unit, by maker.
    seen : Statistics
        Of the batches; the first one is looked at.
    loss : callable
        Takes a model and returns the loss of that batch.
    together : callable
        As for ``fill``.

    Attributes
    ----------
    looks : int
        How often the larger model was run.
    """

    def __init__(self, build, places, found, lengths, seen, loss, together):
        self.build, self.places, self.found = build, places, found
        self.lengths, self.first, self.loss = lengths, seen.first, loss
        self.together, self.saved, self.looks = together, {}, 0

    def at_zero(self, left, zero_slope):
        """Leaves the units written that fit; the others are as they were.

        Arguments
        ---------
        left : dict
            By maker: why it is not tried. Gets the reasons that are found.
        zero_slope : float
            None: an activation without a slope at 0 is refused.

        Returns
        -------
        dict
            The slope by maker.
        """
        names = [name for name in self.found if name not in left]
        slopes = self._slopes(names, left)
        flat = [name for name, slope in slopes.items() if not slope]
        if flat and zero_slope is None:
            raise GrowthError(
                [
                    f"{name}: the activation behind it has the slope 0 at 0, as "
                    "torch's ReLU, so that these units would never learn; use "
                    "another activation, or say how long what enters them is, "
                    "as zero_slope: 0.001"
                    for name in flat
                ]
            )
        if flat:
            above = self._beside(flat, SHIFT, left)
            for name in flat:
                if not above.get(name):
                    left.setdefault(name, "what stands behind is flat around 0")
        return self._kept(slopes, left)

    def around_zero(self, left, kink):
        """As ``at_zero``, for units that begin beside 0.

        Arguments
        ---------
        left : dict
            The same.
        kink : bool
            Whether an activation may have two slopes at 0.

        Returns
        -------
        dict
            The slope by maker; None where there are two.
        """
        names = [name for name in self.found if name not in left]
        slopes = self._slopes(names, left)
        sides = [
            self._beside(list(slopes), shift, left) for shift in (SHIFT, -SHIFT)
        ]
        bent = []
        for name in slopes:
            one, other = (side.get(name, 0.0) for side in sides)
            largest = max(abs(one), abs(other))
            if not largest:
                left.setdefault(name, "what stands behind is flat around 0")
            elif abs(one - other) > KINK * largest:
                bent.append(name)
        bent = [name for name in bent if name not in left]
        if bent and not kink:
            raise GrowthError(
                [
                    f"{name}: the activation behind it has a kink at 0, as ReLU "
                    "and LeakyReLU, for which the formula of TINY does not "
                    "hold; use another one, or accept that: kink: True"
                    for name in bent
                ]
            )
        return self._kept({**slopes, **dict.fromkeys(bent)}, left)

    def _kept(self, slopes, left):
        """The slopes of what is not left; all else becomes what it was."""
        for name, saved in self.saved.items():
            if name in left:
                self.places[name].restore(saved)
        return {n: slope for n, slope in slopes.items() if n not in left}

    def _write(self, name, part=1.0, shift=0.0):
        """Writes units into which nothing enters."""
        length = self.lengths[name] * part
        self.places[name].write(self.found[name], 0.0, length, shift)

    def _measured(self, names, part=1.0):
        """The verdict on each of some groups."""
        self.looks += 1
        given = (self.places, self.found, self.first, self.lengths)
        places, found, first, lengths = (
            {name: one[name] for name in names} for one in given
        )
        lengths = {name: length * part for name, length in lengths.items()}
        args = places, found, first, self.loss, lengths
        return self.together(lambda: measure(self.build(), *args))

    def _slopes(self, names, left):
        """The slope at 0, by maker."""
        self.saved = {name: self.places[name].save() for name in names}
        for name in names:
            self._write(name)
        verdicts = {}
        while names:
            verdicts = self._measured(names)
            send = {n for n, one in verdicts.items() if one.sent}
            if not send:
                break
            for name in send:
                left[name] = (
                    "what stands behind sends "
                    f"{verdicts.pop(name).sent:.2g} where nothing enters, not 0"
                )
                # so that it does not change what the others do
                self.places[name].write(self.found[name], 0.0, 0.0)
            names = [name for name in names if name not in send]
        return self._fitting(verdicts, left)

    def _beside(self, names, shift, left):
        """The slopes beside 0, by maker."""
        if not names:
            return {}
        for name in names:
            self._write(name, PART, shift)
        verdicts = self._measured(names, PART)
        return self._fitting(verdicts, left, FITS)

    def _fitting(self, verdicts, left, fits=0.0):
        """The slopes of those that fit the formula."""
        slopes = {}
        for name, one in verdicts.items():
            if one.misfit <= max(fits, one.rounding):
                slopes[name] = one.slope
            else:
                left[name] = (
                    "what stands behind lets no fixed part of the gradient "
                    "through, as pooling, a recurrence or a product with others "
                    f"(misfit {one.misfit:.1e})"
                )
        return slopes
