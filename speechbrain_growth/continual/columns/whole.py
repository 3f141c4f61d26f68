"""Growth by whole networks: old ones stay as they are, new ones are as built.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable, Sequence

from torch import nn

from speechbrain_growth.engine.births.layers import FirstState
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.unwrap import state_of


def add_whole(
    part: str,
    old: nn.ModuleDict,
    new: nn.ModuleDict,
    trace: Any,
    axes: Callable[..., Sequence] = lambda place, before, after: None,
) -> None:
    """Plans that old children stay as they are, and that new ones are as built.

    Arguments
    ---------
    part : str
        The name of the container.
    old : torch.nn.ModuleDict
        It in the present model.
    new : torch.nn.ModuleDict
        It in the larger one.
    trace : Trace
        As a growth rule gets it.
    axes : callable
        Takes the name of a tensor of an old child, and the tensor before and
        after. Returns its axes in the plan; None if it does not grow.
    """
    if not set(old) <= set(new):
        trace.problem(f"has fewer {part}; a growth only adds some")
    for name in new:
        if name not in old:
            full = ".".join([*trace.path, part, name])
            trace.first_states[full] = FirstState(
                {}, Exact.NO, "a task of its own"
            )
            continue
        after = state_of(new[name])
        for key, tensor in state_of(old[name]).items():
            place = f"{part}.{name}.{key}"
            found = axes(place, tensor, after.get(key))
            trace.tensor(place, *(found or [None] * tensor.ndim))
