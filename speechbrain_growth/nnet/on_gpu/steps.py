"""One step of a Li-GRU's recurrence, there and back, as two Triton kernels.

A step is one launch. Each program computes some units of some rows (utterances
of the batch): its part of the matrix product, and all that follows from it. So
the states go through memory once a step, and the gates are never read again.

All sizes are padded, to whole tiles, by who calls; so nothing is masked. The
padded units have weights of zero and stay zero. Sums are formed in the dtype of
the states; the factors of a product may be rounded to that of ``u``.

Authors
 * The speechbrain_growth authors 2026
"""

import triton
import triton.language as tl


@triton.jit
def _sigmoid(x):
    """As torch's."""
    return 1 / (1 + tl.exp(-x))


@triton.jit
def _activated(x, act: tl.constexpr):
    """ReLU, leaky ReLU or tanh; NaN stays NaN."""
    if act == "relu":
        return tl.where(x <= 0, 0.0, x)
    elif act == "leaky_relu":
        return tl.where(x <= 0, x * 0.01, x)
    else:
        return 2 * _sigmoid(2 * x) - 1


@triton.jit
def ahead(
    fed,
    u,
    drop,
    before,
    after,
    gates,
    units: tl.constexpr,
    act: tl.constexpr,
    precision: tl.constexpr,
    ROWS: tl.constexpr,
    OWN: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """One step forward: ``after`` and ``gates`` from ``before`` and ``fed``.

    Arguments
    ---------
    fed : pointer
        What the input adds to the gates, (rows, 2, units).
    u : pointer
        Recurrent weight, (2, units, units).
    drop : pointer
        Dropout mask, (rows, units).
    before : pointer
        States before the step, (rows, units).
    after : pointer
        States after it, written.
    gates : pointer
        Activated candidate and update gate, (rows, 2, units), written.
    units : int
        A multiple of ``OWN`` and ``DEPTH``.
    act : str
        ``relu``, ``leaky_relu`` or ``tanh``.
    precision : str
        Of products of float32: ``ieee`` or ``tf32``.
    ROWS : int
        Rows of a program.
    OWN : int
        Units of a program.
    DEPTH : int
        Units that are summed over at once.
    """
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    place = rows[:, None] * units + own[None, :]
    a = tl.full((ROWS, OWN), 0, before.dtype.element_ty)
    z = tl.full((ROWS, OWN), 0, before.dtype.element_ty)
    for first in range(0, units, DEPTH):
        deep = first + tl.arange(0, DEPTH)
        h = tl.load(before + rows[:, None] * units + deep[None, :])
        h = h.to(u.dtype.element_ty)
        weight = u + own[None, :] * units + deep[:, None]
        a = tl.dot(
            h,
            tl.load(weight),
            a,
            input_precision=precision,
            out_dtype=before.dtype.element_ty,
        )
        z = tl.dot(
            h,
            tl.load(weight + units * units),
            z,
            input_precision=precision,
            out_dtype=before.dtype.element_ty,
        )
    both = rows[:, None] * 2 * units + own[None, :]
    a = _activated(a + tl.load(fed + both), act)
    z = _sigmoid(z + tl.load(fed + both + units))
    new = z * tl.load(before + place) + (1 - z) * (a * tl.load(drop + place))
    tl.store(gates + both, a)
    tl.store(gates + both + units, z)
    tl.store(after + place, new)


@triton.jit
def back(
    after,
    slopes,
    update,
    u,
    upstream,
    before,
    units: tl.constexpr,
    precision: tl.constexpr,
    ROWS: tl.constexpr,
    OWN: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """One step back: the gradient of the states before a step.

    Arguments
    ---------
    after : pointer
        Gradient of the states after the step, (rows, units).
    slopes : pointer
        What it is multiplied by to be that of both gates, (rows, 2, units).
    update : pointer
        The update gate, (rows, units).
    u : pointer
        Recurrent weight, turned: (units before, 2, units after).
    upstream : pointer
        What comes from outside to the states before, (rows, units).
    before : pointer
        Gradient of the states before the step, (rows, units), written.
    units : int
        As for ``ahead``, and so are the others.
    precision : str
        See there.
    ROWS : int
        See there.
    OWN : int
        See there.
    DEPTH : int
        See there.
    """
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    place = rows[:, None] * units + own[None, :]
    total = tl.full((ROWS, OWN), 0, before.dtype.element_ty)
    for first in range(0, units, DEPTH):
        deep = first + tl.arange(0, DEPTH)
        came = tl.load(after + rows[:, None] * units + deep[None, :])
        slope = slopes + rows[:, None] * 2 * units + deep[None, :]
        weight = u + own[None, :] * 2 * units + deep[:, None]
        total = tl.dot(
            (came * tl.load(slope)).to(u.dtype.element_ty),
            tl.load(weight),
            total,
            input_precision=precision,
            out_dtype=before.dtype.element_ty,
        )
        total = tl.dot(
            (came * tl.load(slope + units)).to(u.dtype.element_ty),
            tl.load(weight + units),
            total,
            input_precision=precision,
            out_dtype=before.dtype.element_ty,
        )
    total += tl.load(after + place) * tl.load(update + place)
    tl.store(before + place, total + tl.load(upstream + place))
