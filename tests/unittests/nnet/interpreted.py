"""Runs the Triton kernels of the Li-GRU on the CPU, by Triton's interpreter.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import importlib
import sys

import pytest

from speechbrain_growth.nnet import on_gpu, walk_in_c
from speechbrain_growth.nnet.on_gpu import serving

MODULES = ("steps", "chunks", "walk_in_triton")  # each imports the one before


@contextlib.contextmanager
def interpreted():
    """Inside, tensors on the CPU go through the kernels."""
    pytest.importorskip("triton")
    with pytest.MonkeyPatch.context() as patch, defined_anew():
        patch.setenv("TRITON_INTERPRET", "1")
        patch.setattr(serving, "DEVICE", "cpu")
        patch.setattr(walk_in_c, "kernel", lambda *_: None)
        _mend_bfloat16(patch)
        yield


@contextlib.contextmanager
def defined_anew():
    """Inside, the kernels are other ones: Triton decides as it defines them."""
    _forget()
    try:
        yield
    finally:
        _forget()


def module(name):
    """A module of the kernels as it is now."""
    return importlib.import_module(f"{on_gpu.__name__}.{name}")


def _forget():
    """Makes the next import of the modules define the kernels again."""
    serving._works.cache_clear()
    for name in MODULES:
        sys.modules.pop(f"{on_gpu.__name__}.{name}", None)
        vars(on_gpu).pop(name, None)


def _mend_bfloat16(patch):
    """The interpreter would multiply the integers that hold their bits."""
    import numpy as np
    from triton.runtime import interpreter

    builder, float32 = interpreter.InterpreterBuilder, interpreter.tl.float32
    plain = builder.create_dot

    def wide(one):
        """The same numbers in float32."""
        if one.dtype.scalar != interpreter.tl.bfloat16:
            return one
        bits = one.data.astype(np.uint32) << 16
        return interpreter.TensorHandle(bits.view(np.float32), float32)

    def create_dot(self, a, b, *others):
        """The product of the same numbers."""
        return plain(self, wide(a), wide(b), *others)

    patch.setattr(builder, "create_dot", create_dot)
