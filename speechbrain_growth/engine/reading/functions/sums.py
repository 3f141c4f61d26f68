"""Rules of functions that sum products over an axis of two tensors.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.pointwise import meet
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.scores import score


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
    score(step, (one, dim), (other, place), step.later)
    step.factor = 1 / step.later


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


@reads("matmul mm bmm mv dot linalg_matmul")
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


@reads("addmm addmv baddbmm")
def _added(step, input, one, other, **kwargs):
    """A product of matrices, to which something is added."""
    axes = _matmul(step, one, other)
    return meet(step, input, step.out.but(axes=axes))


@reads("inner")
def _inner(step, input, other):
    """The last axis of both."""
    contract(step, input, -1, other, -1)
    return (*_axes(step, input, 0, -1), *_axes(step, other, 0, -1))


@reads("outer ger")
def _outer(step, input, vec2):
    """All products of numbers of two vectors."""
    return (step.width(input, 0), step.width(vec2, 0))
