"""Rules of products of tensors whose axes are named, and of distances.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.sums import contract
from speechbrain_growth.engine.reading.steps import axis_of, is_value


@reads("einsum")
def _einsum(step, equation, *operands):
    """Letters that leave meet; the others are summed over."""
    if isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    if not isinstance(equation, str):
        step.refuse("takes lists of axes; write letters")
    given, leave = _letters(equation.replace(" ", ""), operands)
    held = {}
    for one, names in zip(operands, given):
        for dim, letter in enumerate(names):
            if one.size(dim) != (1, 1):
                held.setdefault(letter, []).append((one, dim))
    for letter, axes in held.items():
        growing = [(x, d) for x, d in axes if d in x.growing]
        repeated = any(names.count(letter) > 1 for names in given)
        if growing and letter not in leave and len(axes) == 2 and not repeated:
            contract(step, *axes[0], *axes[1])
        elif growing and (letter not in leave or repeated):
            step.along(growing[0][0], [growing[0][1]], "sums over")
    return tuple(
        step.tie(*(step.width(*axis) for axis in held.get(letter, [])))
        for letter in leave
    )


def _letters(equation, operands):
    """Letters of each operand and of what leaves; numbers for the dots."""
    given, arrow, leave = equation.partition("->")
    given, dots = given.split(","), []
    for number, (names, one) in enumerate(zip(given, operands)):
        before, found, after = names.partition("...")
        count = len(one.old) - len(before) - len(after)
        own = list(range(-count, 0)) if found else []
        dots = max(dots, own, key=len)
        given[number] = [*before, *own, *after]
    if arrow:
        before, found, after = leave.partition("...")
        return given, [*before, *(dots if found else []), *after]
    every = [name for names in given for name in names if name not in dots]
    return given, dots + sorted(n for n in every if every.count(n) == 1)


@reads("tensordot")
def _tensordot(step, a, b, dims=2, out=None):
    """Sums over some axes of each."""
    if is_value(dims):
        step.refuse("takes its axes from a tensor; give numbers")
    if isinstance(dims, int):
        dims = range(-dims, 0), range(dims)
    pairs = [[axis_of(d, x) for d in ds] for ds, x in zip(dims, (a, b))]
    for one, other in zip(*pairs):
        contract(step, a, one, b, other)
    return tuple(
        step.width(x, d)
        for x, gone in zip((a, b), pairs)
        for d in range(len(x.old))
        if d not in gone
    )


@reads("cosine_similarity")
def _cosine(step, x1, x2, dim=1, eps=1e-8):
    """Sums over one axis; on the others, both meet."""
    return _compared(step, x1, x2, axis_of(dim, x1))


@reads("pairwise_distance")
def _distance(step, x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """Sums over the last axis; on the others, both meet."""
    axes = _compared(step, x1, x2, len(x1.old) - 1)
    return (*axes, None) if keepdim else axes


@reads("cdist")
def _distances(step, x1, x2, *args, **kwargs):
    """Sums over the last axis, for each pair of rows."""
    rows = [step.width(one, -2) for one in (x1, x2)]
    shown = [one.but(old=(*one.old[:-2], 1, one.old[-1])) for one in (x1, x2)]
    shown = [one.but(new=(*one.new[:-2], 1, one.new[-1])) for one in shown]
    return (*_compared(step, *shown, len(x1.old) - 1)[:-1], *rows)


def _compared(step, one, other, dim):
    """The axes where two tensors meet, but for one that is summed over."""
    if len(one.old) != len(other.old):
        step.refuse("takes tensors of several shapes; give both all axes")
    axes = []
    for axis in range(len(one.old)):
        given = [x for x in (one, other) if x.size(axis) != (1, 1)]
        if axis == dim:
            for x in given:
                step.along(x, [axis], "sums over")
        else:
            axes.append(step.tie(*(step.width(x, axis) for x in given)))
    return tuple(axes)
