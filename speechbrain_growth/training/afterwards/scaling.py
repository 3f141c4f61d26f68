"""Learning rates that differ from weight to weight after a growth.

``lr: per_axis``. A copy of a unit with share ``a`` of its outgoing weights gets
``a`` times its original's gradient, and its outgoing weights are ``a`` times as
large. The grown network learns as the small one did if the rate of each weight
takes a power of the share. ``RATES`` has it for each optimizer.

``lr: per_norm``. The weights that a growth added to a tensor have their norm,
over that of the tensor's oldest weights, as the factor of their rate
(https://arxiv.org/abs/2306.12700).

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.errors import NoRuleError

ADAPTIVE = (0, 1)  # their steps do not depend on the size of gradients
# Power of the share on a layer's own axis, and on its incoming one. Subclasses
# (AdamW) inherit
RATES = {
    torch.optim.SGD: (-1, 1),
    torch.optim.Adam: ADAPTIVE,
    torch.optim.NAdam: ADAPTIVE,
    torch.optim.RAdam: ADAPTIVE,
    torch.optim.Adamax: ADAPTIVE,
    torch.optim.Adagrad: ADAPTIVE,
    torch.optim.RMSprop: ADAPTIVE,
    torch.optim.Adadelta: (0, 0),  # its steps are as large as the weights
}


def rates_of(optimizer):
    """Returns the row of ``RATES`` for an optimizer.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Only its type is looked at.

    Returns
    -------
    tuple

    Raises
    ------
    NoRuleError
        If it is unknown.

    Example
    -------
    >>> rates_of(torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))]))
    (0, 1)
    """
    kind = type(optimizer)
    known = next((k for k in kind.__mro__ if k in RATES), None)
    if known is None:
        raise NoRuleError(
            f"lr: per_axis: no rule says which power of the share the rates of "
            f"{kind.__name__} take; use one of "
            f"{', '.join(k.__name__ for k in RATES)}, or leave per_axis out"
        )
    return RATES[known]


def powers_by_name(optimizers, modules):
    """Returns the row of ``RATES`` for each parameter.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        They hold the parameters.
    modules : torch.nn.Module
        Has their names.

    Returns
    -------
    dict
    """
    names = {p: name for name, p in modules.named_parameters()}
    return {
        names[parameter]: rates_of(optimizer)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter in names
    }


def shares_after(shares, plan, powers):
    """Returns the factors of rates by unit, after one more growth.

    Arguments
    ---------
    shares : dict
        Those before it: for each name, for each axis a tensor, shape (units,),
        or None.
    plan : Plan
        Of the growth.
    powers : dict
        For each name, the powers of the share; names that are not there only
        take over what the units had.

    Returns
    -------
    dict
        Without the tensors whose factors are all 1.
    """
    found = {}
    for name, axes, held in _carried(shares, plan, 1.0):
        for dim, axis in enumerate(axes if name in powers else ()):
            if axis is None:
                continue
            share = axis.factor(powers[name])
            share = torch.where(axis.width.fresh, 1.0, share)
            if (share != 1).any():
                held[dim] = share if held[dim] is None else held[dim] * share
        if any(one is not None and (one != 1).any() for one in held):
            found[name] = held
    return found


def turns_after(turns, plan, counts):
    """Returns with which growth each unit came, after one more.

    Arguments
    ---------
    turns : dict
        That before it: for each name, for each axis a tensor, shape (units,),
        or None; 0 for the first units.
    plan : Plan
        Of the growth.
    counts : bool
        Whether its new units get a number of their own. Otherwise they have
        those of the units that they copy.

    Returns
    -------
    dict
        Without the tensors that have no numbers but 0.
    """
    found = {}
    last = max((int(m.max()) for m in _held(turns)), default=0)
    for name, axes, held in _carried(turns, plan, 0):
        for dim, axis in enumerate(axes if counts else ()):
            if axis is not None and axis.width.is_new.any():
                new = axis.width.is_new
                was = torch.zeros(len(new), dtype=torch.int64)
                was = was if held[dim] is None else held[dim]
                held[dim] = torch.where(new, last + 1, was)
        if any(one is not None and one.any() for one in held):
            found[name] = held
    return found


def by_axis(shares):
    """Returns by what the step of each weight is multiplied.

    Arguments
    ---------
    shares : dict
        From ``shares_after``.

    Returns
    -------
    dict

    Example
    -------
    >>> half = torch.tensor([1.0, 0.5])
    >>> by_axis({"weight": [None, half]})
    {'weight': tensor([[1.0000, 0.5000]], dtype=torch.float64)}
    """
    one = torch.ones((), dtype=torch.float64)
    return {
        name: _spread(held, one, torch.mul) for name, held in shares.items()
    }


def by_norm(turns, parameters):
    """Returns by what the step of each weight is multiplied.

    Where one of the two norms is 0, that is 1.

    Arguments
    ---------
    turns : dict
        From ``turns_after``.
    parameters : dict
        Their values now, by name.

    Returns
    -------
    dict

    Example
    -------
    >>> turns = {"bias": [torch.tensor([0, 0, 1])]}
    >>> by_norm(turns, {"bias": torch.tensor([3.0, 4.0, 1.0])})
    {'bias': tensor([1.0000, 1.0000, 0.2000], dtype=torch.float64)}
    """
    found = {}
    zero = torch.zeros((), dtype=torch.int64)
    for name, held in turns.items():
        if name in parameters:
            value = parameters[name].detach()
            if len(held) == 1:  # of the flattened tensor
                value = value.flatten()
            turn = _spread(held, zero, torch.maximum).to(value.device)
            last = max(int(m.max()) for m in held if m is not None)
            found[name] = _ratios(value.double(), turn, last)
    return found


def product(*held):
    """Multiplies factors of the same names.

    Arguments
    ---------
    *held : dict
        Tensors by name.

    Returns
    -------
    dict

    Example
    -------
    >>> product({"a": torch.tensor(2)}, {"a": torch.tensor(3)}, {})
    {'a': tensor(6)}
    """
    found = {}
    for factors in held:
        for name, factor in factors.items():
            was = found.get(name)
            found[name] = factor if was is None else was.to(factor) * factor
    return found


def _ratios(value, turn, last):
    """The norm of the weights of each turn, over that of the first."""
    squares, factor = value.square(), torch.ones_like(value)
    first = torch.where(turn == 0, squares, 0.0).sum()
    for number in range(1, last + 1):
        own = turn == number
        ratio = torch.where(own, squares, 0.0).sum() / first
        sound = ratio.isfinite() & (ratio > 0)  # none of the two is 0
        factor = torch.where(own & sound, ratio.sqrt(), factor)
    return factor


def _spread(held, start, join):
    """Joins what is held of each axis into one tensor."""
    for dim, one in enumerate(held):
        if one is not None:
            shape = [-1 if d == dim else 1 for d in range(len(held))]
            start = join(start, one.view(shape).to(start.dtype))
    return start


def _held(numbers):
    """All tensors that are held of axes."""
    return [
        m for held in numbers.values() for m in held if m is not None and len(m)
    ]


def _carried(numbers, plan, fresh):
    """For each tensor: its axes, and what its units have after a growth."""
    for name, axes in plan.tensors.items():
        was = numbers.get(plan.before(name)) or [None] * len(axes)
        held = list(was)
        for dim, axis in enumerate(axes):
            if axis is not None and was[dim] is not None:
                taken = was[dim][axis.width.source]
                held[dim] = torch.where(axis.width.fresh, fresh, taken)
        yield name, axes, held
