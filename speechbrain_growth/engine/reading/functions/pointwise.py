"""Rules of functions that treat every number alone.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import Two, Value, all_of

ALONE = """
    abs absolute acos acosh alpha_dropout asin asinh atan atanh bernoulli
    bitwise_not bool ceil celu cos cosh deg2rad digamma elu erf erfc erfinv exp
    exp2 expm1 feature_alpha_dropout fill floor frac gelu hardshrink hardsigmoid
    hardswish hardtanh int invert isfinite isinf isnan leaky_relu lgamma log
    log10 log1p log2 log_sigmoid logical_not logit logsigmoid long mish
    nan_to_num normal numpy positive reciprocal relu relu6 round rrelu rsqrt
    selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink
    softsign special_expit sqrt square tan tanh tanhshrink threshold trunc
    uniform zero
"""
# Twice as much of each where twice as much comes in; or another type
LINEAR = """
    bfloat16 clone contiguous cpu cuda .data detach double dropout dropout1d
    dropout2d dropout3d float half neg negative requires_grad to type type_as
"""
TOGETHER = """
    add addcdiv addcmul atan2 clamp clamp_max clamp_min clip copy div divide
    eq fmod floor_divide floordiv ge greater greater_equal gt heaviside
    hypot invert le lerp less less_equal logaddexp logical_and logical_or
    logical_xor lt masked_fill maximum minimum mod mul multiply ne not_equal
    and or xor pow remainder rsub sub subtract true_divide truediv where xlogy
    expand_as bitwise_and bitwise_or bitwise_xor float_power fmax fmin
    logaddexp2 copysign isclose rdiv
"""
LIKE = """
    empty_like ones_like rand_like randn_like zeros_like
"""
CONSTANT = """
    empty new_empty new_ones new_zeros ones rand randn zeros
"""


def meet(step, *values):
    """The axes of what leaves where tensors meet, number by number.

    Arguments
    ---------
    step : Step
        Ties their maps.
    *values : Value
        Aligned at the last axis, as torch broadcasts them.

    Returns
    -------
    tuple of WidthMap
    """
    axes, count = [], len(step.out.old)
    for dim in range(-count, 0):
        widths = [
            step.width(value, dim)
            for value in values
            if len(value.old) >= -dim and value.size(dim) != (1, 1)
        ]
        axes.append(step.tie(*widths))
    return tuple(axes)


@reads(ALONE)
def _alone(step, input, *args, **kwargs):
    """Every number alone."""
    return meet(step, input)


@reads(LINEAR)
def _linear(step, input, *args, **kwargs):
    """An own tensor stays one, as shares of it leave as shares."""
    return input


@reads(TOGETHER)
def _together(step, *args, **kwargs):
    """Tensors that meet number by number; other arguments are numbers."""
    given = [*args, *kwargs.values()]
    return meet(step, *(one for one in given if isinstance(one, Value)))


@reads("broadcast_tensors")
def _broadcast(step, *tensors):
    """Gives all the same shape."""
    tensors = tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors
    return [meet(step, *tensors)] * len(step.outs)


@reads("prelu")
def _prelu(step, input, weight):
    """One slope, or one for each channel on the second axis."""
    axes = list(all_of(step, input))
    if weight.size(0) != (1, 1):
        axes[1] = step.tie(step.width(input, 1), step.width(weight, 0))
    return tuple(axes)


@reads(LIKE, sizes=True)
def _like(step, input, *args, **kwargs):
    """A constant of another tensor's shape."""
    return tuple(
        step.free(dim, *step.out.size(dim)) if dim in step.out.growing else None
        for dim in range(len(step.out.old))
    )


@reads(CONSTANT, sizes=True)
def _constant(step, *args, **kwargs):
    """A constant of any shape."""
    return _like(step, None)


@reads("new_tensor")
def _tensor(step, *args, **kwargs):
    """A tensor of given numbers."""
    return (None,) * len(step.out.old)


@reads("full full_like new_full", sizes=True)
def _full(step, *args, **kwargs):
    """The same number everywhere, which may be no size."""
    filled = kwargs.get("fill_value", args[-1] if args else None)
    if isinstance(filled, Two):
        step.refuse(
            f"fills with {filled.old}, and in the larger model with "
            f"{filled.new}; keep that number"
        )
    return _like(step, None)


@reads("one_hot")
def _one_hot(step, tensor, num_classes=-1):
    """One more axis, which stays."""
    return (*all_of(step, tensor), None)
