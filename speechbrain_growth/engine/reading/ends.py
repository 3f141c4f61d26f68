"""What is left to plan once all calls are planned.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.plan import earlier


def output_of(leaves):
    """The map of what a model returns.

    Arguments
    ---------
    leaves : list of Value
        From ``Walk.run``.

    Returns
    -------
    WidthMap
        Of the first axis that grows; None if there is none.
    """
    for value in leaves:
        for dim in value.growing:
            return value.axes[dim]
    return None


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
    before = dict(_named(old))
    for name, tensor in _named(new):
        source = before.get(earlier(name, trace.moved))
        born = any(f"{name}.".startswith(f"{b}.") for b in trace.first_states)
        planned = name in trace.tensors or name in trace.fresh
        if born or planned or source is None:
            continue
        if source.shape == tensor.shape:
            trace.tensor(name, *[None] * tensor.ndim)
        else:
            trace.problems.append(
                f"{name}: grows, but the example does not use it; give one "
                "that does, or remove it from both models"
            )


def _named(model):
    """Names and tensors of a model's state."""
    return model.state_dict(keep_vars=True).items()
