"""Watches what linear layers and convolutions read and return in a forward.

A layer's weight says which call is its own. So a layer may call torch's function
itself, or hand it a permuted view of its weight, as long as the call can be told.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Tuple

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

LINEAR = (F.linear, torch.conv1d, torch.conv2d)
NAMES = "input weight bias stride padding dilation groups".split()


class Call(NamedTuple):
    """One call of a layer, as a convolution over two axes.

    Arguments
    ---------
    input : torch.Tensor
        Before padding, shape (examples, channels, height, width); its axes are
        in the order of the weight's. A linear layer has positions as height.
    output : torch.Tensor
        What the function returned, as the graph has it.
    kernel : tuple
        Two numbers.
    stride : tuple
        The same.
    dilation : tuple
        The same.
    sides : tuple
        By how much each side is padded, as ``torch.nn.functional.pad`` has it.
    mode : str
        How it is padded.
    swapped : bool
        Whether the output has the two axes in the other order.
    linear : bool
        Whether it is the call of a linear layer.
    """

    input: torch.Tensor
    output: torch.Tensor
    kernel: Tuple[int, int]
    stride: Tuple[int, int] = (1, 1)
    dilation: Tuple[int, int] = (1, 1)
    sides: Tuple[int, ...] = (0, 0, 0, 0)
    mode: str = "constant"
    swapped: bool = False
    linear: bool = True

    def planes(self, tensor):
        """What has the shape of the output, as the input is."""
        if self.linear:
            return positions(tensor)
        return _plane(tensor, self.output.ndim, self.swapped)

    def read(self, example):
        """What the layer reads of one example, at each of its outputs.

        Arguments
        ---------
        example : int
            Which one.

        Returns
        -------
        torch.Tensor
            float64, shape (outputs, channels times kernel).
        """
        one = self.input[example : example + 1].detach().double()
        padded = F.pad(one, self.sides, mode=self.mode)
        options = {"stride": self.stride, "dilation": self.dilation}
        return F.unfold(padded, self.kernel, **options)[0].T

    def rows(self, tensor, example):
        """Of what has the shape of the output: one example, (outputs, channels)."""
        return self.planes(tensor)[example].detach().double().flatten(1).T

    def sent_back(self, one):
        """The gradient of what each weight adds, at each unit that is read.

        Arguments
        ---------
        one : torch.Tensor
            Gradient of the output of one example, float64, from ``planes``,
            shape (1, outputs, height, width).

        Returns
        -------
        torch.Tensor
            float64, shape (positions before padding, outputs times kernel).
        """
        outputs, taps = one.shape[1], self.kernel[0] * self.kernel[1]
        weight = torch.eye(taps, dtype=one.dtype, device=one.device)
        weight = weight.view(1, taps, *self.kernel).repeat(outputs, 1, 1, 1)
        shape = (1, outputs * taps, *self.input.shape[2:])
        with torch.enable_grad():
            units = one.new_zeros(shape, requires_grad=True)
            padded = F.pad(units, self.sides, mode=self.mode)
            options = {"stride": self.stride, "dilation": self.dilation}
            sent = torch.nn.grad.conv2d_input(
                padded.shape, weight, one, groups=outputs, **options
            )
            (sent,) = torch.autograd.grad(padded, units, sent)
        return sent[0].flatten(1).T


class Calls(TorchFunctionMode):
    """Collects the calls of some layers while it is active.

    Arguments
    ---------
    weights : dict
        A name for each weight, and the weight itself.

    Attributes
    ----------
    found : dict
        For each name, a list with a ``Call`` for each time that it was called,
        in order; None for one that is not understood.

    Example
    -------
    >>> layer = torch.nn.Conv2d(1, 2, 3, padding=1)
    >>> with Calls({"layer": layer.weight}) as calls:
    ...     _ = layer(torch.ones(4, 1, 5, 5))
    >>> calls.found["layer"][0].read(0).shape
    torch.Size([25, 9])
    """

    def __init__(self, weights):
        super().__init__()
        self.weights = weights
        self.found = {name: [] for name in weights}
        self.padded = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Calls the function."""
        out = func(*args, **(kwargs or {}))
        if func is F.pad:
            # with what it returned, so that no other tensor gets its id
            self.padded[id(out)] = (out, args, kwargs or {})
        if func not in LINEAR:
            return out
        given = {**dict(zip(NAMES, args)), **(kwargs or {})}
        for name, weight in self.weights.items():
            order = _order(given["weight"], weight)
            if order is not None:
                self.found[name].append(self._call(func, given, order, out))
                # An activation in place would change what stands in the graph
                out = out.clone()
        return out

    def _call(self, func, given, swapped, out):
        """The call as a ``Call``; None if it is not understood."""
        inputs = given["input"]
        if func is F.linear:
            return Call(positions(inputs), out, (1, 1))
        flat = func is torch.conv1d
        dims, kernel = (1, 2)[not flat], given["weight"].shape[2:]
        strides = _pair(given.get("stride", 1), dims)
        dilation = _pair(given.get("dilation", 1), dims)
        sides, mode = (
            _sides(given.get("padding", 0), kernel, dilation),
            "constant",
        )
        if inputs.ndim != dims + 2 or given.get("groups", 1) != 1:
            return None
        if not any(sides) and id(inputs) in self.padded:
            inputs, sides, mode = _before(*self.padded[id(inputs)], dims)
        if flat:
            kernel, strides, dilation = (
                (*p, 1) for p in (kernel, strides, dilation)
            )
            strides, dilation = (strides[0], 1), (dilation[0], 1)
            sides = (0, 0, *sides)
        if swapped:
            kernel, strides, dilation = (
                tuple(p)[::-1] for p in (kernel, strides, dilation)
            )
            sides = (*sides[2:], *sides[:2])
        plane = _plane(inputs, dims + 2, swapped)
        pairs = map(tuple, (kernel, strides, dilation, sides))
        return Call(plane, out, *pairs, mode, swapped, linear=False)


