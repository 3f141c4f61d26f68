"""Rules of functions that layers of torch.nn are made of.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.sums import contract
from speechbrain_growth.engine.reading.steps import Two
from speechbrain_growth.engine.rules.norms import group_norm_width

POOLS = "avg max adaptive_avg adaptive_max lp fractional_max".split()


@reads("embedding")
def _embedding(step, input, weight, *args, **kwargs):
    """Columns are copied."""
    if weight.old[0] != weight.new[0]:
        step.refuse(f"reads {weight.own}, whose rows grow; keep their number")
    return (*input.axes, step.width(weight, 1))


@reads("layer_norm rms_norm", sizes=True)
def _layer_norm(step, input, normalized_shape, *tensors, **kwargs):
    """Averages over the last axes, so each unit needs equally many copies."""
    tensors = [*tensors, kwargs.get("weight"), kwargs.get("bias")]
    tensors = [one for one in tensors if hasattr(one, "axes")]
    count = len(normalized_shape)
    step.averaged(input, range(-count, 0))
    axes = list(input.axes)
    for dim in range(-count, 0):
        given = [input, *tensors]
        axes[dim] = step.tie(*(step.width(one, dim) for one in given))
    return tuple(axes)


@reads("batch_norm instance_norm")
def _batch_norm(step, input, *tensors, **kwargs):
    """Each channel alone."""
    given = [*tensors, *kwargs.values()]
    given = [one for one in given if hasattr(one, "axes")]
    axes = list(input.axes)
    widths = [step.width(one, 0) for one in given]
    axes[1] = step.tie(step.width(input, 1), *widths)
    return tuple(axes)


@reads("group_norm", sizes=True)
def _group_norm(step, input, num_groups, weight=None, bias=None, eps=1e-5):
    """Averages over the channels of each group."""
    axes, width = list(input.axes), step.width(input, 1)
    given = [one for one in (weight, bias) if one is not None]
    if width is not None:
        groups = num_groups, num_groups
        if isinstance(num_groups, Two):
            groups = num_groups.old, num_groups.new
        problem = group_norm_width(*groups, width, step.trace)
        if problem:
            step.refuse(problem)
    axes[1] = step.tie(width, *(step.width(one, 0) for one in given))
    return tuple(axes)


@reads("conv1d conv2d conv3d", sizes=True)
def _convolution(
    step, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    """As a linear function at every position; or each channel alone."""
    if any(isinstance(one, Two) for one in (stride, padding, dilation)):
        step.refuse("moves its kernel otherwise in the larger model")
    kernel = len(weight.old) - 2
    axes, place = list(input.axes), len(input.old) - kernel - 1
    own = step.width(weight, 0)
    if groups == 1:
        contract(step, input, place, weight, 1)
    elif weight.size(1) == (1, 1) and weight.size(0) == input.size(place):
        own = step.tie(step.width(input, place), own)
    elif input.growing or weight.growing:
        step.refuse("has groups that grow; use a layer, such as nn.Conv2d")
    if bias is not None:
        own = step.tie(own, step.width(bias, 0))
    axes[place] = own
    return tuple(axes)


def _spatial(count):
    """A rule for what works on some last axes."""

    def rule(step, input, *args, **kwargs):
        """The axes before them stay."""
        step.along(input, range(-count, 0), "pools, or resamples,")
        return [input.axes for _ in step.outs]

    return rule


for _count in (1, 2, 3):
    for _kind in POOLS:
        _names = f"{_kind}_pool{_count}d {_kind}_pool{_count}d_with_indices"
        reads(_names)(_spatial(_count))


@reads("interpolate upsample")
def _interpolate(step, input, *args, **kwargs):
    """On all axes after the second."""
    return _spatial(len(input.old) - 2)(step, input)


@reads("weight_norm weight_norm_interface")
def _weight_norm(step, *args, **kwargs):
    """Refused: the norm of a row counts what its columns share."""
    step.refuse(
        "computes a layer's weights from others; remove it before the growth "
        "and add it again afterwards"
    )
