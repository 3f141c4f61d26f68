"""Applies a plan: tensors in, tensors out.

A copy of a unit with share ``a`` of its outgoing weight receives ``a`` times
its original's gradient. So weights take the share on the incoming axis, while
gradients and all that is averaged from them take it on the layer's own axis.
``POWERS`` is the one place that says to which power.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.errors import GrowthError, NoRuleError

# For each entry of an optimizer's state: the power of the share on the layer's
# own (out) axis and on its incoming (in) axis. None: a number for the whole
# tensor, kept as it is. Subclasses (AdamW) inherit. Another optimizer is taught
# in one line: POWERS[Lion] = {"exp_avg": FIRST}
FIRST, SECOND = (1, 0), (2, 0)  # averages of gradients, and of their squares
ADAM = {"step": None, "exp_avg": FIRST, "exp_avg_sq": SECOND}
POWERS = {
    torch.optim.SGD: {"momentum_buffer": FIRST},
    torch.optim.Adam: {**ADAM, "max_exp_avg_sq": SECOND},
    torch.optim.NAdam: {**ADAM, "mu_product": None},
    torch.optim.RAdam: ADAM,
    torch.optim.Adamax: {"step": None, "exp_avg": FIRST, "exp_inf": FIRST},
    torch.optim.Adagrad: {"step": None, "sum": SECOND},
    torch.optim.RMSprop: {
        "step": None,
        "square_avg": SECOND,
        "grad_avg": FIRST,
        # of gradients over their root mean square: the share cancels
        "momentum_buffer": (0, 0),
    },
    torch.optim.Adadelta: {
        "step": None,
        "square_avg": SECOND,
        # of updates, which are to be shared as the weights are
        "acc_delta": (0, 2),
    },
}
WEIGHT = (0, 1)


def remap(tensor, axes, powers=WEIGHT):
    """Returns a tensor grown along its axes.

    Arguments
    ---------
    tensor : torch.Tensor
        Any shape.
    axes : tuple
        One ``Axis`` or None for each dimension; empty if nothing grows.
    powers : tuple of int
        Power of the share on ``out`` and on ``in`` axes.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> from speechbrain_growth.plan import Axis
    >>> from speechbrain_growth.widths import WidthMap
    >>> half = torch.tensor([0.5, 1.0, 0.5])
    >>> width = WidthMap(torch.tensor([0, 1, 0]), half, old=2)
    >>> remap(torch.tensor([[8.0, 3.0]]), (None, Axis(width, "in")))
    tensor([[4., 3., 4.]])
    """
    for dim, axis in enumerate(axes):
        if axis is None or axis.width.is_identity:
            continue
        source = axis.width.source.to(tensor.device)
        tensor = tensor.index_select(dim, source)
        power = powers[0] if axis.role == "out" else powers[1]
        if power:
            share = axis.width.share.to(tensor.device, tensor.dtype) ** power
            shape = [1] * tensor.ndim
            shape[dim] = -1
            tensor = tensor * share.view(shape)
    return tensor


def carry_weights(plan, old, new):
    """Returns the state dict that makes ``new`` compute what ``old`` does.

    Arguments
    ---------
    plan : Plan
        What ``trace(old, new)`` returned.
    old : torch.nn.Module
        The model as it is.
    new : torch.nn.Module
        Gives the buffers that are not carried.

    Returns
    -------
    dict
        For ``new.load_state_dict(strict=True)``.
    """
    before, after = old.state_dict(), new.state_dict()
    return {
        name: remap(before[plan.before(name)], plan.tensors[name])
        if name in plan.tensors
        else after[name]
        for name in after
    }


def add_noise(plan, state, level, generator=None):
    """Breaks the symmetry as Net2Net does: noise on the copies' weights.

    Changes the function: every further copy of a unit gets Gaussian noise on
    its incoming weights, ``level`` times their standard deviation.

    Arguments
    ---------
    plan : Plan
        Says which rows are copies.
    state : dict
        Tensors by name, already grown.
    level : float
        Standard deviation of the noise relative to the weights'.
    generator : torch.Generator
        Source of randomness, on the CPU.

    Returns
    -------
    dict
        The state with noise.
    """
    noisy = dict(state)
    for name, axes in plan.tensors.items():
        weight = state[name]
        if weight.ndim < 2 or axes[0] is None or axes[0].role != "out":
            continue
        width = axes[0].width
        seen = torch.zeros(width.old, dtype=torch.bool)
        further = torch.zeros(width.new, dtype=torch.bool)
        for row, unit in enumerate(width.source):
            further[row], seen[unit] = seen[unit], True
        if further.any():
            noise = torch.randn(
                weight[further].shape, generator=generator, dtype=torch.float64
            )
            noise = noise.to(weight) * level * weight.std()
            noisy[name] = weight.clone()
            noisy[name][further] += noise
    return noisy


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
    return {
        names[parameter]: {
            key: remap(value, plan.tensors[names[parameter]], powers[key])
            if powers[key] and value is not None
            else value
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
            f"for {names}; or choose optimizer: reset"
        )
    entries = {key for state in optimizer.state.values() for key in state}
    unknown = sorted(entries - set(POWERS[known]))
    if unknown:
        raise NoRuleError(
            [
                f"{kind.__name__}: no rule says how the entry {key!r} of its "
                f"state grows; known are {', '.join(POWERS[known])}"
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
