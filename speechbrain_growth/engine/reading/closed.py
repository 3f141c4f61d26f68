"""Which modules the rules of layers know, with everything inside.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.dispatch import rule_for
from speechbrain_growth.engine.maps.normed import parametrized
from speechbrain_growth.engine.rules.attributes import added
from speechbrain_growth.engine.rules.registry import rule

COMPUTED = "parametrizations"  # where torch keeps what computes a tensor


def has_rule(module):
    """Whether the rule of a module's type holds for it.

    Arguments
    ---------
    module : torch.nn.Module
        Any. With hooks, or a forward of its own, it may compute anything.

    Returns
    -------
    bool

    Example
    -------
    >>> from torch import nn
    >>> has_rule(nn.ReLU())
    True
    """
    own = "forward" in vars(module) or added(module)
    return not own and rule_for(rule, type(module)) is not rule.dispatch(object)


def is_closed(module):
    """Whether rules of layers know a module and everything inside it.

    Arguments
    ---------
    module : torch.nn.Module
        Any.

    Returns
    -------
    bool

    Example
    -------
    >>> from torch import nn
    >>> class Own(nn.Module):
    ...     pass
    >>> is_closed(nn.Sequential(nn.ReLU())), is_closed(nn.Sequential(Own()))
    (True, False)
    """
    if not has_rule(module):
        return False
    # A container whose rule plans all that is inside, whatever that is
    if getattr(type(module), "planned_whole", False):
        return True
    inside = module.children()
    if parametrized(module):  # the rule knows what computes its tensors
        inside = (m for n, m in module.named_children() if n != COMPUTED)
    return all(map(is_closed, inside))
