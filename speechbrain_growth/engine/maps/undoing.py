"""Takes maps apart: what they are made of, side by side or in blocks.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.maps.widths import (
    WidthMap,
    concat,
    repeat_each,
    replicate,
    same,
)


def cut(width, sizes):
    """Undoes ``concat``: the maps of parts that stand side by side.

    Arguments
    ---------
    width : WidthMap
        The map to look at.
    sizes : list of tuple
        The old and the new size of each part.

    Returns
    -------
    list of WidthMap
        None if the map is not made of such parts.

    Example
    -------
    >>> from speechbrain_growth.engine.maps.widths import identity
    >>> [part.old for part in cut(identity(3), [(1, 1), (2, 2)])]
    [1, 2]
    """
    parts, start, place = [], 0, 0
    for old, new in sizes:
        inside = slice(place, place + new)
        found = WidthMap(
            width.source[inside] - start,
            width.share[inside],
            old,
            f"part of {width.label}",
            gain=width.gain if width.gain is None else width.gain[inside],
        )
        if width.origin is not None:
            origin = width.origin[inside]
            origin = torch.where(origin < 0, origin, origin - place)
            found = found._replace(origin=origin, sign=width.sign[inside])
        parts.append(found)
        start, place = start + old, place + new
    inside = all(
        ((0 <= p.source) & (p.source < p.old) | p.fresh).all() for p in parts
    )
    if not inside or not same(concat(*parts), width):
        return None
    return parts


def block_of(width, blocks, each):
    """Undoes ``replicate(repeat_each(block, each), blocks)``.

    Arguments
    ---------
    width : WidthMap
        The map to look at.
    blocks : int
        Number of equal blocks, side by side.
    each : int
        Number of units in a group that always moves together.

    Returns
    -------
    WidthMap
        The map of the groups inside one block; None if there is none.

    Example
    -------
    >>> from speechbrain_growth.engine.maps.widths import identity
    >>> two = replicate(identity(3), 2)
    >>> block_of(two, 2, 1).source
    tensor([0, 1, 2])
    """
    if width.old % (blocks * each) or width.new % (blocks * each):
        return None
    if blocks == each == 1:
        return width
    new = width.new // blocks
    found = WidthMap(
        width.source[:new:each] // each,
        width.share[:new:each],
        width.old // blocks // each,
        f"block of {width.label}",
        gain=width.gain if width.gain is None else width.gain[:new:each],
    )
    if width.origin is not None:
        origin = width.origin[:new:each]
        found = found._replace(
            origin=torch.where(origin < 0, origin, origin // each),
            sign=width.sign[:new:each],
        )
    if not same(replicate(repeat_each(found, each), blocks), width):
        return None
    parts = width.drawn_by or ()
    block = parts[: len(parts) // blocks]
    if block and block * blocks == parts:
        if all(number % each == 0 for _, number in block):
            parts = tuple((key, number // each) for key, number in block)
            found = found._replace(drawn_by=parts)
    return found
