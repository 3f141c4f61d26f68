"""Lets tied weights grow: an embedding that is the last layer's weight, too.

New tokens are new outputs then: the rows of both have one map.

The embedding copies its columns, so the last layer cannot share them among the
copies. The norm before it can: its weight and bias are vectors over the same
units, and nothing else reads what it returns. They take the share instead.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.checks import names_of_shared
from speechbrain_growth.engine.maps.plan import Axis
from speechbrain_growth.engine.reading.recording import Ref, leaves_of

# What may stand between the norm and the layer, and keeps the units' axis
PASS = """
    contiguous detach dropout flatten float getitem reshape squeeze to unsqueeze
    view
""".split()


def tie_tokens(new, trace):
    """Lets the rows of an embedding be those of the layer that it is tied with.

    Arguments
    ---------
    new : torch.nn.Module
        The larger model.
    trace : Trace
        Has the plan; its maps are tied, from the next walk on.
    """
    for names in set(map(tuple, names_of_shared(new).values())):
        planned = [trace.tensors[n] for n in names if n in trace.tensors]
        for axes in planned[1:]:
            rows = [one[0] for one in (planned[0], axes) if one and one[0]]
            keys = {key for a in rows for key, _ in a.width.drawn_by or ()}
            if len(rows) == 2 and keys & trace.maps.appended:
                _tie(rows[:1], rows[1:], trace.maps)


def untie(recording, new, trace):
    """Plans weights that are copied in one place and shared in another.

    Arguments
    ---------
    recording : Recording
        Of the new model.
    new : torch.nn.Module
        The larger model.
    trace : Trace
        Has the plan; where no norm can take the share, it stays as it is, and
        is refused later.
    """
    for names in set(map(tuple, names_of_shared(new).values())):
        planned = [name for name in names if name in trace.tensors]
        copied = [n for n in planned if not _reads(trace.tensors[n])]
        for name in planned:
            axes = trace.tensors[name]
            if not _reads(axes) or not copied:
                continue
            vectors = _vectors(recording, name.rpartition(".")[0], trace)
            for vector in vectors:
                trace.tensors[vector] = tuple(
                    axis and axis._replace(role="in")
                    for axis in trace.tensors[vector]
                )
            if vectors:
                trace.tensors[name] = tuple(
                    Axis(axis.width, "out") if axis else None for axis in axes
                )
                _tie(trace.tensors[copied[0]], trace.tensors[name], trace.maps)


def _tie(axes, others, maps):
    """Gives two plans of one tensor the same maps, from the next walk on."""
    for one, other in zip(axes, others):
        sizes = [(a.width.old, a.width.new) for a in (one, other) if a]
        if len(sizes) == 2 and sizes[0] == sizes[1]:
            maps.tie(one.width, other.width)


def _reads(axes):
    """Whether a tensor shares units that grow among their copies."""
    return any(a and a.role == "in" and not a.width.is_identity for a in axes)


def _vectors(recording, layer, trace):
    """The weight and bias of the norm that only a layer reads."""
    given = [
        numbers_of(call.args)[:1]
        for call in recording.calls
        if call.kind == "layer" and call.name == layer
    ]
    if len(given) != 1 or not given[0]:
        return []
    maker = maker_of(recording, given[0][0])
    if maker is None:
        return []
    if maker.kind == "layer":
        held = [f"{maker.name}.{kind}" for kind in ("weight", "bias")]
    elif maker.name in ("mul", "layer_norm", "rms_norm"):
        given = numbers_of((maker.args, maker.kwargs))
        held = [recording.tensors[one].name for one in given]
    else:
        return []
    found = [name for name in held if name in trace.tensors]
    alone = all(len(trace.tensors[name]) == 1 for name in found)
    return found if alone else []


def maker_of(recording, number):
    """The call that made what a tensor shows, if nothing else reads it.

    Arguments
    ---------
    recording : Recording
        Of one model.
    number : int
        The tensor's.

    Returns
    -------
    Call
        None if there is none, or if another call reads what it made.
    """
    while _is_read_once(recording, number):
        found = [c for c in recording.calls if number in numbers_of(c.out)]
        if not found or found[0].name not in PASS:
            return found[0] if found else None
        number = numbers_of(found[0].args)[0]
    return None


def _is_read_once(recording, number):
    """Whether one call alone reads a tensor, which does not leave the model."""
    readers = [
        call
        for call in recording.calls
        if number in numbers_of((call.args, call.kwargs))
    ]
    return len(readers) == 1 and number not in numbers_of(recording.out)


def numbers_of(values):
    """The numbers of the tensors among nested values.

    Arguments
    ---------
    values : object
        With ``Ref`` in the place of tensors.

    Returns
    -------
    list of int

    Example
    -------
    >>> numbers_of((Ref(3), [1, Ref(4)]))
    [3, 4]
    """
    return [one.number for one in leaves_of(values) if isinstance(one, Ref)]
