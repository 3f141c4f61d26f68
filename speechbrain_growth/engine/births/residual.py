"""Lets a residual block begin as an identity: its branches end in zeros.

A block that adds branches to what it gets, as those of ResNet, ConvNeXt or a
Transformer, returns its input if the last weights of each branch are zero
(zero-initialised gamma, https://arxiv.org/abs/1706.02677; LLaMA Pro,
https://arxiv.org/abs/2401.02415). Which these are is read by running the block.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.engine.births.layers import FirstState
from speechbrain_growth.engine.maps.normed import norms_of
from speechbrain_growth.engine.probe import drift, in_eval, twin_of
from speechbrain_growth.engine.reading.recording import Ref, leaves_of, record
from speechbrain_growth.errors import NoRuleError

# A zero stays a zero, and the sum of branches a sum
KEEP_ZERO = """
    contiguous clone detach dropout dropout1d dropout2d dropout3d flatten float
    getitem movedim permute reshape roll squeeze to transpose type_as unsqueeze
    view
""".split()
# Behind a sum, these may change nothing; whether they do is measured
BEHIND = (*KEEP_ZERO, "relu", "relu6", "hardtanh", "clamp")
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.MultiheadAttention)
WEIGHTED += (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
PLAIN = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.ReLU, nn.ReLU6)
ENDS = ("mul", "linear", "addmm", "conv1d", "conv2d", "matmul")
PRODUCTS = ("mul", "div", "truediv")


def residual(block, args, kwargs):
    """Returns the state in which a residual block returns its input.

    Arguments
    ---------
    block : torch.nn.Module
        Its branches are added to its first argument.
    args : tuple
        What it gets in the model.
    kwargs : dict
        The same, by name.

    Returns
    -------
    FirstState
        Zeros for the last weights of each branch.

    Raises
    ------
    NoRuleError
        If zeros do not make it an identity.

    Example
    -------
    >>> class Block(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.one, self.two = nn.Linear(2, 4), nn.Linear(4, 2)
    ...
    ...     def forward(self, x):
    ...         return x + self.two(torch.relu(self.one(x)))
    >>> list(residual(Block(), (torch.ones(3, 2),), {}).tensors)
    ['two.weight', 'two.bias']
    """
    given = [t for t in leaves_of((args, kwargs)) if torch.is_tensor(t)]
    recording = record(block, lambda twin: twin(*args, **kwargs), _is_step)
    _check_end(recording, block)
    names = {}
    for end in _ends(recording, tuple(given[0].shape)):
        found = _last_weights(recording, end, block)
        if found is None:
            raise NoRuleError(
                f"{type(block).__name__} adds a branch that does not end in "
                "weights that may be zero; use birth: copy"
            )
        names.update(dict.fromkeys(found))
    state = dict(block.named_parameters())
    tensors = {name: torch.zeros_like(state[name]).detach() for name in names}
    twin = twin_of(block)
    with torch.no_grad(), in_eval(twin):
        out = torch.func.functional_call(twin, tensors, args, kwargs)
    found = next(t for t in leaves_of(out) if torch.is_tensor(t))
    if not names or drift(given[0], found) > 1e-6:
        raise NoRuleError(
            f"{type(block).__name__} does not return its input when the last "
            "weights of its branches are zero; use birth: copy, or write a "
            "rule and register it by speechbrain_growth.identity.register"
        )
    return FirstState(tensors)


def _check_end(recording, block):
    """Refuses a block that ends in a LayerNorm, whatever its branches do."""
    (out, *_) = _numbers(recording.out) or [None]
    made = (call for call in recording.calls if out in _numbers(call.out))
    last = next(made, None)
    if last is None:
        return
    layer = block.get_submodule(last.name) if last.kind == "layer" else None
    if last.name == "layer_norm" or isinstance(layer, nn.LayerNorm):
        raise NoRuleError(
            f"{type(block).__name__} has a LayerNorm behind its sums "
            f"({last.where}), so it cannot return its input; use birth: copy, "
            "or a model whose norms stand first in each branch"
        )


def _is_step(module, name):
    """Layers that have the last weights of a branch, or none."""
    if isinstance(module, WEIGHTED):
        return "layer"
    return "behind" if isinstance(module, PLAIN) else None


def _ends(recording, shape):
    """The numbers of the tensors that a block adds to its input."""
    stream, ends, made = set(), [], set()
    for call in recording.calls:
        given, out = _numbers((call.args, call.kwargs)), _numbers(call.out)
        if not stream:
            stream.update(
                n
                for n in given[:1]
                if n not in made and recording.tensors[n].shape == shape
            )
        made.update(out)
        inside = [number for number in given if number in stream]
        if not inside or not out:
            continue
        if call.name == "add" and len(given) == 2 and len(inside) == 1:
            ends += set(given) - set(inside)
            stream.add(out[0])
        elif call.kind == "behind" or call.name in BEHIND:
            if recording.tensors[out[0]].shape == shape:
                stream.add(out[0])  # what stands behind a sum
    return ends


def _last_weights(recording, number, block):
    """Names of the weights whose zeros make a tensor zero; None if none do."""
    call = next((c for c in recording.calls if number in _numbers(c.out)), None)
    if call is None:
        return None
    given = _numbers((call.args, call.kwargs))
    own = [recording.tensors[n].name for n in given]
    own = [name for name in own if name]
    if call.kind in ("layer", "behind"):
        layer, name = block.get_submodule(call.name), call.name
        if isinstance(layer, nn.MultiheadAttention):
            layer, name = layer.out_proj, f"{name}.out_proj"
        normed = norms_of(layer).values()
        names = [one.norm for one in normed]  # a direction is never zero
        names += [
            name
            for name, _ in layer.named_parameters(recurse=False)
            if name not in names + [one.direction for one in normed]
        ]
        if isinstance(layer, WEIGHTED) and names:
            return [f"{name}.{inner}" for inner in names]
        given = given[:1]
    elif call.name in ENDS and own:
        return own
    elif call.name in PRODUCTS:
        pass  # one factor is enough
    elif call.name in KEEP_ZERO:
        given = given[:1]
    else:
        return None
    found = (_last_weights(recording, one, block) for one in given)
    return next(filter(None, found), None)


def _numbers(values):
    """The numbers of the tensors among nested values."""
    return [one.number for one in leaves_of(values) if isinstance(one, Ref)]
