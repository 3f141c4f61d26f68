"""How the units that a growth adds begin.

Copies with equal shares would receive equal gradients for ever: the large net
would stay the small one. Each way to break this symmetry is one class in this
file, registered under the name that the YAML key ``symmetry`` takes. It says
which old unit each new unit copies, and what is then added to the weights. A
new way is one more class; ``way`` has an example.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial
from typing import Any, Callable, NamedTuple, Optional, Tuple, Type

import torch

from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.maps.plan import Axis

WAYS = {}


class Option(NamedTuple):
    """A key that stands beside the level of a way.

    Arguments
    ---------
    default : object
        Its value if it is not given.
    takes : callable
        Whether it takes a value.
    words : str
        What it takes, for people.
    """

    default: Any
    takes: Callable[[Any], bool]
    words: str


class Way:
    """Copies with equal shares, which other ways change.

    Attributes
    ----------
    source : str
        The paper that it is from; empty if there is none.
    takes_level : bool
        Whether the YAML gives it a number, as in ``{noise: 0.01}``.
    exact : bool
        Whether the new model computes what the old one does.
    breaks : bool
        Whether training can tell the new units from the old ones.
    fills : bool
        Whether new units are written once more, from batches of training data.
    options : dict
        An ``Option`` for each other key that stands beside the level.
    """

    source = ""
    takes_level = False
    exact = True
    breaks = True
    fills = False
    options = {}

    @staticmethod
    def draw(
        level: Optional[float],
        old: int,
        new: int,
        generator: Optional[torch.Generator],
    ) -> widths.WidthMap:
        """Returns a random map from ``old`` to ``new`` units."""
        return widths.widen(old, new, generator, widths.equal)

    @staticmethod
    def adjust(
        level: Optional[float],
        weight: torch.Tensor,
        axes: Tuple[Optional[Axis], ...],
        generator: Optional[torch.Generator],
    ) -> torch.Tensor:
        """Returns a grown weight with what this way adds to it."""
        return weight


def way(name: str) -> Callable[[Type[Way]], Type[Way]]:
    """Registers a class as a way in which new units begin.

    Arguments
    ---------
    name : str
        The value of the YAML key ``symmetry``.

    Returns
    -------
    callable
        A decorator.

    Example
    -------
    >>> from speechbrain_growth.engine.births.symmetry import symmetry_of
    >>> @way("noisy_pairs")
    ... class NoisyPairs(Pairs):
    ...     "Pairs with noise on their incoming weights."
    ...
    ...     takes_level, exact = True, False
    ...     adjust = Noise.adjust
    >>> symmetry_of({"noisy_pairs": 0.1}).exact
    False
    >>> _ = WAYS.pop("noisy_pairs")
    """

    def register(kind):
        """Takes the class."""
        WAYS[name] = kind
        return kind

    return register


@way("shares")
class Shares(Way):
    """Copies that share the outgoing weight unequally, 1 : 2 at most."""

    @staticmethod
    def draw(level, old, new, generator):
        """Shares are drawn between 1 and 2, then divided by their sum."""
        return widths.widen(old, new, generator)


@way("dirichlet")
class Dirichlet(Way):
    """Copies that share the outgoing weight as a Dirichlet variate says."""

    source = "https://arxiv.org/abs/2310.07999"  # LEMON
    takes_level = True  # concentration; 1 is uniform over all shares

    @staticmethod
    def draw(level, old, new, generator):
        """Shares are Gamma variates, divided by their sum."""
        return widths.widen(old, new, generator, partial(_gamma, level))


@way("zero_sum")
class ZeroSum(Way):
    """Copies with equal shares, and noise on their outgoing weights.

    The noise sums to zero over the copies of a unit, so the output does not
    change.
    """

    takes_level = True  # deviation of the noise, relative to the weight's

    @staticmethod
    def adjust(level, weight, axes, generator):
        """Adds noise, less its mean over the copies of each unit."""
        shared = [axis if axis and axis.shares.any() else None for axis in axes]
        for dim, width in _grown(shared):
            noise = _gaussian(weight, level, generator)
            source = width.source.to(weight.device)
            counts = width.counts.to(noise)
            shape = [-1 if d == dim else 1 for d in range(weight.ndim)]
            units = list(weight.shape)
            units[dim] = width.old
            mean = noise.new_zeros(units).index_add(dim, source, noise)
            mean = mean / counts.view(shape)
            noise = noise - mean.index_select(dim, source)
            shares = shared[dim].shares.to(noise).view(shape)
            weight = weight + noise * shares
        return weight


@way("noise")
class Noise(Way):
    """Copies with equal shares, and noise on their incoming weights."""

    source = "https://arxiv.org/abs/1511.05641"  # Net2Net
    takes_level = True  # deviation of the noise, relative to the weight's
    exact = False

    @staticmethod
    def adjust(level, weight, axes, generator):
        """Adds noise to all copies of a unit but the first."""
        copied = [
            axis if axis and axis.role == "out" else None for axis in axes
        ]
        for dim, width in _grown(copied):
            copies = width.is_new.nonzero()[:, 0].to(weight.device)
            noise = _gaussian(weight, level, generator)
            noise = noise.index_select(dim, copies)
            weight = weight.index_add(dim, copies, noise)
        return weight


@way("fresh")
class Fresh(Way):
    """Units as the larger layer was built, with outgoing weights of zero."""

    @staticmethod
    def draw(level, old, new, generator):
        """No unit is copied."""
        return widths.extend(old, new)


@way("pairs")
class Pairs(Way):
    """Pairs of equal units as built, with opposite outgoing weights.

    Also used by Firefly (https://arxiv.org/abs/2102.08574).
    """

    source = "https://arxiv.org/abs/2306.12700"  # Variance Transfer

    @staticmethod
    def draw(level, old, new, generator):
        """No unit is copied."""
        return widths.extend(old, new, pairs=True)


@way("equal")
class Equal(Way):
    """Copies with equal shares alone, which stay identical for ever."""

    breaks = False


def _grown(axes):
    """Dimension and map of the axes with new units."""
    return [
        (dim, axis.width)
        for dim, axis in enumerate(axes)
        if axis is not None and axis.width.old and axis.width.is_new.any()
    ]


def _gaussian(weight, level, generator):
    """Noise of a weight's shape, relative to its deviation."""
    noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return noise.to(weight) * level * weight.std()


def _gamma(concentration, units, generator=None):
    """Gamma variates, whose shares of their sum are Dirichlet."""
    level = torch.full((units,), concentration, dtype=torch.float64)
    drawn = torch._standard_gamma(level, generator=generator)
    return drawn.clamp(min=1e-12)  # a share of 0 would be a dead copy
