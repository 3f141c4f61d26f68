"""Rules of functions that join tensors, or take parts of them.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.shapes import show
from speechbrain_growth.engine.reading.steps import Two, all_of, axis_of


@reads("cat concat concatenate")
def _join(step, tensors, dim=0):
    """Side by side along one axis; the others meet."""
    tensors = [one for one in tensors if one.old != (0,)]
    dim, axes = axis_of(dim, step.out), []
    for axis in range(len(step.out.old)):
        found = [step.width(one, axis) for one in tensors]
        if axis != dim:
            axes.append(step.tie(*found))
        elif not any(found):
            axes.append(None)
        else:
            parts = [
                width or step.free(f"{axis}.{number}", *one.size(axis))
                for number, (one, width) in enumerate(zip(tensors, found))
            ]
            label = "; ".join(part.label for part in parts)
            axes.append(widths.concat(*parts, label=f"[{label}]"))
    return tuple(axes)


@reads("stack")
def _stack(step, tensors, dim=0):
    """Behind each other along a new axis; the others meet."""
    axes = [
        step.tie(*(step.width(one, axis) for one in tensors))
        for axis in range(len(tensors[0].old))
    ]
    axes.insert(dim % len(step.out.old), None)
    return tuple(axes)


@reads("hstack column_stack")
def _hstack(step, tensors):
    """Along the second axis, or the only one."""
    return _join(step, tensors, min(1, len(step.out.old) - 1))


@reads("vstack row_stack dstack block_diag meshgrid")
def _never(step, *tensors, **kwargs):
    """Refused if anything grows."""
    step.refuse("is not known for tensors that grow; use torch.cat or stack")


@reads("split chunk tensor_split split_with_sizes unsafe_chunk", sizes=True)
def split(step, input, *args, dim=0, **kwargs):
    """Cuts one axis; the parts may grow by themselves."""
    dim = axis_of(args[1] if len(args) > 1 else dim, input)
    shown = show(input, range(len(input.old)))
    width = step.width(input, dim)
    if width is None:
        return [shown] * len(step.outs)
    parts = step.cut(width, [out.size(dim) for out in step.outs])
    return [with_part(shown, dim, part) for part in parts]


def with_part(value, dim, part):
    """A tensor of which only a part of one axis is left.

    Arguments
    ---------
    value : Value
        All of it.
    dim : int
        The axis.
    part : WidthMap
        What is left.

    Returns
    -------
    Value
    """
    axes, dims = list(value.axes), list(value.dims)
    axes[dim] = part
    if value.own:
        dims[dim] = None
    return value.but(axes=tuple(axes), dims=tuple(dims))


@reads("glu")
def _glu(step, input, dim=-1):
    """Units, then their gates; both halves grow alike."""
    dim, axes = axis_of(dim, input), list(all_of(step, input))
    width = step.width(input, dim)
    if width is not None:
        half = step.out.size(dim)
        axes[dim] = step.tie(*step.cut(width, [half, half]))
    return tuple(axes)


@reads("unbind")
def _unbind(step, input, dim=0):
    """Takes each position of an axis."""
    dim = axis_of(dim, input)
    if input.rows and dim == 0:
        return list(input.rows)
    step.along(input, [dim], "takes apart")
    order = [axis for axis in range(len(input.old)) if axis != dim]
    return [show(input, order) for _ in step.outs]


@reads("index_select")
def _index_select(step, input, dim, index):
    """Some positions of an axis."""
    step.along(input, [dim], "takes some units of")
    return show(input, range(len(input.old)))


@reads("gather take_along_dim")
def _gather(step, input, dim, index, **kwargs):
    """For each number, a position of an axis."""
    step.along(input, [dim], "takes some units of")
    step.along(index, [dim], "takes some units of")
    return tuple(
        step.tie(step.width(input, axis), step.width(index, axis))
        for axis in range(len(input.old))
    )


@reads("pad", sizes=True)
def _pad(step, input, pad, mode="constant", value=None):
    """Adds positions at the ends of axes."""
    if any(isinstance(one, Two) for one in (*pad, value)):
        step.refuse("pads otherwise in the larger model")
    pairs = [pad[n : n + 2] for n in range(0, len(pad), 2)]
    padded = [
        -1 - n for n, pair in enumerate(pairs) if any(p != 0 for p in pair)
    ]
    step.along(input, padded, "pads")
    return all_of(step, input)
