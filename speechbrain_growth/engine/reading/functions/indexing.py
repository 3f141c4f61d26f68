"""Rules of what square brackets do.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.shapes import show
from speechbrain_growth.engine.reading.steps import (
    Two,
    all_of,
    axis_of,
    is_number,
    is_value,
)


@reads("select")
def _select(step, input, dim, index):
    """Takes one position of an axis."""
    items = [slice(None)] * axis_of(dim, input)
    return index_(step, input, (*items, index))


@reads("narrow", sizes=True)
def _narrow(step, input, dim, start, length):
    """Some neighbouring positions."""
    dim = axis_of(dim, input)
    old, new = (start, start) if is_number(start) else (start.old, start.new)
    many = (length, length) if is_number(length) else (length.old, length.new)
    items = [slice(None)] * dim
    part = Two(slice(old, old + many[0]), slice(new, new + many[1]))
    return index_(step, input, (*items, part))


@reads("getitem", sizes=True)
def index_(step, input, index):
    """Positions by numbers, slices, None, Ellipsis, or other tensors."""
    items = list(index) if isinstance(index, (tuple, list)) else [index]
    if isinstance(index, list) and all(map(is_number, index)):
        items = [index]
    if input.rows and is_number(items[0]):
        row = input.rows[items[0]]
        row = input.but(old=input.old[1:], new=input.new[1:], axes=row, rows=())
        return index_(step, row, tuple(items[1:])) if items[1:] else row.axes
    items = _without_dots(items, input)
    order, cuts, dim, tensors = [], {}, 0, None
    for item in items:
        if item is None:
            order.append(None)
        elif isinstance(item, (slice, Two)) and not is_number(
            getattr(item, "old", None)
        ):
            cuts[dim] = item
            order.append(dim)
            dim += 1
        elif is_number(item) or isinstance(item, Two):
            step.along(input, [dim], "takes one unit of")
            _check_place(step, item, input.old[dim])
            dim += 1
        else:  # a tensor or a list; the axes of all stand where the first is
            taken = len(item.old) if _is_mask(item, input, dim) else 1
            step.along(input, range(dim, dim + taken), "takes some units of")
            if is_value(item) and item.growing:
                step.refuse("takes positions from a tensor that grows")
            tensors = len(order) if tensors is None else tensors
            dim += taken
    order += range(dim, len(input.old))
    if tensors is not None:
        for _ in range(len(step.out.old) - len(order)):
            order.insert(tensors, None)
    shown = show(input, order)
    parts = {d: _cut(step, input, d, cuts[d]) for d in cuts}
    if not any(parts.values()):
        return shown
    widths = [d if d is None else step.width(input, d) for d in order]
    return tuple(parts.get(dim) or width for dim, width in zip(order, widths))


def _check_place(step, item, size):
    """Refuses another position in the larger model, of an axis that stays."""
    if isinstance(item, Two) and item.old % size != item.new % size:
        step.refuse(
            f"takes position {item.old}, and in the larger model {item.new}; "
            "keep that number"
        )


def _without_dots(items, input):
    """The items of an index, with Ellipsis written out."""
    if not any(item is Ellipsis for item in items):
        return items
    place = [item is Ellipsis for item in items].index(True)
    taken = sum(
        0 if item is None else len(item.old) if _is_mask(item, input, 0) else 1
        for item in items
        if item is not Ellipsis
    )
    rest = [slice(None)] * (len(input.old) - taken)
    return items[:place] + rest + items[place + 1 :]


def _is_mask(item, input, dim):
    """Whether a tensor in an index covers several axes, as a mask does."""
    if not is_value(item) or len(item.old) < 2:
        return False
    return item.old == input.old[dim : dim + len(item.old)]


def _cut(step, input, dim, item):
    """The map of a slice of a growing axis; None if it is all of it."""
    two = item if isinstance(item, Two) else Two(item, item)
    old, new = two.old, two.new
    whole = input.size(dim)
    places = [one.indices(size) for one, size in zip((old, new), whole)]
    if dim not in input.growing:
        if places[0] != places[1]:
            step.refuse(
                f"takes positions {old}, and in the larger model {new}; keep "
                "these numbers"
            )
        return None
    if places == [(0, size, 1) for size in whole]:
        return None
    width = step.width(input, dim)
    if any(jump != 1 for _, _, jump in places):
        step.refuse(
            f"takes every so many units of {width}; keep that size, or use "
            "neighbouring units"
        )
    starts, stops = zip(
        *[(start, max(start, stop)) for start, stop, _ in places]
    )
    sizes = [
        starts,
        tuple(b - a for a, b in zip(starts, stops)),
        tuple(size - stop for size, stop in zip(whole, stops)),
    ]
    if sizes[1] == (0, 0):
        step.refuse(f"takes nothing of {width}; leave that step out")
    kept = [size for size in sizes if size != (0, 0)]
    return step.cut(width, kept)[sizes[0] != (0, 0)]


@reads("setitem", sizes=True)
def _set(step, input, index, value):
    """Writes into all units alike."""
    input = input.but(axes=all_of(step, input), own="")
    inner = index_(step, input, index)
    axes = inner if isinstance(inner, tuple) else inner.axes
    if is_value(value):
        for dim in range(-min(len(value.old), len(axes)), 0):
            if value.size(dim) != (1, 1):
                step.tie(axes[dim], step.width(value, dim))
    elif isinstance(value, Two):
        step.refuse("writes another number in the larger model; keep it")
    return input.axes
