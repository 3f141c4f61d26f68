"""The same passes in C: fills the struct that recurrence.c reads.

Authors
 * The speechbrain_growth authors 2026
"""

import ctypes

import torch
from torch.nn.functional import pad

from speechbrain_growth.nnet.kernels import kernel
from speechbrain_growth.nnet.walk import Walk, kind_of

IN_C = [torch.nn.ReLU, torch.nn.LeakyReLU, torch.nn.Tanh]  # as recurrence.c
REAL = {torch.float32: "float", torch.float64: "double"}


def library(w, act):
    """The compiled file; None if it cannot serve this tensor or activation."""
    on_cpu = w.device.type == "cpu"
    if on_cpu and kind_of(act) in IN_C and w.dtype in REAL and w.numel():
        return kernel("recurrence", f"REAL={REAL[w.dtype]}")
    return None


class Job(ctypes.Structure):
    """``struct job`` of recurrence.c, which fills in first and last itself."""

    _fields_ = [
        *((name, ctypes.c_long) for name in "batch steps units act".split()),
        ("threads", ctypes.c_long),
        *((f"w_{way}", ctypes.c_long) for way in ("row", "step")),
        *((f"grad_{way}", ctypes.c_long) for way in ("row", "step")),
        ("eps", ctypes.c_double),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "w panels start drop gamma beta before after gates hat rstd "
                "grad into through back"
            ).split()
        ),
        *((name, ctypes.c_long) for name in ("first", "last")),
    ]


def in_c(compiled, w, u, start, drop, act, weight, bias, eps):
    """The forward pass, in C."""
    batch, steps, both = w.shape
    units = both // 2
    w = w if w.stride(-1) == 1 else w.contiguous()
    states = w.new_empty(2, batch, steps, units)
    normed = (0, 0) if weight is None else (batch, steps)
    walk = Walk(
        before=states[0],
        after=states[1],
        gates=w.new_empty(batch, steps, both),
        raw=w.new_empty(0),
        hat=w.new_empty(*normed, both),
        rstd=w.new_empty(*normed, 1),
    )
    _call(
        compiled.run,
        walk,
        act,
        eps=eps or 0.0,
        w_row=w.stride(0),
        w_step=w.stride(1),
        w=w,
        panels=_panels(compiled, u.unflatten(0, (2, units)).transpose(1, 2)),
        start=start.contiguous(),
        drop=drop.contiguous(),
        gamma=weight,
        beta=bias,
    )
    return walk


def back_in_c(compiled, gradient, u, drop, act, weight, walk):
    """The backward pass, in C."""
    units = walk.before.shape[-1]
    if gradient.stride(-1) != 1:
        gradient = gradient.contiguous()
    into = torch.empty_like(walk.gates)
    through = into if weight is None else torch.empty_like(into)
    back = torch.empty_like(drop, memory_format=torch.contiguous_format)
    _call(
        compiled.walk_back,
        walk,
        act,
        grad_row=gradient.stride(0),
        grad_step=gradient.stride(1),
        panels=_panels(compiled, u.view(1, 2 * units, units)),
        drop=drop.contiguous(),
        gamma=weight,
        grad=gradient,
        into=into,
        through=through,
        back=back,
    )
    return into, through, back


def _panels(compiled, blocks):
    """Blocks side by side, (blocks, depth, width), as recurrence.c has them."""
    columns = ctypes.c_long.in_dll(compiled, "COLUMNS").value
    blocks = pad(blocks, (0, -blocks.shape[-1] % columns))
    parts = blocks.unflatten(-1, (-1, columns)).transpose(1, 2)
    return parts.contiguous()


def _call(function, walk, act, **values):
    """Fills a job, and runs it in as many threads as torch uses."""
    batch, steps, units = walk.before.shape
    tensors = {"before": walk.before, "after": walk.after, "gates": walk.gates}
    if walk.hat.numel():
        tensors.update(hat=walk.hat, rstd=walk.rstd)
    tensors.update(values)
    fields = {
        name: value.data_ptr() if torch.is_tensor(value) else value
        for name, value in tensors.items()
        if value is not None
    }
    job = Job(
        batch=batch,
        steps=steps,
        units=units,
        act=IN_C.index(kind_of(act)),
        threads=torch.get_num_threads(),
        **fields,
    )
    if function(ctypes.byref(job)):
        raise MemoryError("recurrence.c: out of memory; use smaller batches")
