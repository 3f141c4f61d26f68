"""Batch norms that begin as an identity, by undoing their own normalisation.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch
from torch import nn

from speechbrain_growth.engine.births.layers import FirstState, identity
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.errors import GrowthError


@identity.register(nn.BatchNorm1d)
@identity.register(nn.BatchNorm2d)
@identity.register(nn.BatchNorm3d)
@identity.register(nn.SyncBatchNorm)
def _batch_norm(layer, place):
    """For mean 0 and variance 1, until ``calibrating`` measures others."""
    if not (layer.affine and layer.track_running_stats):
        raise GrowthError(
            "it cannot undo its own normalisation; give it weights and "
            "running statistics"
        )
    one = torch.ones(layer.num_features, dtype=torch.float64)
    return FirstState(_undo(0 * one, one, layer.eps), Exact.IN_EVAL)


def _undo(mean, var, eps):
    """The state in which a batch norm undoes its own normalisation.

    Example
    -------
    >>> _undo(torch.tensor([5.0]), torch.tensor([8.0]), 1.0)["weight"]
    tensor([3.])
    """
    return {
        "weight": (var + eps).sqrt(),
        "bias": mean,
        "running_mean": mean,
        "running_var": var,
    }


@contextlib.contextmanager
def calibrating(plan, model):
    """Inside this context, new batch norms take the statistics of the batch.

    They become their running statistics; weight and bias undo them. Run one
    batch, with the model in eval mode.

    Arguments
    ---------
    plan : Plan
        Says which layers are new.
    model : torch.nn.Module
        The new model; its new batch norms are changed.

    Yields
    ------
    None
    """

    def calibrate(layer, inputs):
        """Runs before the layer does."""
        units = inputs[0].transpose(0, 1).flatten(1)
        mean, var = units.mean(1), units.var(1, unbiased=False)
        state = {**layer.state_dict(), **_undo(mean, var, layer.eps)}
        layer.load_state_dict(state)

    hooks = [
        layer.register_forward_pre_hook(calibrate)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.modules.batchnorm._NormBase)
        and plan.birthplace(name) is not None
        and plan.first_states[plan.birthplace(name)].exact is Exact.IN_EVAL
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
