"""Carries the state of an optimizer from a model to a larger one.

A copy of a unit with share ``a`` of its outgoing weight receives ``a`` times
its original's gradient. So gradients, and all that is averaged from them, take
the share on the layer's own axis, where weights take it on the incoming one.
``POWERS`` says for each optimizer to which power.

Authors
 * The speechbrain_growth authors 2026
"""

import warnings

import torch

from speechbrain_growth.engine.carried.averages import FIRST, SECOND, Entry
from speechbrain_growth.engine.carried.groups import adopt, replace
from speechbrain_growth.engine.carried.normed import grown_averages
from speechbrain_growth.errors import GrowthError, NoRuleError

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
        a group, see ``adopt``; if it cannot, a warning says so.
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
    states = [
        _carry_state(plan, one, names, (old, new)) if plan else {}
        for one in optimizers
    ]
    known = {parameter: name for name, parameter in before.items()}
    for optimizer, state in zip(optimizers, states):
        for group in optimizer.param_groups:
            replace(group, known, after, names)
        optimizer.state.clear()
        optimizer.state.update({after[name]: s for name, s in state.items()})
    groups = [group for one in optimizers for group in one.param_groups]
    born = [name for name in after if was[name] not in before]
    learning = [name for p, name in names.items() if p.requires_grad]
    outside = adopt(groups, new, born, learning) if optimizers else {}
    if outside:
        warnings.warn(
            f"{', '.join(outside)}: new, and in no optimizer that was given, "
            f"as {', '.join(dict.fromkeys(outside.values()))}, most like them, "
            "are in none; give all optimizers in one list",
            stacklevel=3,
        )


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
        way = wrapped_by(optimizer) or (
            f"use one of {names}, add it to speechbrain_growth.POWERS, or "
            "start with an empty state (optimizer: reset)"
        )
        raise NoRuleError(
            f"{kind.__name__}: no rule says how its state grows; {way}"
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


def wrapped_by(optimizer):
    """Says how to reach the optimizer inside one that wraps it.

    Arguments
    ---------
    optimizer : object
        Any.

    Returns
    -------
    str
        Empty if it wraps none.
    """
    for name, value in getattr(optimizer, "__dict__", {}).items():
        if isinstance(value, torch.optim.Optimizer):
            return f"give the one that it wraps, its .{name}"
    return ""


def _carry_state(plan, optimizer, names, models):
    """The state that an optimizer has after a growth, by parameter name."""
    states = {
        names[parameter]: state
        for parameter, state in optimizer.state.items()
        if parameter in names
    }
    after = {name: {} for name in states}
    for key, entry in powers_of(optimizer).items():
        held = {n: state[key] for n, state in states.items() if key in state}
        for name, value in grown_averages(plan, held, entry, *models).items():
            after[name][key] = value
    return after


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
