"""All that a model has beside weights, checked and carried in one place.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.carried.layers import carry_layers, check_layers
from speechbrain_growth.engine.carried.loose import carry_loose, check_loose
from speechbrain_growth.engine.carried.parameters import (
    carry_parameters,
    check_parameters,
)
from speechbrain_growth.engine.carried.statistics import take_statistics
from speechbrain_growth.errors import GrowthError


def check_beside(old, new, plan):
    """Checks that a growth loses nothing that stands beside the weights.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    plan : Plan
        What each tensor copies.

    Raises
    ------
    GrowthError
        Naming all that would be lost.
    """
    checks = (check_parameters, check_layers, check_loose)
    problems = [text for check in checks for text in check(old, new, plan)]
    if problems:
        raise GrowthError(problems)


def carry_beside(old, new, plan):
    """Carries all that stands beside the weights.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, which is changed.
    plan : Plan
        What each tensor copies.
    """
    take_statistics(old, new, plan.moved)
    for carry in (carry_parameters, carry_layers, carry_loose):
        carry(old, new, plan)
