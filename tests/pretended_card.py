"""A device that is not the CPU, on any machine: it finds tensors left behind.

Its tensors hold their numbers in a tensor of the CPU, and every operation runs
there. But to torch they are on another device: an operation that meets tensors
of both raises, as on a GPU. ``peak`` tells how much memory they took.

    > PRETENDED_CARD=1 pytest tests/unittests/engine/test_devices.py

Torch's means for this are experimental, and last as long as the process.

Authors
 * The speechbrain_growth authors 2026
"""

import weakref

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

NAME = "pretended"
# As on a GPU, these may meet tensors of the CPU
MIXED = (
    "copy_ _copy_from _to_copy index index_put index_put_ _index_put_impl_ "
    "_unsafe_index"
).split()
memory = {"now": 0, "peak": 0}  # bytes


class Card(torch.Tensor):
    """A tensor on the pretended device."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held, requires_grad=False):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
            requires_grad=requires_grad,
        )

    def __init__(self, held, requires_grad=False):
        self.held, self.taken = held, _taken(held)

    def __repr__(self):
        return f"Card({self.held})"

    def __tensor_flatten__(self):
        """Has modules swap tensors of another dtype, not only their outside."""
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner, context, size, stride):
        return Card(inner["held"])

    def tolist(self):
        return self.held.tolist()

    def __reduce_ex__(self, protocol):
        return self.held.__reduce_ex__(protocol)  # a file has no devices

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        return run(op, *args, **(kwargs or {}))


def run(op, *args, **kwargs):
    """Runs an operation on what the tensors hold."""
    tensors = [x for x in tree_leaves((args, kwargs)) if torch.is_tensor(x)]
    outside = [x for x in tensors if not isinstance(x, Card) and x.dim()]
    name = op._schema.name.split("::")[1]
    if outside and len(outside) < len(tensors) and name not in MIXED:
        shapes = ", ".join(str(tuple(x.shape)) for x in outside)
        raise RuntimeError(
            f"{name}: tensors of shape {shapes} are on the CPU, others are not"
        )
    held, options = tree_map(_held, (args, kwargs))
    if name == "_copy_from":  # from the first into the second
        held[1].copy_(held[0])
        return args[1]
    device = torch.device(kwargs.get("device") or NAME)
    if device.type != NAME:
        return op(*held, **options)
    if kwargs.get("device") is not None:
        options["device"] = "cpu"
    found = op(*held, **options)
    if name == "copy_":
        return args[0]
    cards = tree_map(lambda x: Card(x) if torch.is_tensor(x) else x, found)
    return return_and_correct_aliasing(op, args, kwargs, cards)


def reset_peak():
    """Forgets how much memory was taken."""
    memory["peak"] = memory["now"]


def _held(value):
    """What a tensor holds; other values are as they are."""
    return value.held if isinstance(value, Card) else value


def _taken(held):
    """The memory that a tensor keeps, as long as any tensor keeps it."""
    place = held.untyped_storage().data_ptr()
    found = _places.get(place)
    if found is None:
        found = _places[place] = _Taken(held.untyped_storage().nbytes())
    return found


class _Taken:
    """Counts memory until nothing keeps this any more."""

    def __init__(self, size):
        memory["now"] += size
        memory["peak"] = max(memory.values())
        weakref.finalize(self, self.give_back, size)

    @staticmethod
    def give_back(size):
        """Counts memory that is free again."""
        memory["now"] -= size


_places = weakref.WeakValueDictionary()
backend_registration._setup_privateuseone_for_python_backend(NAME)
library = torch.library.Library("_", "IMPL")
library.fallback(run, "PrivateUse1")  # what makes tensors on the device
