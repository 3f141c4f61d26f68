"""Carries the state of an optimizer from a model to a larger one.

A copy of a unit with share ``a`` of its outgoing weight receives ``a`` times
its original's gradient. So gradients, and all that is averaged from them, take
the share on the layer's own axis, where weights take it on the incoming one.
``POWERS`` says for each optimizer to which power.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

from speechbrain_growth.engine.transfer import fresh_axes, remap
from speechbrain_growth.errors import GrowthError, NoRuleError


class Entry(NamedTuple):
    """How one entry of an optimizer's state follows the weights.

    Arguments
    ---------
    out : int
        Power of the share on the layer's own axis.
    into : int
        Power of the share on its incoming axis.
    fresh : str
        What fresh units start with: ``zero``, or ``mean`` of the other units
        for entries that are never negative. Adam would take a zero there for
        a gradient that always was small, and make the first update too large.
    """

    out: int
    into: int
    fresh: str = "zero"


FIRST = Entry(1, 0, "zero")  # averages of gradients
SECOND = Entry(2, 0, "mean")  # averages of their squares

# The entries of each optimizer's state. None: one number for the tensor, which
# stays. Subclasses (AdamW) inherit. Another optimizer takes one line:
# POWERS[Lion] = {"exp_avg": FIRST}
ADAM = {"step": None, "exp_avg": FIRST, "exp_avg_sq": SECOND}
POWERS = {
    torch.optim.SGD: {"momentum_buffer": FIRST},
    torch.optim.Adam: {**ADAM, "max_exp_avg_sq": SECOND},
    torch.optim.NAdam: {**ADAM, "mu_product": None},
    torch.optim.RAdam: ADAM,
    torch.optim.Adamax: {
        "step": None,
        "exp_avg": FIRST,
        "exp_inf": Entry(1, 0, "mean"),
    },
    torch.optim.Adagrad: {"step": None, "sum": SECOND},
    torch.optim.RMSprop: {
        "step": None,
        "square_avg": SECOND,
        "grad_avg": FIRST,
        # of gradients over their root mean square: the share cancels
        "momentum_buffer": Entry(0, 0, "zero"),
    },
    torch.optim.Adadelta: {
        "step": None,
        "square_avg": SECOND,
        # of updates, which are shared as the weights are
        "acc_delta": Entry(0, 2, "mean"),
    },
}


def follow(optimizers, old, new, plan=None):
    """Gives optimizers the parameters of another model, and their state.

    Everything is checked before an optimizer changes.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        They hold the old parameters. The same objects are changed, as
        schedulers and checkpointers hold them.
    old : torch.nn.Module
        The model whose parameters they hold.
    new : torch.nn.Module
        The model that replaces it. A parameter that only this model has joins
        the group of the parameter before it.
    plan : Plan
        Says how the state grows. Without a plan the state is emptied, and a
        new parameter replaces the old one of the same name.

    Raises
    ------
    GrowthError
        If an optimizer holds parameters that the old model does not have.
    """
    check_optimizers(optimizers, old, plan)
    before, after = dict(old.named_parameters()), dict(new.named_parameters())
    was = {name: plan.before(name) if plan else name for name in after}
    names = {before[was[n]]: n for n in after if was[n] in before}
    successors = {p: after.get(names.get(p), p) for p in before.values()}
    states = [
        _carry_state(plan, one, names) if plan else {} for one in optimizers
    ]
    for optimizer, state in zip(optimizers, states):
        for group in optimizer.param_groups:
            group["params"] = [successors[p] for p in group["params"]]
        optimizer.state.clear()
        optimizer.state.update({after[name]: s for name, s in state.items()})
    groups = [group for one in optimizers for group in one.param_groups]
    gone = set(before.values()) - set(names)
    for group in groups:
        group["params"] = [p for p in group["params"] if p not in gone]
    _adopt(groups, after, [n for n in after if was[n] not in before])


def check_optimizers(optimizers, old, plan=None):
    """Raises if ``follow`` would.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        They hold parameters of the old model.
    old : torch.nn.Module
        The model whose parameters they hold.
    plan : Plan
        None if their state will be emptied.

    Raises
    ------
    GrowthError
        If an optimizer holds parameters that the old model does not have, or
        its state cannot be carried.
    """
    known = set(old.parameters())
    for optimizer in optimizers:
        _check_strangers(optimizer, known)
        if plan is not None:
            powers_of(optimizer)


def powers_of(optimizer):
    """Returns the row of ``POWERS`` for an optimizer.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Only its type and the names in its state are looked at.

    Returns
    -------
    dict
        An ``Entry`` or None for each entry of its state.

    Raises
    ------
    NoRuleError
        If the optimizer, or an entry of its state, is unknown.
    """
    kind = type(optimizer)
    known = next((k for k in kind.__mro__ if k in POWERS), None)
    if known is None:
        names = ", ".join(k.__name__ for k in POWERS)
        raise NoRuleError(
            f"{kind.__name__}: no rule says how its state grows; use one of "
            f"{names}, add it to speechbrain_growth.POWERS, or start with an "
            "empty state (optimizer: reset)"
        )
    entries = {key for state in optimizer.state.values() for key in state}
    unknown = sorted(entries - set(POWERS[known]))
    if unknown:
        raise NoRuleError(
            [
                f"{kind.__name__}: no rule says how the entry {key!r} of its "
                f"state grows; known are {', '.join(POWERS[known])}; add it to "
                "speechbrain_growth.POWERS"
                for key in unknown
            ]
        )
    return POWERS[known]


def _carry_state(plan, optimizer, names):
    """The state that an optimizer has after a growth, by parameter name."""
    powers = powers_of(optimizer)
    states = {names[p]: state for p, state in optimizer.state.items()}
    return {
        name: {
            key: _scaled(
                _grown(value, plan.tensors[name], powers[key]),
                plan.scales.get(name, 1),
                powers[key],
            )
            for key, value in state.items()
        }
        for name, state in states.items()
    }


def _scaled(value, scale, entry):
    """One value of the state of weights that are multiplied by a number."""
    if scale == 1 or entry is None or value is None:
        return value
    return value * scale ** (entry.into - entry.out)


def _check_strangers(optimizer, known):
    """Raises if an optimizer holds a parameter that is not among the known."""
    strangers = [
        str(tuple(parameter.shape))
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter not in known
    ]
    if strangers:
        raise GrowthError(
            f"the optimizer holds parameters of shapes {', '.join(strangers)} "
            "that the model does not have; give it the model's parameters only"
        )


def _adopt(groups, parameters, born):
    """Puts each new layer's parameter right behind the one that precedes it.

    Those before all others go right before the first, so that the order stays
    the model's, by which checkpoints tell an optimizer's parameters apart.
    """
    home = {p: group["params"] for group in groups for p in group["params"]}
    order = list(parameters.items())
    for walk, behind in ((order, 1), (order[::-1], 0)):
        beside = None
        for name, parameter in walk:
            if name in born and parameter not in home and beside is not None:
                held = home[beside]
                place = [one is beside for one in held].index(True)
                held.insert(place + behind, parameter)
                home[parameter] = held
            if parameter in home:
                beside = parameter


def _grown(value, axes, entry):
    """One value of an optimizer's state, after the growth."""
    if entry is None or value is None:
        return value
    tensor = remap(value, axes, entry)
    for dim, width, _ in fresh_axes(axes):
        copies = (~width.fresh).nonzero()[:, 0].to(tensor.device)
        units = width.fresh.nonzero()[:, 0].to(tensor.device)
        known = tensor.index_select(dim, copies).mean(dim, keepdim=True)
        values = known.expand_as(tensor.index_select(dim, units))
        values = values if entry.fresh == "mean" else 0 * values
        tensor = tensor.index_copy(dim, units, values)
    return tensor
