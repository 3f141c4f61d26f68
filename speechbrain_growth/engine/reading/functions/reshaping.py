"""The rule of view, reshape, flatten and unflatten.

Authors
 * The speechbrain_growth authors 2026
"""

from math import prod

from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.shapes import show


@reads("view reshape flatten unflatten ravel view_as reshape_as", sizes=True)
def reshape(step, input, *args, **kwargs):
    """Any other shape; which axes belong together follows from the sizes."""
    out, axes = step.out, []
    if not input.growing and out.growing:
        step.refuse(
            f"gives {out.old}, and {out.new} in the larger model, though what "
            f"it takes stays {input.old}; keep these sizes (more heads of the "
            "same size need a width that grows with them)"
        )
    if not input.growing:
        return (None,) * len(out.old)
    if [s for s in input.old if s != 1] == [s for s in out.old if s != 1]:
        if [s for s in input.new if s != 1] == [s for s in out.new if s != 1]:
            kept = iter(d for d in range(len(input.old)) if input.old[d] != 1)
            if not any(input.old[d] == 1 for d in input.growing):
                order = [None if size == 1 else next(kept) for size in out.old]
                return show(input, order)
    for inner, outer in _groups(input, out):
        width = _flat(step, input, inner)
        axes += _unflat(step, width, [out.size(dim) for dim in outer])
    return tuple(axes)


def _groups(input, out):
    """Axes of the two shapes that have the same product, in both models."""
    groups, dims, others = [], [], []
    inner, outer = iter(range(len(input.old))), iter(range(len(out.old)))
    sizes = [1, 1], [1, 1]
    left, right = len(input.old), len(out.old)
    while left or right:
        behind = sizes[0] < sizes[1] or (sizes[0] == sizes[1] and not right)
        if sizes[0] == sizes[1] and (dims or others):
            groups.append((dims, others))
            dims, others, sizes = [], [], ([1, 1], [1, 1])
            continue
        take_in = left and (behind or not right or sizes[0] == sizes[1])
        value, place = (input, inner) if take_in else (out, outer)
        dim = next(place)
        (dims if take_in else others).append(dim)
        count = sizes[0 if take_in else 1]
        count[:] = [c * s for c, s in zip(count, value.size(dim))]
        left, right = left - bool(take_in), right - (not take_in)
    return [*groups, (dims, others)] if dims or others else groups


def _flat(step, value, dims):
    """The map of some neighbouring axes, flattened; None if none grows."""
    found, olds = None, [value.old[dim] for dim in dims]
    for place, dim in enumerate(dims):
        width = step.width(value, dim)
        if width is None:
            continue
        if found is not None:
            step.refuse(
                f"flattens {found} and {width}, which both grow, into one axis"
            )
        before, after = prod(olds[:place]), prod(olds[place + 1 :])
        width = widths.repeat_each(width, after, f"{width.label} x {after}")
        label = f"{before} x {width.label}"
        found = widths.replicate(width, before, label)
        if before == after == 1:
            found = step.width(value, dim)
    return found


def _unflat(step, width, sizes):
    """The map of each of some axes into which one is cut."""
    growing = [n for n, (old, new) in enumerate(sizes) if old != new]
    axes = [None] * len(sizes)
    if not growing:
        return axes
    if len(growing) > 1:
        step.refuse(
            f"cuts {width} into several axes that grow; let one of them grow"
        )
    (place,) = growing
    olds = [old for old, _ in sizes]
    before, after = prod(olds[:place]), prod(olds[place + 1 :])
    axes[place] = step.formed(width, before, after)
    return axes
