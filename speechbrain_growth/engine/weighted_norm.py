"""A LayerNorm that weighs its units after a growth, until it is folded.

A growth leaves some units with more copies than others. A stock LayerNorm would
count such a unit several times: the function changes, in a CRDNN by 6 to 47 %.
Weighing each copy by its share keeps the function and the gradients. Over some
hundred steps the weights then move to equal ones, and the layer is a stock
LayerNorm again.

It stays the same object throughout, and has the stock layer's parameters, names
and state dict.

Authors
 * The speechbrain_growth authors 2026
"""

import warnings
from typing import Tuple

import torch
from torch import nn


class MidFoldWarning(UserWarning):
    """Weights were saved that a plain LayerNorm does not compute with."""


class WeightedLayerNorm(nn.LayerNorm):
    """LayerNorm (https://arxiv.org/abs/1607.06450) with weighted statistics.

    ``weigh`` makes it out of a stock layer.

    Attributes
    ----------
    weights : torch.Tensor
        Weight of each unit in the mean and the variance; sums to 1 over the
        normalized shape, to which it can be broadcast. Not in the state dict.
    start : torch.Tensor
        Weight of each unit as the folding began, shape (units,), sum 1.
    dim : int
        Axis of the normalized shape that holds the units.
    steps : int
        Number of steps of the folding.
    taken : int
        Number of steps that are done.
    kept : bool
        Whether something else than the state dict saves the weights.
    """

    stands_for = nn.LayerNorm

    def forward(self, input):
        """Returns the normalised input.

        Arguments
        ---------
        input : torch.Tensor
            Shape (..., *normalized_shape).

        Returns
        -------
        torch.Tensor
        """
        weights = self.weights.to(input.device)
        axes = [-1 - axis for axis in range(len(self.normalized_shape))]
        centred = input - (input * weights).sum(axes, keepdim=True)
        var = (centred.square() * weights).sum(axes, keepdim=True)
        output = centred * (var + self.eps).rsqrt()
        if self.weight is not None:
            output = output * self.weight
        if self.bias is not None:
            output = output + self.bias
        # in the dtype that autocast gives the stock layer's output
        stock = nn.functional.layer_norm(
            input.new_zeros(self.normalized_shape),
            self.normalized_shape,
            self.weight,
            self.bias,
        )
        return output.to(stock.dtype)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        """Warns that a state dict does not hold the weights."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not (self.kept or keep_vars):
            warnings.warn(
                f"LayerNorms weigh their units for {self.steps - self.taken} "
                "more steps, and a state dict does not say so: a plain "
                "LayerNorm that loads it computes something else; save it "
                "once fold(model) has returned 0, or save the whole model",
                MidFoldWarning,
                stacklevel=2,
            )


def weigh(norm, weights, dim, steps, taken=0):
    """Makes a stock LayerNorm weigh its units; ``fold`` undoes it in steps.

    Arguments
    ---------
    norm : torch.nn.LayerNorm
        Stays the same object.
    weights : torch.Tensor
        Weight of each unit, shape (units,); they sum to 1.
    dim : int
        Axis of the normalized shape that holds the units.
    steps : int
        Number of steps until it is a stock layer again.
    taken : int
        Number of steps that are done.

    Example
    -------
    >>> norm = nn.LayerNorm(3)
    >>> weigh(norm, torch.tensor([0.5, 0.25, 0.25]), 0, steps=2)
    >>> norm(torch.tensor([1.0, 3.0, 3.0])).detach().round(decimals=3)
    tensor([-1.,  1.,  1.])
    >>> fold(norm), fold(norm), type(norm) is nn.LayerNorm
    (1, 0, True)
    """
    like = next(norm.parameters(), weights)
    # averages in float32 at least, as torch's own
    dtype = torch.promote_types(like.dtype, torch.float32)
    weights = weights.to(like.device, dtype)
    begun = isinstance(norm, WeightedLayerNorm)
    norm.__class__ = WeightedLayerNorm
    norm.dim, norm.steps, norm.taken = int(dim), int(steps), int(taken)
    if begun:  # in place: a scripted copy of the model shares the tensors
        norm.start.copy_(weights)
    else:
        norm.kept = False
        norm.register_buffer("start", weights, persistent=False)
        divided = _divided(norm, weights)
        norm.register_buffer("weights", divided, persistent=False)
        # torch's fused Transformer layer reads weight and bias without calling
        # the forward; a hook keeps it from doing so
        norm.watch = norm.register_forward_hook(_watch)
    _advance(norm)


def _watch(self, inputs: Tuple[torch.Tensor], output: torch.Tensor):
    """Does nothing; torch.jit.script needs its types."""


_watch.computes_nothing = True  # so that attributes.added ignores it


def _advance(norm):
    """Sets the weights for the steps that are done."""
    stock = torch.full_like(norm.start, 1 / len(norm.start))
    now = norm.start.lerp(stock, norm.taken / norm.steps)
    norm.weights.copy_(_divided(norm, now))
    if norm.taken >= norm.steps:
        unweigh(norm)


def _divided(norm, weights):
    """The units' weights, divided among the other axes, to be broadcast."""
    shape = norm.normalized_shape
    weights = weights * len(weights) / torch.Size(shape).numel()
    return weights.view([-1 if d == norm.dim else 1 for d in range(len(shape))])


def unweigh(norm):
    """Makes a weighted LayerNorm the stock layer at once.

    Arguments
    ---------
    norm : WeightedLayerNorm
        Stays the same object.
    """
    norm.watch.remove()
    for name in ("start", "weights", "dim", "steps", "taken", "watch", "kept"):
        delattr(norm, name)
    norm.__class__ = nn.LayerNorm


def weighted(model):
    """The weighted LayerNorms of a model, by name.

    Arguments
    ---------
    model : torch.nn.Module
        Any.

    Returns
    -------
    dict
    """
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, WeightedLayerNorm)
    }


def fold(model: nn.Module) -> int:
    """Moves every weighted LayerNorm one step towards the stock layer.

    Call it after each step of the optimizer.

    Arguments
    ---------
    model : torch.nn.Module
        Any.

    Returns
    -------
    int
        Number of steps that are left; 0 once all layers are stock.
    """
    norms = list(weighted(model).values())
    left = max((norm.steps - norm.taken - 1 for norm in norms), default=0)
    for norm in norms:
        norm.taken += 1
        _advance(norm)
    return left


def weights_of(norm):
    """The weights of a LayerNorm's units, shape (units,); None if stock."""
    if not isinstance(norm, WeightedLayerNorm):
        return None
    flat = norm.weights.detach().flatten().cpu().double()
    return flat / flat.sum()
