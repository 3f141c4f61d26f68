"""What a layer computes with beside its tensors, and must not change.

Authors
 * The speechbrain_growth authors 2026
"""

import types

from torch.nn.utils.parametrize import is_parametrized

# Whole numbers that say where a layer looks; others may be sizes
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
# What may differ: it regularises, or the function is the same
FREE = {"training", "p", "dropout", "drop_prob", "momentum", "inplace"}
FREE.add("fea_dim")  # a size, which SpeechBrain has as a float
PLAIN = (bool, float, str, type(None))


def differences(old, new):
    """How two layers differ in what is neither a tensor nor a size.

    Arguments
    ---------
    old : torch.nn.Module
        The layer as it is.
    new : torch.nn.Module
        The same layer of the larger model.

    Returns
    -------
    list of str
        One for each attribute.

    Example
    -------
    >>> from torch.nn import LeakyReLU, Linear
    >>> differences(LeakyReLU(0.1), LeakyReLU(0.2))
    ['its negative_slope 0.1 would become 0.2; it must stay']
    >>> differences(Linear(2, 3), Linear(2, 5))
    []
    """
    after = vars(new)
    return [
        f"its {key} {_said(value)} would become {_said(after[key])}; it must "
        "stay"
        for key, value in vars(old).items()
        if key in after
        and key not in FREE
        and not key.startswith("_")
        and _compared(key, value, after[key])
        and _said(value) != _said(after[key])
    ]


def added(layer):
    """What a layer computes beside its forward, in words; None if nothing.

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
    if not all(getattr(hook, "computes_nothing", False) for hook in hooks):
        return "has a forward hook, which may compute anything"
    if is_parametrized(layer):
        return "is parametrized, so its tensors are others"
    return None


def _compared(key, *values):
    """Whether values are no sizes, and can be compared."""
    if key in PLACES:
        return all(isinstance(v, (int, str, tuple, list)) for v in values)
    functions = (types.FunctionType, types.BuiltinFunctionType)
    return all(isinstance(value, (*PLAIN, *functions)) for value in values)


def _said(value):
    """A value in words; a function by its name."""
    return getattr(value, "__qualname__", repr(value))
