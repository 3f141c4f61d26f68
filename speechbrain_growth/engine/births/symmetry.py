"""How the units that a growth adds come to differ from those that were there.

Copies with equal shares would receive equal gradients for ever: the large net
would stay the small one. Each way to break this symmetry has a name:

    shares        copies share the outgoing weight unequally, 1 : 2 at most
    {dirichlet: a}  the same with shares from a Dirichlet distribution
                  (as LEMON, https://arxiv.org/abs/2310.07999, draws its own)
    {zero_sum: s}  equal shares; noise on the outgoing weights of the copies that
                  sums to zero over them, s times the weights' deviation
    {noise: s}    equal shares; noise on the copies' incoming weights, as in
                  Net2Net (https://arxiv.org/abs/1511.05641); not exact
    fresh         no copies: new units as the layer was built, read by nothing
    pairs         no copies: two alike, read with opposite signs
    equal         equal shares alone; breaks nothing

All but ``noise`` are exact.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from functools import partial
from typing import NamedTuple, Optional

import torch

from speechbrain_growth.engine.maps import widths
from speechbrain_growth.errors import GrowthError

NAMED = ("shares", "fresh", "pairs", "equal")
WITH_LEVEL = ("dirichlet", "zero_sum", "noise")


class Symmetry(NamedTuple):
    """One way to break the symmetry.

    Arguments
    ---------
    way : str
        Its name.
    level : float
        Concentration of the Dirichlet distribution, or standard deviation of
        the noise relative to that of the weights.
    """

    way: str = "shares"
    level: Optional[float] = None

    @property
    def exact(self):
        """Whether it leaves the function as it was."""
        return self.way != "noise"

    def __str__(self):
        return self.way if self.level is None else f"{self.way} {self.level}"

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
        if self.way in ("fresh", "pairs"):
            return widths.extend(old, new, self.way == "pairs")
        shares = widths.equal
        if self.way == "shares":
            shares = widths.drawn_between_1_and_2
        if self.way == "dirichlet":
            shares = partial(gamma, self.level)
        return widths.widen(old, new, generator, shares)


def gamma(concentration, units, generator=None):
    """Gamma variates, whose shares of their sum are Dirichlet.

    Arguments
    ---------
    concentration : float
        Above 0; 1 is uniform over all shares.
    units : int
        How many.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    torch.Tensor
        float64, shape (units,), positive.

    Example
    -------
    >>> bool((gamma(1.0, 5, torch.Generator().manual_seed(0)) > 0).all())
    True
    """
    level = torch.full((units,), concentration, dtype=torch.float64)
    drawn = torch._standard_gamma(level, generator=generator)
    return drawn.clamp(min=1e-12)  # a share of 0 would be a dead copy


def symmetry_of(value):
    """Reads one way, as it stands in a YAML.

    Arguments
    ---------
    value : str, dict or Symmetry
        A name, or ``{name: level}``.

    Returns
    -------
    Symmetry

    Raises
    ------
    GrowthError
        If it is none.

    Example
    -------
    >>> symmetry_of({"zero_sum": 0.1}).level
    0.1
    """
    if isinstance(value, Symmetry):
        value = value.way if value.level is None else {value.way: value.level}
    if isinstance(value, str) and value in NAMED:
        return Symmetry(value)
    if isinstance(value, dict) and len(value) == 1:
        ((way, level),) = value.items()
        number = type(level) in (int, float) and 0 < level < math.inf
        if way in WITH_LEVEL and number:
            return Symmetry(way, float(level))
    levels = ", ".join(f"{{{way}: number above 0}}" for way in WITH_LEVEL)
    raise GrowthError(
        f"symmetry is {value!r}; it must be {', '.join(NAMED[:-1])}, {levels}"
    )
