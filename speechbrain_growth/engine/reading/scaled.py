"""Lets weights take a factor that depends on the width, as in x * sqrt(width).

What a linear layer or an embedding returns is multiplied by such a number in
many Transformers. In the larger model it is another one; the weights of that
layer are multiplied by the ratio of both, so that the product stays.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain.nnet import embedding, linear
from speechbrain_growth.engine.checks import names_of_shared
from speechbrain_growth.engine.maps.normed import norms_of
from speechbrain_growth.engine.reading.steps import Two, is_value
from speechbrain_growth.engine.reading.tied import maker_of, numbers_of

LINEAR = (nn.Linear, nn.Embedding, nn.modules.conv._ConvNd)
LINEAR += (linear.Linear, embedding.Embedding)
PRODUCTS = ("mul", "multiply")
QUOTIENTS = ("div", "divide", "truediv", "true_divide")


def without_factor(recording, call, args, new, trace):
    """Arguments of a product, without a number that differs.

    Arguments
    ---------
    recording : Recording
        Of the new model.
    call : Call
        In the new model.
    args : tuple
        Its arguments by place, and by name, with ``Value`` in the place of
        tensors.
    new : torch.nn.Module
        The larger model.
    trace : Trace
        Takes by what weights are multiplied.

    Returns
    -------
    tuple
        The same arguments, if no weights can take the ratio of the numbers.
    """
    given, named = args
    if call.name not in PRODUCTS + QUOTIENTS or named or len(given) != 2:
        return args
    one, other = given
    if call.name in PRODUCTS and is_value(other):
        one, other = other, one
    factors = [other.old, other.new] if isinstance(other, Two) else [0]
    if not is_value(one) or not all(_is_factor(f) for f in factors):
        return args
    ratio = other.old / other.new
    ratio = 1 / ratio if call.name in QUOTIENTS else ratio
    names = _weights(recording, numbers_of(call.args)[0], new)
    if not names or any(trace.scales.get(n, ratio) != ratio for n in names):
        return args
    trace.scales.update(dict.fromkeys(names, ratio))
    return tuple(o.old if o is other else o for o in given), named


def _is_factor(number):
    """Whether an argument is a number by which weights can be divided."""
    return type(number) in (int, float) and number != 0


def _weights(recording, number, new):
    """The weights of the layer that alone makes a tensor, in proportion."""
    maker = maker_of(recording, number)
    if maker is None or maker.kind != "layer":
        return []
    layer = new.get_submodule(maker.name)
    directions = {one.direction for one in norms_of(layer).values()}
    names = [
        f"{maker.name}.{name}"
        for name, _ in layer.named_parameters()
        if name not in directions
    ]
    shared = names_of_shared(new)
    by_hand = {tensor.name for tensor in recording.tensors}
    calls = [c.name for c in recording.calls if c.kind == "layer"]
    alone = (
        all(len(shared[n]) == 1 and n not in by_hand for n in names)
        and calls.count(maker.name) == 1
        and all(getattr(m, "max_norm", None) is None for m in layer.modules())
    )
    return names if isinstance(layer, LINEAR) and alone else []