def positions(tensor):
    """What stands in rows of channels, as a convolution has it.

    Arguments
    ---------
    tensor : torch.Tensor
        Shape (..., channels). With two axes there is one example.

    Returns
    -------
    torch.Tensor
        Shape (examples, channels, positions, 1).
    """
    examples = len(tensor) if tensor.ndim > 2 else 1
    rows = tensor.reshape(examples, -1, tensor.shape[-1])
    return rows.transpose(1, 2).unsqueeze(-1)


def _plane(tensor, dims, swapped):
    """What a convolution has, with two axes of positions in the weight's order."""
    if dims == 3:
        return tensor.unsqueeze(-1)
    return tensor.transpose(2, 3) if swapped else tensor


def _order(view, weight):
    """Whether a tensor is a weight: None, or if its last axes are swapped."""
    if view.data_ptr() != weight.data_ptr() or view.ndim != weight.ndim:
        return None
    if (view.shape, view.stride()) == (weight.shape, weight.stride()):
        return False
    if weight.ndim == 4:
        other = weight.transpose(2, 3)
        if (view.shape, view.stride()) == (other.shape, other.stride()):
            return True
    return None


def _pair(value, dims):
    """An option of a convolution as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


def _sides(padding, kernel, dilation):
    """What a convolution pads by itself, as ``pad`` has it."""
    dims = len(kernel)
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation)]
        pairs = [(t // 2, t - t // 2) for t in total]
    else:
        padding = 0 if padding == "valid" else padding
        pairs = [(one, one) for one in _pair(padding, dims)]
    return tuple(side for pair in reversed(pairs) for side in pair)


def _before(out, args, kwargs, dims):
    """What was padded, the sides and the mode; padded if it is another axis."""
    given = {**dict(zip(("input", "pad", "mode", "value"), args)), **kwargs}
    sides, mode = tuple(given["pad"]), given.get("mode", "constant")
    sides += (0,) * (2 * dims - len(sides))
    plain = mode != "constant" or not given.get("value")
    if len(sides) > 2 * dims or not plain:
        return out, (0,) * (2 * dims), "constant"
    return given["input"], sides, mode
