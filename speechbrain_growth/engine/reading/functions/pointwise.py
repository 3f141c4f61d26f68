"""Rules of functions that treat every number alone.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import Value

ALONE = """
    abs acos alpha_dropout asin atan bernoulli bfloat16 bool ceil celu clone
    contiguous cos cosh cpu cuda .data detach digamma double dropout dropout1d
    dropout2d dropout3d elu erf erfc exp expm1 feature_alpha_dropout float
    floor frac gelu half hardshrink hardsigmoid hardswish hardtanh int isfinite
    isinf isnan leaky_relu lgamma log log10 log1p log2 logical_not logit
    logsigmoid long mish nan_to_num neg negative positive reciprocal relu relu6
    requires_grad round rsqrt selu sigmoid sign silu sin sinh softplus
    softshrink softsign sqrt square tan tanh tanhshrink threshold to trunc type
    uniform normal zero fill numpy
"""
TOGETHER = """
    add addcdiv addcmul atan2 clamp clamp_max clamp_min clip copy div divide
    eq fmod floor_divide floordiv ge greater greater_equal gt heaviside
    hypot invert le lerp less less_equal logaddexp logical_and logical_or
    logical_xor lt masked_fill maximum minimum mod mul multiply ne not_equal
    and or xor pow prelu remainder rsub sub subtract true_divide truediv
    type_as where xlogy view_as reshape_as expand_as bitwise_and bitwise_or
    bitwise_not bitwise_xor float_power
"""
LIKE = """
    empty_like full_like ones_like rand_like randn_like zeros_like
"""
CONSTANT = """
    empty full new_empty new_full new_ones new_zeros ones rand randn zeros
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
def alone(step, input, *args, **kwargs):
    """Every number alone; an own tensor stays one."""
    if input.old != step.out.old:  # of another tensor's type, with its shape
        return meet(step, input)
    return input if input.own else input.axes


@reads(TOGETHER)
def _together(step, *args, **kwargs):
    """Tensors that meet number by number; other arguments are numbers."""
    given = [*args, *kwargs.values()]
    return meet(step, *(one for one in given if isinstance(one, Value)))


@reads("prelu")
def _prelu(step, input, weight):
    """One slope, or one for each channel on the second axis."""
    axes = list(input.axes)
    if weight.old != (1,):
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
