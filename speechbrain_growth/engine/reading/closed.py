"""Which modules the rules of layers know, with everything inside.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.dispatch import rule_for
from speechbrain_growth.engine.maps.normed import parametrized
from speechbrain_growth.engine.rules.attributes import added
from speechbrain_growth.engine.rules.registry import rule


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
    others = {
        id(part)
        for layer in module.modules()
        for steps in parametrized(layer).values()
        for part in steps.modules()
    }
    return all(has_rule(m) for m in module.modules() if id(m) not in others)
