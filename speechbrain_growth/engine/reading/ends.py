"""What is left to plan once all calls are planned.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.plan import earlier, owner_of
from speechbrain_growth.engine.unwrap import state_of


def outputs_of(leaves):
    """The maps of what a model returns.

    Arguments
    ---------
    leaves : list of Value
        From ``Walk.run``.

    Returns
    -------
    tuple of WidthMap
        Of each axis that grows, and whose map is known.
    """
    maps = [value.axes[dim] for value in leaves for dim in value.growing]
    return tuple(width for width in maps if width is not None)


def unused(old, new, trace):
    """Plans the tensors that no call used: they stay, if they may.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    trace : Trace
        Takes the plan.
    """
    if trace.problems or trace.unborn:
        return  # which say more
    before = state_of(old)
    for name, tensor in state_of(new).items():
        source = before.get(earlier(name, trace.moved))
        born = owner_of(name, trace.first_states) is not None
        known = name in trace.tensors or name in trace.fresh
        if born or known or source is None:
            continue
        if source.shape == tensor.shape:
            trace.tensor(name, *[None] * tensor.ndim)
        else:
            trace.problems.append(
                f"{name}: grows, but the example does not use it; give one "
                "that does, or remove it from both models"
            )
