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
# What shows numbers in another place, as they are
MOVES = """
    chunk clone contiguous expand flatten float getitem movedim moveaxis narrow
    permute repeat_interleave reshape select split split_with_sizes squeeze
    swapaxes swapdims t .T .mT to transpose type_as unbind unflatten unsqueeze
    view
""".split()
PROJECTIONS = "addmm linear matmul mm".split()
SUMS = """
    bmm einsum matmul mm rmatmul scaled_dot_product_attention tensordot
""".split()


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
        The same arguments, if there is no such number.
    float
        By what the larger model multiplies more, if no weights can take that.
    """
    given, named = args
    if call.name not in PRODUCTS + QUOTIENTS or named or len(given) != 2:
        return args, 1.0
    one, other = given
    if call.name in PRODUCTS and is_value(other):
        one, other = other, one
    factors = [other.old, other.new] if isinstance(other, Two) else [0]
    if not is_value(one) or not all(_is_factor(f) for f in factors):
        return args, 1.0
    ratio = other.old / other.new
    ratio = 1 / ratio if call.name in QUOTIENTS else ratio
    args = tuple(o.old if o is other else o for o in given), named
    names = _weights(recording, numbers_of(call.args)[0], new)
    if not names or any(trace.scales.get(n, ratio) != ratio for n in names):
        meets = one.factor != 1 or _meets(recording, numbers_of(call.out)[0])
        return (args, 1 / ratio) if meets else ((given, named), 1.0)
    trace.scales.update(dict.fromkeys(names, ratio))
    return args, 1.0


def _meets(recording, number):
    """Whether a tensor becomes queries, or keys, of scores, and nothing else."""
    while True:
        readers = _readers(recording, number)
        if len(readers) != 1 or readers[0].name not in MOVES:
            return len(readers) == 1 and readers[0].name in SUMS
        number, *others = numbers_of(readers[0].out)
        if others:
            return False


def _readers(recording, number):
    """The calls that take a tensor."""
    return [
        one
        for one in recording.calls
        if number in numbers_of((one.args, one.kwargs))
    ]


def factor_of_next(recordings, calls):
    """By what the larger model multiplies more, right after a call.

    Arguments
    ---------
    recordings : tuple of Recording
        Of both models.
    calls : tuple of Call
        One of each.

    Returns
    -------
    float
        1 if no number follows, or the same in both models.

    Example
    -------
    >>> factor_of_next((), ())
    1.0
    """
    found = []
    for recording, call in zip(recordings, calls):
        readers = _readers(recording, numbers_of(call.out)[0])
        numbers = [n for one in readers for n in one.args if _is_factor(n)]
        if len(readers) == len(numbers) == 1:
            name, power = readers[0].name, numbers[0]
            if name in PRODUCTS + QUOTIENTS:
                found.append(power if name in PRODUCTS else 1 / power)
    return found[1] / found[0] if len(found) == 2 else 1.0


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
