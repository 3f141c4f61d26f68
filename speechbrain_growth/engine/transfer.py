"""Applies a plan: tensors in, tensors out.

A copy of a unit with share ``a`` of its outgoing weight receives ``a`` times
its original's gradient. So weights take the share on the incoming axis, while
gradients and all that is averaged from them take it on the layer's own axis.
``POWERS`` is the one place that says to which power.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch

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
        What fresh units start with: ``zero``, or ``mean`` for what is never
        negative: after many steps, Adam takes a zero there for a gradient that
        always was small, and makes the first update too large.
    """

    out: int
    into: int
    fresh: str


FIRST = Entry(1, 0, "zero")  # averages of gradients
SECOND = Entry(2, 0, "mean")  # averages of their squares

# The entries of each optimizer's state. None: a number for the whole tensor,
# kept as it is. Subclasses (AdamW) inherit. Another optimizer is taught in one
# line: POWERS[Lion] = {"exp_avg": FIRST}
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
        # of updates, which are to be shared as the weights are
        "acc_delta": Entry(0, 2, "mean"),
    },
}
WEIGHT = (0, 1)


def remap(tensor, axes, powers=WEIGHT):
    """Returns a tensor grown along its axes; what fresh units have is open.

    Arguments
    ---------
    tensor : torch.Tensor
        Any shape.
    axes : tuple
        One ``Axis`` or None for each dimension; empty if nothing grows.
    powers : tuple
        Power of the share on ``out`` and on ``in`` axes, first of all.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> from speechbrain_growth.engine.maps.plan import Axis
    >>> from speechbrain_growth.engine.maps.widths import WidthMap
    >>> half = torch.tensor([0.5, 1.0, 0.5])
    >>> width = WidthMap(torch.tensor([0, 1, 0]), half, old=2)
    >>> remap(torch.tensor([[8.0, 3.0]]), (None, Axis(width, "in")))
    tensor([[4., 3., 4.]])
    """
    # Rows last: what is done to columns is done while there are few rows
    for dim, axis in reversed(list(enumerate(axes))):
        if axis is None or axis.width.is_identity:
            continue
        source = axis.width.source.to(tensor.device)
        tensor = tensor.index_select(dim, source)
        power = powers[0] if axis.role == "out" else powers[1]
        if power:
            tensor.mul_(_along(axis.width.share, dim, tensor) ** power)
    return tensor


def with_fresh_weights(tensor, axes, built):
    """Returns a grown weight whose fresh units are as they were built.

    Arguments
    ---------
    tensor : torch.Tensor
        What ``remap`` returned.
    axes : tuple
        As for ``remap``.
    built : torch.Tensor
        The larger layer's weight as it was built; same shape.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> from speechbrain_growth.engine.maps.plan import Axis
    >>> from speechbrain_growth.engine.maps.widths import extend
    >>> axes = (None, Axis(extend(1, 3, pairs=True), "in"))
    >>> weight = remap(torch.ones(1, 1), axes)
    >>> with_fresh_weights(weight, axes, torch.tensor([[7.0, 2.0, 9.0]]))
    tensor([[ 1.,  2., -2.]])
    """
    for dim, width, role in _with_fresh(axes):
        units = width.fresh.nonzero()[:, 0]
        values = built.index_select(dim, width.origin[units].to(built.device))
        if role == "in":
            values = values * _along(width.sign[units], dim, values)
        tensor = tensor.index_copy(dim, units.to(tensor.device), values)
    return tensor


def with_fresh_state(tensor, axes, entry):
    """Returns a grown entry of an optimizer's state with fresh units in it.

    Arguments
    ---------
    tensor : torch.Tensor
        What ``remap`` returned.
    axes : tuple
        As for ``remap``.
    entry : Entry
        Says what they start with.

    Returns
    -------
    torch.Tensor
    """
    for dim, width, _ in _with_fresh(axes):
        copies = (~width.fresh).nonzero()[:, 0].to(tensor.device)
        units = width.fresh.nonzero()[:, 0].to(tensor.device)
        known = tensor.index_select(dim, copies).mean(dim, keepdim=True)
        values = known.expand_as(tensor.index_select(dim, units))
        values = values if entry.fresh == "mean" else 0 * values
        tensor = tensor.index_copy(dim, units, values)
    return tensor


