"""Rules of functions that sum over axes: products of matrices, and reductions.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.widths import repeat_each
from speechbrain_growth.engine.reading.functions.pointwise import meet
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import axis_of, is_number, is_value


def contract(step, one, dim, other, place):
    """Sums over an axis of two tensors; an own one shares it among copies.

    Arguments
    ---------
    step : Step
        Plans the own tensor's axis.
    one : Value
        The first tensor.
    dim : int
        Its axis.
    other : Value
        The second tensor.
    place : int
        Its axis.
    """
    if one.old[dim] == one.new[dim]:
        return
    for reads_, at, read, inner in (
        (other, place, one, dim),
        (one, dim, other, place),
    ):
        if reads_.own and reads_.dims[at] is not None:
            step.read(reads_, at, step.width(read, inner))
            return
    step.refuse(
        f"sums over {step.width(one, dim)}, of which it has two computed "
        "tensors, so that copies would count twice; keep that size, as that "
        "of a head, and let their number grow"
    )


@reads("linear")
def _linear(step, input, weight, bias=None):
    """Rows are copied, columns are shared."""
    contract(step, input, -1, weight, -1)
    if len(weight.old) == 1:
        return input.axes[:-1]
    own = step.width(weight, 0)
    if bias is not None:
        own = step.tie(own, step.width(bias, 0))
    return (*_axes(step, input, 0, -1), own)


def _axes(step, value, first, last):
    """The maps of some axes of a tensor."""
    dims = range(len(value.old))[first:last]
    return tuple(step.width(value, dim) for dim in dims)


@reads("matmul mm bmm mv dot inner")
def _matmul(step, input, other):
    """The last axis of one, the last but one of the other."""
    vector = len(other.old) == 1
    contract(step, input, -1, other, -1 if vector else -2)
    own = () if vector else (step.width(other, -1),)
    rows = () if len(input.old) == 1 else (step.width(input, -2),)
    tail = (*rows, *own)
    axes = []
    for dim in range(-len(step.out.old), -len(tail)):
        inner = dim + len(tail) - 2
        found = [
            step.width(one, inner)
            for one in (input, other)
            if len(one.old) >= -inner and one.size(inner) != (1, 1)
        ]
        axes.append(step.tie(*found))
    return (*axes, *tail)


@reads("rmatmul")
def _swapped(step, input, other):
    """The operator, when the first operand asked the second."""
    return _matmul(step, other, input)


@reads("addmm addmv addbmm baddbmm")
def _added(step, input, one, other, **kwargs):
    """A product of matrices, to which something is added."""
    axes = _matmul(step, one, other)
    return meet(step, input, step.out.but(axes=axes))


@reads("einsum")
def _einsum(step, equation, *operands):
    """Letters that leave meet; the others are summed over."""
    operands = operands[0] if isinstance(operands[0], list) else operands
    given, arrow, leave = equation.replace(" ", "").partition("->")
    letters = given.split(",")
    if "." in equation or not arrow:
        step.refuse(f"reads {equation!r}; write all letters, and an arrow")
    for letter in sorted(set(given) - {","} - set(leave)):
        held = [
            (one, names.index(letter))
            for one, names in zip(operands, letters)
            if letter in names
        ]
        one, dim = held[0]
        if one.old[dim] == one.new[dim]:
            continue
        if len(held) != 2:
            step.along(one, [dim], "sums over")
        contract(step, *held[0], *held[1])
    return tuple(
        step.tie(
            *(
                step.width(one, names.index(letter))
                for one, names in zip(operands, letters)
                if letter in names and one.size(names.index(letter)) != (1, 1)
            )
        )
        for letter in leave
    )


@reads("scaled_dot_product_attention")
def _attention(
    step, query, key, value, attn_mask=None, *args, enable_gqa=False, **kwargs
):
    """Heads meet; keys and queries are summed over the size of a head."""
    if query.old[-1] != query.new[-1]:
        step.refuse(
            f"multiplies queries by keys over {step.width(query, -1)}, and "
            "divides by the root of that number; keep the size of a head, and "
            "let their number grow"
        )
    axes = []
    for dim in range(-len(query.old), -2):
        given = [query, key, value]
        if is_value(attn_mask) and len(attn_mask.old) >= -dim:
            given += [attn_mask] * (attn_mask.size(dim) != (1, 1))
        axes.append(step.tie(*_heads(step, given, dim, enable_gqa)))
    return (*axes, None, step.width(value, -1))


def _heads(step, given, dim, shared):
    """Maps of the heads; each of a few keys may stand for several queries."""
    query, *others = given
    found = [step.width(query, dim)]
    for one in others:
        width = step.width(one, dim)
        times = query.old[dim] // one.old[dim]
        if shared and times > 1 and dim == -3:
            if query.new[dim] != times * one.new[dim]:
                step.refuse("lets more queries share a key; keep their ratio")
            width = width and repeat_each(width, times, width.label)
        found.append(width)
    return found


ALONG = """
    all any argmax argmin argsort cosine_similarity count_nonzero cummax cummin
    cumprod cumsum diff flip fliplr flipud kthvalue log_softmax logcumsumexp
    logsumexp median mode norm normalize prod quantile roll softmax softmin
    sort std sum topk unique vector_norm
"""


@reads(ALONG)
def _along(step, input, *args, **kwargs):
    """Works along some axes; the others stay."""
    dims = kwargs.get("dim", kwargs.get("dims"))
    if dims is None:
        numbers = [a for a in args if is_number(a) or isinstance(a, tuple)]
        dims = numbers[-1] if numbers else None
    return _reduced(step, input, dims, step.along)


def _reduced(step, input, dims, check):
    """The axes of what leaves, after the given ones were checked."""
    count = len(input.old)
    if dims is None:
        dims = range(count)
    dims = [dims] if is_number(dims) else list(dims) or range(count)
    dims = {axis_of(dim, input) for dim in dims}
    check(input, sorted(dims))
    kept = [None if d in dims else step.width(input, d) for d in range(count)]
    left = [w for d, w in enumerate(kept) if d not in dims]
    return [tuple(kept if len(o.old) == count else left) for o in step.outs]


@reads("mean var std var_mean std_mean nanmean")
def _averages(step, input, dim=None, *args, **kwargs):
    """Over copies as over their originals, if there are equally many."""
    dim = None if isinstance(dim, bool) else dim
    return _reduced(step, input, dim, step.averaged)


@reads("amax amin max min aminmax")
def _extremes(step, input, *args, dim=None, **kwargs):
    """Of two tensors; or the largest along an axis, where copies are alike."""
    if args and is_value(args[0]):
        return meet(step, input, args[0])
    dim = args[0] if args else dim
    check = step.averaged if len(step.outs) == 1 else step.along
    return _reduced(step, input, dim, check)
