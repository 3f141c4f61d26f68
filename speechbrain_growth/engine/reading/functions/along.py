"""Rules of functions that work along some axes, such as means and sorting.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.pointwise import meet
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import axis_of, is_number, is_value

# By the place of the axis among the arguments after the first, and what it is
# if it is not given; None stands for all axes
ALONG = {
    (0, None): """
        all any argmax argmin count_nonzero cummax cummin cumprod cumsum
        fft_fftshift fft_ifftshift log_softmax logcumsumexp logsumexp median
        nanmedian nansum prod softmax softmin sum unique special_softmax
        special_log_softmax
    """,
    (0, -1): "argsort mode sort",
    (0, 0): "msort",
    (1, -1): """
        diff fft_fft fft_hfft fft_ifft fft_ihfft fft_irfft fft_rfft kthvalue
        topk trapezoid
    """,
    (1, None): """
        linalg_norm linalg_vector_norm nanquantile norm quantile roll
    """,
    (1, 1): "normalize",
}


def _rule(place, default):
    """A rule of what works along an axis, given at some place."""

    def rule(step, input, *args, dim=None, dims=None, axis=None, **kwargs):
        """Works along some axes; the others stay."""
        for one in (*args, *kwargs.values()):
            if is_value(one) and one.growing:
                step.refuse("takes another tensor that grows; use torch.cat")
        given = [*args[place : place + 1], dim, dims, axis]
        given = [one for one in given if one is not None] or [default]
        return _reduced(step, input, given[0], step.along)

    return rule


for _key, _names in ALONG.items():
    reads(_names)(_rule(*_key))


@reads("flip")
def _flip(step, input, *args, dims=None):
    """Reorders axes, of which a method takes many."""
    dims = args or dims
    dims = dims[0] if isinstance(dims[0], (tuple, list)) else dims
    return _reduced(step, input, dims, step.along)


@reads("fliplr flipud")
def _flip_one(step, input):
    """Reorders the first axis, or the second."""
    return _reduced(step, input, [0, 1], step.along)


@reads("triu tril")
def _triangle(step, input, diagonal=0):
    """Puts zeros by the positions on the last two axes."""
    return _reduced(step, input, [-2, -1], step.along)


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


@reads("mean nanmean")
def _averages(step, input, dim=None, *args, axis=None, **kwargs):
    """Over copies as over their originals, if there are equally many."""
    dim = axis if dim is None else dim
    return _reduced(step, input, dim, step.averaged)


@reads("var std var_mean std_mean")
def _deviations(step, input, dim=None, *args, **kwargs):
    """As averages, if they divide by the number of units."""
    biased = [one for one in (dim, *args[:1]) if isinstance(one, bool)]
    less = kwargs.get("correction", kwargs.get("unbiased", [*biased, True][0]))
    dim = None if isinstance(dim, bool) else dim
    dim = kwargs.get("axis") if dim is None else dim

    def check(value, dims):
        """Refuses to divide by one less than the number of units."""
        step.averaged(value, dims)
        if less and any(step.width(value, d) is not None for d in dims):
            step.refuse(
                "divides by the number of units less one, which does not grow "
                "alike; give unbiased=False"
            )

    return _reduced(step, input, dim, check)


@reads("amax amin max min aminmax")
def _extremes(step, input, *args, dim=None, **kwargs):
    """Of two tensors; or the largest along an axis, where copies are alike."""
    if args and is_value(args[0]):
        return meet(step, input, args[0])
    dim = args[0] if args else dim
    check = step.averaged if len(step.outs) == 1 else step.along
    return _reduced(step, input, dim, check)
