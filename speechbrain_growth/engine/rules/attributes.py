"""Attributes of a layer that a growth must leave alone (slope, eps, stride).

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
import types

from speechbrain_growth.engine.dispatch import kind_of
from speechbrain_growth.engine.maps.normed import (
    WeightNorm,
    norms_of,
    parametrized,
)

# Integers that are geometry; any other integer may be a size
PLACES = {
    "dilation",
    "dim",
    "end_dim",
    "kernel_size",
    "output_padding",
    "output_size",
    "padding",
    "padding_idx",
    "start_dim",
    "stride",
}
# Attributes that may differ: they regularise, or do not change the function
FREE = {"training", "p", "dropout", "drop_prob", "momentum", "inplace"}
FREE.add("fea_dim")  # a size, which SpeechBrain has as a float
# Whether torch's encoder may skip padded positions, whose outputs nobody reads
FREE |= {"use_nested_tensor", "enable_nested_tensor"}
PLAIN = (bool, float, str, type(None))


def differences(old, new, planned=()):
    """How two layers differ in attributes that must stay.

    Arguments
    ---------
    old : torch.nn.Module
        The layer before the growth.
    new : torch.nn.Module
        The same layer of the larger model.
    planned : tuple of str
        Attributes that may differ, as the layer's rule makes up for them.

    Returns
    -------
    list of str
        One for each attribute.

    Example
    -------
    >>> from torch.nn import LeakyReLU, Linear
    >>> differences(LeakyReLU(0.1), LeakyReLU(0.2))
    ['its negative_slope 0.1 would become 0.2; keep it']
    >>> differences(Linear(2, 3), Linear(2, 5))
    []
    """
    after = vars(new)
    return [
        f"its {key} {_text(value)} would become {_text(after[key])}; keep it"
        for key, value in vars(old).items()
        if key in after
        and key not in (*FREE, *planned)
        and not key.startswith("_")
        and _compared(old, key, value, after[key])
        and _differ(value, after[key])
    ]


def unlike(old, new):
    """Why no rule can grow one layer into another, as text; None if one may.

    Arguments
    ---------
    old : torch.nn.Module
        The layer before the growth.
    new : torch.nn.Module
        The same layer of the larger model.

    Returns
    -------
    str

    Example
    -------
    >>> from torch.nn import ReLU, Tanh
    >>> unlike(ReLU(), Tanh())
    'was ReLU and would become Tanh; keep the type of each layer'
    """
    extra = added(old) or added(new)
    if extra:
        return (
            f"{extra}; remove it before the growth and add it again afterwards"
        )
    if norms_of(old) != norms_of(new):
        return (
            "is under weight norm in another way; let both models have the same"
        )
    kind, larger = kind_of(old), kind_of(new)
    if kind is larger:
        return None
    return (
        f"was {kind.__name__} and would become {larger.__name__}; keep the "
        "type of each layer"
    )


def added(layer):
    """What is added to a layer's forward, as text; None if nothing.

    Arguments
    ---------
    layer : torch.nn.Module
        Any.

    Returns
    -------
    str

    Example
    -------
    >>> from torch.nn import ReLU
    >>> layer = ReLU()
    >>> added(layer)
    >>> hook = layer.register_forward_hook(lambda layer, given, out: -out)
    >>> added(layer)
    'has a forward hook, which may compute anything'
    """
    hooks = [*layer._forward_hooks.values(), *layer._forward_pre_hooks.values()]
    hooks = [hook for hook in hooks if not isinstance(hook, WeightNorm)]
    if not all(getattr(hook, "computes_nothing", False) for hook in hooks):
        return "has a forward hook, which may compute anything"
    if set(parametrized(layer)) - set(norms_of(layer)):
        return "is parametrized, so its parameters are computed from others"
    return None


def _compared(layer, key, *values):
    """Whether values cannot be sizes, and can be compared."""
    if key in PLACES or _is_float(type(layer), key):
        kinds = (int, float, str, tuple, list, type(None))
        return all(isinstance(value, kinds) for value in values)
    functions = (types.FunctionType, types.BuiltinFunctionType)
    return all(isinstance(value, (*PLAIN, *functions)) for value in values)


def _is_float(kind, key):
    """Whether a type of layer says that an attribute is no whole number."""
    said = [vars(one).get("__annotations__", {}) for one in kind.__mro__]
    argument = inspect.signature(kind.__init__).parameters.get(key)
    said.append({key: argument.annotation} if argument else {})
    default = argument.default if argument else None
    floats = any(one.get(key) in (float, "float") for one in said)
    return floats or isinstance(default, float)


def _differ(value, other):
    """Whether two values differ; 0 and 0.0 are the same number."""
    if all(type(one) in (int, float) for one in (value, other)):
        return value != other
    return _text(value) != _text(other)


def _text(value):
    """A value as text; a function by its name."""
    return getattr(value, "__qualname__", repr(value))