def _with_fresh(axes):
    """Axes with fresh units; ``out`` last, as all of a fresh unit is its own."""
    found = [
        (dim, axis.width, axis.role)
        for dim, axis in enumerate(axes)
        if axis is not None and axis.width.fresh.any()
    ]
    return sorted(found, key=lambda one: one[2])


def _along(numbers, dim, like):
    """Numbers, one for each unit, shaped to multiply a tensor along an axis."""
    shape = [-1 if d == dim else 1 for d in range(like.ndim)]
    return numbers.to(like.device, like.dtype).view(shape)


def carry_weights(plan, old, new):
    """Gives, one by one, the tensors with which ``new`` computes what ``old`` does.

    Arguments
    ---------
    plan : Plan
        What ``trace(old, new)`` returned.
    old : torch.nn.Module
        The model as it is.
    new : torch.nn.Module
        Gives fresh units their weights; what is not carried is left out.

    Yields
    ------
    str
        A name in the new model.
    torch.Tensor
        What that tensor becomes.
    """
    before, after = old.state_dict(), new.state_dict()
    for name, axes in plan.tensors.items():
        tensor = remap(before[plan.before(name)], axes)
        yield name, with_fresh_weights(tensor, axes, after[name])


def carry_optimizer(plan, optimizer, names):
    """Returns the state that a grown optimizer continues from.

    Arguments
    ---------
    plan : Plan
        What ``trace`` returned.
    optimizer : torch.optim.Optimizer
        Its state is read, not changed.
    names : dict
        Name in the plan of each of its parameters.

    Returns
    -------
    dict
        State by the parameter's name.

    Raises
    ------
    NoRuleError
        If the optimizer, or an entry of its state, is unknown.
    """
    powers = powers_of(optimizer)

    def grown(value, axes, entry):
        """One value of the state."""
        if entry is None or value is None:
            return value
        return with_fresh_state(remap(value, axes, entry), axes, entry)

    return {
        names[parameter]: {
            key: grown(value, plan.tensors[names[parameter]], powers[key])
            for key, value in state.items()
        }
        for parameter, state in optimizer.state.items()
    }


def powers_of(optimizer):
    """The powers of an optimizer's state, once every entry is known.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Any; only its type and the names in its state are looked at.

    Returns
    -------
    dict
        One value of ``POWERS``.

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
            f"{kind.__name__}: no rule says how its state grows; there is one "
            f"for {names}; teach it one with speechbrain_growth.POWERS,"
            " or start with an empty state (optimizer: reset)"
        )
    entries = {key for state in optimizer.state.values() for key in state}
    unknown = sorted(entries - set(POWERS[known]))
    if unknown:
        raise NoRuleError(
            [
                f"{kind.__name__}: no rule says how the entry {key!r} of its "
                f"state grows; known are {', '.join(POWERS[known])}; teach it "
                "one with speechbrain_growth.POWERS"
                for key in unknown
            ]
        )
    return POWERS[known]


def replace_parameters(optimizer, successors, states):
    """Gives an optimizer grown parameters; the same object lives on.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Changed in place: schedulers and checkpointers hold on to it.
    successors : dict
        The parameter that follows each old one.
    states : dict
        State of each new parameter; missing ones start with none.
    """
    for group in optimizer.param_groups:
        group["params"] = [successors[p] for p in group["params"]]
    optimizer.state.clear()
    optimizer.state.update(states)


def check_strangers(optimizer, known):
    """Raises if an optimizer holds a parameter that is not among the known.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Any.
    known : container
        The parameters of the model.

    Raises
    ------
    GrowthError
        Naming the shapes of the others.
    """
    strangers = [
        str(tuple(parameter.shape))
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter not in known
    ]
    if strangers:
        raise GrowthError(
            f"the optimizer holds parameters of shapes {', '.join(strangers)} "
            "that the model does not have; it must hold the model's alone"
        )
