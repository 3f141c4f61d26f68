"""Which way a growth asks for, with its level and options.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, NamedTuple, Optional, Tuple

from speechbrain_growth.engine.births.units import WAYS
from speechbrain_growth.errors import GrowthError, did_you_mean


class Symmetry(NamedTuple):
    """One way in which new units begin, and its level.

    Arguments
    ---------
    way : str
        Its name in ``WAYS``.
    level : float
        Concentration of the Dirichlet distribution, or standard deviation of
        the noise relative to that of the weights; of ways that are filled from
        batches, see there.
    options : tuple
        Names and values of the other keys that were given, in order.
    """

    way: str = "shares"
    level: Optional[float] = None
    options: Tuple[Tuple[str, Any], ...] = ()

    @property
    def exact(self):
        """Whether the new model computes what the old one does."""
        return WAYS[self.way].exact and self.settings.get("zero_slope") is None

    @property
    def fills(self):
        """Whether new units are written from batches of the training data."""
        return WAYS[self.way].fills

    @property
    def settings(self):
        """All options, with the defaults of those that were not given."""
        known = WAYS[self.way].options
        return {
            **{key: one.default for key, one in known.items()},
            **dict(self.options),
        }

    @property
    def breaks(self):
        """Whether training can tell the new units from the old ones."""
        return WAYS[self.way].breaks

    def __str__(self):
        words = self.way if self.level is None else f"{self.way} {self.level}"
        return ", ".join([words, *(f"{k} {v}" for k, v in self.options)])

    def draw(self, old, new, generator=None):
        """Returns a random map from ``old`` to ``new`` units.

        Arguments
        ---------
        old : int
            Number of old units.
        new : int
            Number of new units.
        generator : torch.Generator
            Source of randomness.

        Returns
        -------
        WidthMap

        Example
        -------
        >>> Symmetry("fresh").draw(2, 3).share
        tensor([1., 1., 0.], dtype=torch.float64)
        """
        return WAYS[self.way].draw(self.level, old, new, generator)

    def adjust(self, tensor, axes, generator=None):
        """Returns a grown tensor with the noise that this way adds.

        Arguments
        ---------
        tensor : torch.Tensor
            Already grown.
        axes : tuple
            Its axes in the plan, which say what rows and columns are copies.
        generator : torch.Generator
            Source of randomness, on the CPU.

        Returns
        -------
        torch.Tensor
        """
        if tensor.ndim < 2:  # a bias, or the statistics of a norm
            return tensor
        return WAYS[self.way].adjust(self.level, tensor, axes, generator)


def symmetry_of(value):
    """Reads the value of the YAML key ``symmetry``.

    Arguments
    ---------
    value : str, dict or Symmetry
        A name, or ``{name: level}``, which may have options beside the name.

    Returns
    -------
    Symmetry

    Raises
    ------
    GrowthError
        If it is neither, or an option is none of that way.

    Example
    -------
    >>> symmetry_of({"zero_sum": 0.1}).level
    0.1
    """
    if isinstance(value, Symmetry):
        level = {value.way: value.level, **dict(value.options)}
        value = value.way if value.level is None else level
    if isinstance(value, str) and value in WAYS:
        if not WAYS[value].takes_level:
            return Symmetry(value)
    if isinstance(value, dict):
        names = [n for n in value if n in WAYS and WAYS[n].takes_level]
        level = value[names[0]] if len(names) == 1 else None
        if type(level) in (int, float) and 0 < level < math.inf:
            others = {k: v for k, v in value.items() if k != names[0]}
            if WAYS[names[0]].options or not others:
                return _with_options(names[0], float(level), others)
    named = [n for n, k in WAYS.items() if k.breaks and not k.takes_level]
    named += [
        f"{{{name}: number above 0}}"
        for name, kind in WAYS.items()
        if kind.takes_level
    ]
    raise GrowthError(
        f"symmetry is {value!r}; it must be {', '.join(named[:-1])} or "
        f"{named[-1]}"
    )


def _with_options(name, level, given):
    """A way with options; raises for each that is none."""
    known, problems = WAYS[name].options, []
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known)
            problems.append(
                f"symmetry {name} has no key {key!r}; {hint and hint + ' '}"
                f"beside the level there are {', '.join(known)}"
            )
        elif not known[key].takes(value):
            problems.append(
                f"symmetry {name}: {key} is {value!r}; it must be "
                f"{known[key].words}"
            )
    if problems:
        raise GrowthError(problems)
    return Symmetry(name, level, tuple(given.items()))
