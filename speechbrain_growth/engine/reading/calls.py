"""Plans a function, as one call among others.

Authors
 * The speechbrain_growth authors 2026
"""

import inspect

from speechbrain_growth.engine.reading.functions.registry import (
    FUNCTIONS,
    SIZES,
)
from speechbrain_growth.engine.reading.functions.scores import plain
from speechbrain_growth.engine.reading.recording import leaves_of
from speechbrain_growth.engine.reading.scaled import (
    MOVES,
    PRODUCTS,
    PROJECTIONS,
    QUOTIENTS,
    SUMS,
)
from speechbrain_growth.engine.reading.steps import (
    Refused,
    Two,
    Unknown,
    Value,
    is_value,
)
from speechbrain_growth.errors import shown


def plan_function(step, call, args, factor=1.0):
    """Plans one call of a function.

    Arguments
    ---------
    step : Step
        Its outputs.
    call : Call
        In the old model.
    args : tuple
        Its arguments by place, and by name, with ``Value`` in the place of
        tensors.
    factor : float
        By what it multiplies them, in the new model more than in the old one.

    Returns
    -------
    list of Value
        What leaves.
    """
    leaves = leaves_of(args)
    given = [one for one in leaves if isinstance(one, Value)]
    _check_numbers(call, leaves)
    linear = call.name in MOVES or _is_multiple(call, leaves)
    if linear:
        factor = factor * given[0].factor
    elif call.name not in SUMS:
        plain(step, given)
    grows = any(value.growing for value in (*given, *step.outs))
    if not grows and not any(isinstance(one, Two) for one in leaves):
        plain(step, [] if linear else given)
        return [one.but(factor=factor) for one in step.outs]
    rule = FUNCTIONS.get(call.name)
    positional, named = args
    if rule is None or not _takes(rule, step, *positional, **named):
        raise Unknown(
            f"has no growth rule for {_width_of(given, step)}; use another "
            "function, or teach it with speechbrain_growth.reads"
        )
    found = rule(step, *positional, **named)
    found = found if isinstance(found, list) else [found]
    found = [*found, *step.outs[len(found) :]]
    found = [_checked(*pair) for pair in zip(found, step.outs)]
    if not linear:
        met = list(map(id, step.scored))
        plain(step, [one for one in given if id(one) not in met])
    # The rows of own weights may be keys; own tensors elsewhere may not
    if not linear and call.name not in PROJECTIONS:
        plain(step, found)
    factor = factor * step.factor
    return [one.but(factor=factor) for one in found]


def _is_multiple(call, leaves):
    """Whether a call multiplies a tensor by a number."""
    places = [place for place, one in enumerate(leaves) if is_value(one)]
    return (
        len(places) == 1
        and all(isinstance(one, (Value, int, float)) for one in leaves)
        and (
            call.name in PRODUCTS or (call.name in QUOTIENTS and places == [0])
        )
    )


def _check_numbers(call, leaves):
    """Refuses numbers that differ where they cannot be sizes."""
    for one in leaves:
        if isinstance(one, Two) and call.name not in SIZES:
            raise Refused(
                f"gets {shown(one.old)}, and in the larger model "
                f"{shown(one.new)}; keep that number"
            )


def _takes(function, *args, **kwargs):
    """Whether a rule has these arguments."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _width_of(given, step):
    """What grows among some tensors, in words."""
    for value in given:
        for dim in value.growing:
            return str(step.width(value, dim))
    return "a tensor that grows"


def _checked(found, out):
    """What a rule returned, if the recording has it so."""
    value = found if isinstance(found, Value) else out.but(axes=found)
    value = value.but(old=out.old, new=out.new)
    if len(value.axes) != len(out.old):
        raise Refused("was planned with another number of axes; mend its rule")
    for dim, width in enumerate(value.axes):
        size = (width.old, width.new) if width is not None else None
        known = size or value.own or value.unknown or value.rows
        if dim in value.growing and not known:
            raise Refused(
                f"gives {out.old} and {out.new}, but nothing that grows "
                f"arrives on axis {dim}"
            )
        if size is not None and size != out.size(dim):
            raise Refused(
                f"gives {out.size(dim)} where {width} was planned; mend its "
                "rule"
            )
    return value
