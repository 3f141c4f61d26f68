"""Rules of functions that give a tensor another shape.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import all_of, axis_of, is_value


def show(value, order):
    """The same tensor with its axes in another order.

    Arguments
    ---------
    value : Value
        The tensor.
    order : list of int
        For each axis, that of the tensor; None for a new one of size 1.

    Returns
    -------
    Value
        Only its axes are of use.
    """
    axes = tuple(None if dim is None else value.axes[dim] for dim in order)
    if not value.own:
        return value.but(axes=axes, rows=())
    dims = tuple(None if dim is None else value.dims[dim] for dim in order)
    return value.but(axes=axes, dims=dims, rows=())


@reads("permute")
def _permute(step, input, *dims):
    """Reorders axes."""
    dims = dims[0] if isinstance(dims[0], (list, tuple)) else dims
    return show(input, [axis_of(dim, input) for dim in dims])


@reads("transpose swapaxes swapdims")
def _transpose(step, input, dim0, dim1):
    """Exchanges two axes."""
    order = list(range(len(input.old)))
    one, other = axis_of(dim0, input), axis_of(dim1, input)
    order[one], order[other] = order[other], order[one]
    return show(input, order)


@reads("t .T")
def _turn(step, input):
    """All axes the other way round."""
    return show(input, list(range(len(input.old)))[::-1])


@reads(".mT .mH adjoint")
def _turn_last(step, input):
    """Exchanges the last two axes."""
    return _transpose(step, input, -2, -1)


@reads("movedim moveaxis")
def _move(step, input, source, destination):
    """Moves axes to other places."""
    pairs = zip(*([d] if type(d) is int else d for d in (source, destination)))
    places = {axis_of(d, input): axis_of(s, input) for s, d in pairs}
    rest = iter(d for d in range(len(input.old)) if d not in places.values())
    count = range(len(input.old))
    return show(
        input, [places[d] if d in places else next(rest) for d in count]
    )


@reads("unsqueeze")
def _unsqueeze(step, input, dim):
    """Adds an axis."""
    order = list(range(len(input.old)))
    order.insert(dim % len(step.out.old), None)
    return show(input, order)


@reads("squeeze")
def _squeeze(step, input, dim=None):
    """Drops axes of size 1."""
    dims = range(len(input.old)) if dim is None else dim
    dims = [dims] if type(dims) is int else dims
    gone = {axis_of(d, input) for d in dims}
    gone = {d for d in gone if input.size(d) == (1, 1)}
    return show(input, [d for d in range(len(input.old)) if d not in gone])


@reads("expand broadcast_to", sizes=True)
def _expand(step, input, *args, **kwargs):
    """Repeats axes of size 1."""
    added = len(step.out.old) - len(input.old)
    shown = show(input, [None] * added + list(range(len(input.old))))
    axes, dims = list(shown.axes), list(shown.dims)
    for dim in step.out.growing:
        inner = dim - added
        if inner < 0 or input.size(inner) == (1, 1):
            axes[dim] = step.free(dim, *step.out.size(dim))
            if input.own:
                dims[dim] = None
    return shown.but(axes=tuple(axes), dims=tuple(dims))


@reads("repeat tile", sizes=True)
def _repeat(step, input, *args, **kwargs):
    """Repeats a tensor along its axes."""
    added = len(step.out.old) - len(input.old)
    axes = [None] * len(step.out.old)
    for dim in step.out.growing:
        old, new = step.out.size(dim)
        inner = dim - added
        size = input.size(inner) if inner >= 0 else (1, 1)
        if size == (1, 1):
            axes[dim] = step.free(dim, old, new)
            continue
        if size[0] == size[1] or old // size[0] != new // size[1]:
            step.refuse("repeats units more often in the larger model")
        width, times = step.width(input, inner), old // size[0]
        axes[dim] = widths.replicate(width, times) if times > 1 else width
    return tuple(axes)


@reads("repeat_interleave", sizes=True)
def _repeat_each(step, input, repeats, dim=None, **kwargs):
    """Repeats each unit; the copies of one may become more."""
    if dim is None and len(input.old) > 1:
        step.refuse("repeats the units of all axes; give dim")
    axes, dim = list(all_of(step, input)), axis_of(dim or 0, input)
    width, (old, new) = step.width(input, dim), step.out.size(dim)
    many = old // input.old[dim], new // input.new[dim]
    if is_value(repeats) or (width is not None and many[0] != many[1]):
        step.refuse("repeats units otherwise in the larger model")
    if width is not None:
        axes[dim] = widths.repeat_each(width, many[0], width.label)
    elif old != new:
        parts = [step.free(f"{dim}.{n}", *many) for n in range(input.old[dim])]
        axes[dim] = widths.concat(*parts, label=f"{old} repeated numbers")
    return tuple(axes)


@reads("pixel_shuffle")
def _pixel_shuffle(step, input, upscale_factor):
    """Groups of channels become positions."""
    axes = list(all_of(step, input))
    step.along(input, [-1, -2], "puts units between")
    width = axes[-3]
    if width is not None:
        axes[-3] = step.formed(width, each=upscale_factor**2)
    return tuple(axes)


@reads("pixel_unshuffle")
def _pixel_unshuffle(step, input, downscale_factor):
    """Positions become groups of channels."""
    axes, each = list(all_of(step, input)), downscale_factor**2
    step.along(input, [-1, -2], "takes every so many of")
    width = axes[-3]
    if width is not None:
        axes[-3] = widths.repeat_each(width, each, width.label)
    return tuple(axes)


@reads("_pack_padded_sequence pack_padded_sequence")
def _pack(step, input, *args, **kwargs):
    """Drops the padding; batch and time become one axis."""
    packed = (None, *(step.width(input, d) for d in range(2, len(input.old))))
    return [packed, (None,)]


@reads("_pad_packed_sequence pad_packed_sequence")
def _unpack(step, data, *args, **kwargs):
    """The other way round."""
    rest = [step.width(data, dim) for dim in range(1, len(data.old))]
    return [(None, None, *rest), (None,)]
