"""Weights that are computed from a direction and a norm (weight norm).

A layer under torch's weight norm has, in the place of a weight w, a direction v
and a norm g of each slice along one axis: w = g * v / |v|
(https://arxiv.org/abs/1602.07868). A growth plans w; v then grows as w does, as
their ratio g / |v| is one number for each slice.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.weight_norm import WeightNorm


class Normed(NamedTuple):
    """A weight under weight norm.

    Arguments
    ---------
    direction : str
        Name of v.
    norm : str
        Name of g.
    dim : int
        Axis along which each slice has a norm; -1: there is one norm in all.
    """

    direction: str
    norm: str
    dim: int

    def named(self, change):
        """The same with other names."""
        return self._replace(
            direction=change(self.direction), norm=change(self.norm)
        )

    def ratio(self, state):
        """The numbers g / |v|, by which v is multiplied."""
        return state[self.norm] / lengths(state[self.direction], self.dim)


def lengths(tensor, dim):
    """The norm of each slice.

    Arguments
    ---------
    tensor : torch.Tensor
        The weight, or its direction.
    dim : int
        As in ``Normed``.

    Returns
    -------
    torch.Tensor
        Of the shape of g.

    Example
    -------
    >>> import torch
    >>> lengths(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), 0)
    tensor([[5.],
            [1.]])
    """
    return total(tensor.square(), dim).sqrt()


def total(tensor, dim):
    """The sum of each slice.

    Arguments
    ---------
    tensor : torch.Tensor
        Of the shape of the weight.
    dim : int
        As in ``Normed``.

    Returns
    -------
    torch.Tensor
        Of the shape of g.
    """
    if dim == -1:
        return tensor.sum()
    others = [axis for axis in range(tensor.ndim) if axis != dim]
    return tensor.sum(others, keepdim=True) if others else tensor


def norms_of(layer):
    """The weights of a layer that are under weight norm.

    Arguments
    ---------
    layer : torch.nn.Module
        Any. Layers inside it are not looked at.

    Returns
    -------
    dict
        A ``Normed`` for each weight's name.

    Example
    -------
    >>> from torch.nn import Linear
    >>> layer = parametrizations.weight_norm(Linear(2, 3))
    >>> norms_of(layer)["weight"].norm
    'parametrizations.weight.original0'
    """
    found = {
        hook.name: Normed(f"{hook.name}_v", f"{hook.name}_g", hook.dim)
        for hook in layer._forward_pre_hooks.values()
        if isinstance(hook, WeightNorm)
    }
    for name, steps in parametrized(layer).items():
        if len(steps) == 1 and isinstance(
            steps[0], parametrizations._WeightNorm
        ):
            both = (f"parametrizations.{name}.original{i}" for i in (1, 0))
            found[name] = Normed(*both, steps[0].dim)
    return found


def parametrized(layer):
    """What computes some parameters of a layer, by their names.

    Arguments
    ---------
    layer : torch.nn.Module
        Any.

    Returns
    -------
    dict
        A list of modules for each parameter.
    """
    return dict(layer.parametrizations) if is_parametrized(layer) else {}


def planned(norms, name, axes):
    """The tensors that a weight stands for in the plan, and their axes.

    Arguments
    ---------
    norms : dict
        A ``Normed`` for each weight's name.
    name : str
        Any tensor's.
    axes : tuple
        Its axes in the plan.

    Returns
    -------
    list of tuple
        Pairs of a name and axes. A norm is copied with its slice, whatever the
        role of that axis in the weight.
    """
    if name not in norms:
        return [(name, axes)]
    one, kept = norms[name], ()
    if one.dim != -1:
        kept = tuple(
            axis and _copied(axis) if dim == one.dim else None
            for dim, axis in enumerate(axes)
        )
    return [(one.direction, axes), (one.norm, kept)]


def _copied(axis):
    """The axis with its units copied, whether or not the weight shares them."""
    return axis._replace(role="out", width=axis.width._replace(gain=None))
